package server

import (
	"strconv"

	"github.com/urlite/urlite/refusal"
)

// second is a parameter that names a second, in Unix time, which has begun. Milliseconds
// would lie in a far future: they are refused, and not taken for it.
func (q *request) second(name string) (int64, error) {
	sent := q.argument(name)
	if len(sent) == 0 {
		return 0, refusal.Newf(refusal.InvalidParameters, "%s is required: a time in Unix seconds", name)
	}
	second, err := strconv.ParseInt(string(sent), 10, 64)
	switch now := secondsDown(q.server.config.Now()); {
	case err != nil:
		return 0, refusal.Newf(refusal.InvalidParameters, "%s must be an integer, in Unix seconds, not %.64q", name, sent)
	case second < 1:
		return 0, refusal.Newf(refusal.InvalidParameters, "%s must be 1 or later, in Unix seconds, not %d", name, second)
	case second > now:
		return 0, refusal.Newf(refusal.InvalidParameters, "%s is in the future: it is %d, and now is %d; Unix seconds are expected", name, second, now)
	}
	return second, nil
}

// untilEndOf is the first millisecond after a second, which counts whole.
func untilEndOf(second int64) int64 { return (second + 1) * 1000 }

// positive is a parameter that must be at least 1.
func (q *request) positive(name string) (int64, error) {
	if len(q.argument(name)) == 0 {
		return 0, refusal.Newf(refusal.InvalidParameters, "%s is required", name)
	}
	n, err := q.integer(name, 0)
	if err == nil && n < 1 {
		err = refusal.Newf(refusal.InvalidParameters, "%s must be a positive integer, not %d", name, n)
	}
	return n, err
}

// notNegative is a parameter that is at least 0.
func (q *request) notNegative(name string, absent int64) (int64, error) {
	n, err := q.integer(name, absent)
	if err == nil && n < 0 {
		err = refusal.Newf(refusal.InvalidParameters, "%s must not be negative", name)
	}
	return n, err
}
