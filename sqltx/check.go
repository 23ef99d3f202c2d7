package sqltx

import (
	"strings"
	"unicode/utf8"

	"github.com/urlite/urlite/refusal"
)

// WholeRequest is the index of a refusal that no single item is to blame for.
const WholeRequest = -1

// ItemError is a refusal and the item it came from, which the answer names as
// reqIdx.
type ItemError struct {
	Index   int
	Refusal *refusal.Refusal
}

// Error returns the refusal's text and cause.
func (e *ItemError) Error() string { return e.Refusal.Error() }

// Unwrap returns the refusal.
func (e *ItemError) Unwrap() error { return e.Refusal }

// What is refused before any engine is asked, in order of precedence.
var (
	missingTransaction = refusal.New(refusal.InvalidParameters, "missing statements list ('transaction' node)")
	nulInSQL           = refusal.New(refusal.SQLError, "SQL contains a NUL character")
	sqlNotUTF8         = refusal.New(refusal.SQLError, "SQL is not valid UTF-8")
	emptySQL           = refusal.New(refusal.SQLError, "empty SQL statement")
)

// Check refuses what can be refused by looking at it: the first fault of the
// first item at fault, as an *ItemError.
func (r *Request) Check(l Limits) error {
	if err := CheckCount(len(r.Items), l); err != nil {
		return err
	}
	for i := range r.Items {
		item := &r.Items[i]
		if item.Kind == KeyValue {
			continue
		}
		if fault := faultOf(item.SQL); fault != nil {
			return &ItemError{Index: i, Refusal: fault}
		}
	}
	return nil
}

// CheckCount refuses a transaction of no items or of too many. It stands alone
// so that a list can be refused before all of it is read.
func CheckCount(items int, l Limits) error {
	switch {
	case items == 0:
		return &ItemError{Index: WholeRequest, Refusal: missingTransaction}
	case items > l.ItemsMax:
		return &ItemError{Index: WholeRequest, Refusal: refusal.Newf(refusal.InvalidParameters,
			"too many items in the transaction; at most %d are allowed", l.ItemsMax)}
	}
	return nil
}

// CheckRows refuses a batch of so many rows, in a request that has as many as all in its
// batches, as a *refusal.Refusal.
func CheckRows(rows, all int, l Limits) error {
	switch {
	case rows > l.BatchRowsMax:
		return refusal.Newf(refusal.InvalidParameters, "too many rows in valuesBatch; at most %d are allowed", l.BatchRowsMax)
	case all > l.RowsAllMax:
		return refusal.Newf(refusal.InvalidParameters, "too many rows in the batches of the transaction; at most %d are allowed", l.RowsAllMax)
	}
	return nil
}

// Forgives tells whether noFail lets a transaction go on after a refusal: one that is
// the item's fault, and neither the machine's nor that of the request as a whole.
func Forgives(why *refusal.Refusal) bool {
	switch why.Kind {
	case refusal.SQLError, refusal.SQLBindError, refusal.SQLConstraint,
		refusal.InvalidParameters, refusal.InvalidJSONValue, refusal.KeyNotFound, refusal.Conflict,
		refusal.PreconditionFailed, refusal.PayloadTooLarge, refusal.RateLimited:
		return true
	}
	return false
}

// CheckSQL refuses SQL that no engine should see, as a *refusal.Refusal.
func CheckSQL(sql string) error {
	if fault := faultOf(sql); fault != nil {
		return fault
	}
	return nil
}

func faultOf(sql string) *refusal.Refusal {
	switch {
	case strings.IndexByte(sql, 0) >= 0:
		return nulInSQL
	case !utf8.ValidString(sql):
		return sqlNotUTF8
	case SkipBlank(sql) == "":
		return emptySQL
	}
	return nil
}
