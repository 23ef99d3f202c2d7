package sqltx

import "github.com/urlite/urlite/refusal"

// RowError is why a row of a batch was skipped. Rows are counted from 0.
type RowError struct {
	Row int
	Why *refusal.Refusal
}
