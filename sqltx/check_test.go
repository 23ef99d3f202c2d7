package sqltx

import (
	"errors"
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func TestCheckNamesTheItemAtFault(t *testing.T) {
	f := func(index int, kind refusal.Kind, text string, statements ...string) {
		t.Helper()
		var r Request
		for _, sql := range statements {
			r.AddItem().SQL = sql
		}
		err := r.Check(Limits{ItemsMax: 3})
		var item *ItemError
		if !errors.As(err, &item) {
			t.Fatalf("%q: got %v, want an ItemError", statements, err)
		}
		if item.Index != index || item.Refusal.Kind != kind || !strings.Contains(item.Error(), text) {
			t.Errorf("%q: got %d %s %q", statements, item.Index, item.Refusal.Kind.Code(), item)
		}
		if refusal.Of(err) != item.Refusal {
			t.Errorf("%q: the refusal is not in the chain", statements)
		}
	}
	f(WholeRequest, refusal.InvalidParameters, "missing statements list ('transaction' node)")
	f(WholeRequest, refusal.InvalidParameters, "at most 3", "a", "b", "c", "\x00")
	f(1, refusal.SQLError, "NUL", "SELECT 1", "SELECT '\x00\xff'", "")
	f(0, refusal.SQLError, "UTF-8", "-- \xff")
	f(0, refusal.SQLError, "empty SQL statement", "")
	f(2, refusal.SQLError, "empty SQL statement", "SELECT 1", "SELECT 2", " ; -- nothing\n/* here ")
}

func TestCheckAcceptsOrdinaryRequests(t *testing.T) {
	r := Request{Items: []Item{{SQL: "SELECT 1"}, {SQL: "-- a\nSELECT 'ž'; SELECT 2;"}}}
	if err := r.Check(DefaultLimits()); err != nil {
		t.Error(err)
	}
	if err := CheckSQL("SELECT 1"); err != nil {
		t.Error(err)
	}
	if err := CheckSQL(" ;"); refusal.Of(err) != emptySQL {
		t.Errorf("got %v", err)
	}
}
