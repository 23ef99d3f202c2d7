package server

import (
	"errors"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/internal/ratelimit"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
)

// limit answers whether one or several rate limits grant a request, and counts it if
// all of them do.
func limit(q *request) error {
	call, err := q.newCall()
	if err != nil {
		return err
	}
	defer call.Release()
	if err := q.bindLimits(call); err != nil {
		return err
	}
	for i := range call.Ops {
		if why := kv.Check(&call.Ops[i], &q.server.config.Limits); why != nil {
			return inLimits(call, i, why)
		}
	}
	err = q.commit(call)
	if err != nil && !errors.Is(err, kv.RateLimited) {
		return err
	}
	if err == nil {
		q.answerCall(call)
	} else {
		q.refuseRate(call)
	}
	if !call.Answer.Replayed { // what was left then is not what is left now
		q.rateHeaders(call)
	}
	return nil
}

const limitsMax = 16

var (
	errLimitsCount  = refusal.Newf(refusal.InvalidParameters, "limits must be a list of 1 to %d limits", limitsMax)
	errLimitsRepeat = refusal.New(refusal.InvalidParameters, "two limits of one key must differ in algorithm or window")
)

// bindLimits reads the limits of the body, or the one of the query.
func (q *request) bindLimits(call *catalog.Call) error {
	body, err := q.body()
	if err != nil {
		return err
	}
	list, err := limitList(jsontext.Trim(body))
	if err != nil {
		return err
	}
	if list == nil {
		return q.bindOp(call.Add(kv.Limit))
	}
	call.Shape = kv.Limited
	peek, err := q.flag("peek", false)
	if err != nil {
		return err
	}
	if err := refuseConditions(q, nil); err != nil {
		return err
	}
	for raw := range jsontext.Elements(list) {
		if len(call.Ops) == limitsMax {
			return errLimitsCount
		}
		op := call.Add(kv.Limit)
		op.Key, op.Peek = q.key, peek
		if why := bindOneLimit(raw, op); why != nil {
			return inLimits(call, len(call.Ops)-1, why)
		}
		for i := range call.Ops[:len(call.Ops)-1] {
			if before := &call.Ops[i]; before.Key == op.Key && before.Limit.Algorithm == op.Limit.Algorithm &&
				before.Limit.WindowSeconds == op.Limit.WindowSeconds {
				return errLimitsRepeat
			}
		}
	}
	if len(call.Ops) == 0 {
		return errLimitsCount
	}
	return nil
}

// limitList finds the list in the body, nil without one.
func limitList(body []byte) (list []byte, err error) {
	if len(body) == 0 {
		return nil, nil
	}
	if !isJSON(body) || body[0] != '{' {
		return nil, invalidJSONBody
	}
	for name, value := range jsontext.Fields(body) {
		if string(jsontext.Unquote(name)) == "limits" && !jsonAbsent(value) {
			list = value
		}
	}
	if list != nil && list[0] != '[' {
		return nil, errLimitsCount
	}
	return list, nil
}

func inLimits(call *catalog.Call, i int, why *refusal.Refusal) error {
	if call.Shape != kv.Limited {
		return why
	}
	return inList("limits", i, why)
}

// bindOneLimit reads one limit of the body.
func bindOneLimit(raw []byte, op *kv.Op) (why *refusal.Refusal) {
	if raw[0] != '{' {
		return refusal.New(refusal.InvalidParameters, "a limit must be an object")
	}
	op.Limit.Cost = 1
	for quoted, value := range jsontext.Fields(raw) {
		if jsonAbsent(value) {
			continue
		}
		switch name := string(jsontext.Unquote(quoted)); name {
		case "key":
			op.Key, why = jsonText(name, value)
		case "algorithm":
			var text string
			if text, why = jsonText(name, value); why == nil {
				op.Limit.Algorithm, why = ratelimit.ParseAlgorithm(text)
			}
		case "limit":
			op.Limit.Limit, why = jsonInteger(name, value)
		case "window":
			op.Limit.WindowSeconds, why = jsonInteger(name, value)
		case "cost":
			op.Limit.Cost, why = jsonInteger(name, value)
		case "burst":
			op.Limit.Burst, why = jsonInteger(name, value)
			op.Limit.Burst = burst(op.Limit.Burst)
		}
		if why != nil {
			return why
		}
	}
	return nil
}

