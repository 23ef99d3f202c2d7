package kv

import (
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/internal/ratelimit"
	"github.com/urlite/urlite/refusal"
)

// limitContentType is the type of a row that holds the state of rate limits. It is
// text, so that a person can look at it.
const limitContentType = "text/vnd.urlite.ratelimit"

// RateLimited refuses what a rate limit does not grant; the reply tells the rest.
var RateLimited = refusal.New(refusal.RateLimited, "Rate limit exceeded")

func checkLimit(op *Op) *refusal.Refusal { return op.Limit.Check() }

// decideLimit grants the cost and counts it, or refuses and counts nothing. The
// row lives as long as its state says something.
func decideLimit(op *Op, row *Row, now int64, out *Outcome) *refusal.Refusal {
	var state []byte
	live := row.Live(now)
	if live {
		state = row.Value.Bytes
		if row.ContentType != limitContentType || row.Value.Kind == Integer { // somebody counted in it
			return notALimit(op.Key)
		}
	}
	const growth = 96 // a new line, or longer numbers in all
	rules, verdicts := [1]ratelimit.Rule{op.Limit}, [1]ratelimit.Verdict{}
	did, why := ratelimit.Decide(out.Scratch.take(len(state)+growth), state, rules[:], now, op.Peek, verdicts[:])
	if why != nil {
		return why
	}
	out.Reply.Verdict = verdicts[0]
	switch {
	case !did.Allowed:
		return RateLimited
	case op.Peek:
		return nil
	}
	out.keepOrMake(row, now, limitContentType)
	out.Value = Value{Kind: Text, Bytes: did.State}
	// It is moved ahead by steps, not with each request: the expiry has an index.
	if !live || did.ExpireAt > row.ExpireAt {
		out.ExpireAt = did.ExpireAt + op.Limit.WindowSeconds*1000
	}
	return nil
}

// RefusedLimit is RateLimited with what the limit says of it.
func RefusedLimit(op *Op, r *Reply) *refusal.Refusal {
	told := appendVerdict([]byte(","), &op.Limit, r)
	return RateLimited.With(string(told[:len(told)-1]))
}

func notALimit(key string) *refusal.Refusal {
	return refusal.Newf(refusal.InvalidParameters, "Value at key '%s' is not a rate limit", key)
}

// answerLimit is one limit's answer, granted or refused.
func answerLimit(dst []byte, op *Op, r *Reply) []byte {
	return appendVerdict(append(dst, '{'), &op.Limit, r)
}

func appendVerdict(dst []byte, rule *ratelimit.Rule, r *Reply) []byte {
	v := &r.Verdict
	a := answer{append(dst, `"allowed":`...)}.bool(v.Allowed).number("limit", v.Limit).
		number("remaining", v.Remaining).number("reset", v.ResetSeconds).number("retry_after", v.RetryAfterSeconds)
	return append(a.text("algorithm", rule.Algorithm.String()).bytes, '}')
}

// Tightest is the index of the limit that the caller must heed: of those that
// refuse, the one that does so the longest; if none does, the one with the least left.
func Tightest(replies []Reply) int {
	at := 0
	for i := range replies {
		a, b := &replies[i].Verdict, &replies[at].Verdict
		switch {
		case a.Allowed != b.Allowed:
			if !a.Allowed {
				at = i
			}
		case !a.Allowed && a.RetryAfterSeconds > b.RetryAfterSeconds,
			a.Allowed && a.Remaining < b.Remaining:
			at = i
		}
	}
	return at
}

// appendLimits answers several limits at once: as the tightest does, with all of them
// in "limits".
func appendLimits(dst []byte, ops []Op, replies []Reply) []byte {
	tightest := Tightest(replies)
	dst = answerLimit(dst, &ops[tightest], &replies[tightest])
	dst = append(dst[:len(dst)-1], `,"limits":[`...)
	for i := range ops {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(append(dst, `{"key":`...), ops[i].Key)
		dst = answer{dst}.number("window", ops[i].Limit.WindowSeconds).bytes
		dst = appendVerdict(append(dst, ','), &ops[i].Limit, &replies[i])
	}
	return append(dst, "]}"...)
}
