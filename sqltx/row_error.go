package sqltx

import "github.com/urlite/urlite/refusal"

// RowError is a row of a batch that was left out, and why. Rows count from 0.
type RowError struct {
	Row int
	Why *refusal.Refusal
}
