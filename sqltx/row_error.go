package sqltx

import "github.com/urlite/urlite/refusal"

// RowError is a row of a batch that was skipped, counted from 0, and why.
type RowError struct {
	Row int
	Why *refusal.Refusal
}
