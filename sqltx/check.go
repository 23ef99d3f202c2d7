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
		if fault := faultOf(r.Items[i].SQL); fault != nil {
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