// bindLimit reads the one limit of the arguments.
func bindLimit(a arguments, op *kv.Op) error {
	rule := &op.Limit
	algorithm, err := a.text("algorithm")
	if err != nil {
		return err
	}
	var why *refusal.Refusal
	if rule.Algorithm, why = ratelimit.ParseAlgorithm(algorithm); why != nil {
		return why
	}
	if op.Peek, err = a.flag("peek", false); err != nil {
		return err
	}
	for _, p := range [...]struct {
		name   string
		absent int64
		into   *int64
	}{{"limit", 0, &rule.Limit}, {"window", 0, &rule.WindowSeconds}, {"cost", 1, &rule.Cost}, {"burst", 0, &rule.Burst}} {
		if *p.into, err = a.integer(p.name, p.absent); err != nil {
			return err
		}
	}
	if a.has("burst") {
		rule.Burst = burst(rule.Burst)
	}
	return nil
}

// burst is one that was sent: 0 is none that there can be, and not its absence.
func burst(sent int64) int64 {
	if sent == 0 {
		return -1
	}
	return sent
}

// refuseRate answers a refusal like a grant, with an error beside it.
func (q *request) refuseRate(call *catalog.Call) {
	q.out = kv.AppendAnswer(q.out[:0], call.Shape, call.Ops, call.Replies)
	q.out = append(q.out[:len(q.out)-1], `,"error":`...)
	q.out = jsontext.AppendString(q.out, kv.RateLimited.Text)
	q.note.why = kv.RateLimited.Text
	q.text("code", kv.RateLimited.Kind.Code())
	q.end()
	q.ctx.SetStatusCode(statusOf(refusal.RateLimited))
	at := kv.Tightest(call.Replies)
	q.numberHeader(headerRetryAfter, call.Replies[at].Verdict.RetryAfterSeconds)
}

// rateHeaders tells the limits as draft-ietf-httpapi-ratelimit-headers-10 has it, and
// the tightest of them also in the three headers that went before it.
func (q *request) rateHeaders(call *catalog.Call) {
	header := &q.ctx.Response.Header
	q.nameBytes = appendPolicies(q.nameBytes[:0], call)
	header.SetCanonical(headerRatePolicy, q.nameBytes)
	q.nameBytes = appendRates(q.nameBytes[:0], call)
	header.SetCanonical(headerRate, q.nameBytes)
	at := kv.Tightest(call.Replies)
	v := &call.Replies[at].Verdict
	quota, _ := call.Ops[at].Limit.Quota()
	q.numberHeader(headerRateLimit, quota)
	q.numberHeader(headerRateRemaining, v.Remaining)
	q.numberHeader(headerRateReset, v.ResetSeconds)
}

// appendPolicies appends "1";q=100;w=60, … : the quota of each limit and the time that
// it is for.
func appendPolicies(dst []byte, call *catalog.Call) []byte {
	for i := range call.Ops {
		quota, seconds := call.Ops[i].Limit.Quota()
		dst = appendPolicyName(dst, i)
		dst = appendInt(append(dst, ";q="...), quota)
		dst = appendInt(append(dst, ";w="...), seconds)
	}
	return dst
}

// appendRates appends "1";r=99;t=60, … : what is left of each, and until when.
func appendRates(dst []byte, call *catalog.Call) []byte {
	for i := range call.Replies {
		dst = appendPolicyName(dst, i)
		dst = appendInt(append(dst, ";r="...), call.Replies[i].Verdict.Remaining)
		dst = appendInt(append(dst, ";t="...), call.Replies[i].Verdict.ResetSeconds)
	}
	return dst
}

func appendPolicyName(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ", "...)
	}
	dst = appendInt(append(dst, '"'), int64(i+1))
	return append(dst, '"')
}
