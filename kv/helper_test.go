package kv

import (
	"encoding/json"
	"testing"

	"github.com/urlite/urlite/internal/ratelimit"
	"github.com/urlite/urlite/refusal"
)

// Most tests of an operation try it on one stored value, at birth.

// stored is a row that was written some time ago and has a history.
func stored(contentType, body string) Row {
	return Row{
		Exists: true, Value: BytesValue([]byte(body), contentType), ContentType: contentType,
		CreatedAt: birth - 9000, UpdatedAt: birth - 5000, Version: 7, Head: 7, OpNumber: 3,
	}
}

// document is a stored value of the type application/json.
func document(body string) Row { return stored(contentTypeJSON, body) }

// number is a stored counter.
func number(n int64) Row {
	row := stored("text/plain", "")
	row.Value = IntegerValue(n)
	return row
}

// missing is a key that nobody wrote.
var missing = Row{}

// trial is what became of an operation.
type trial struct {
	row   Row
	out   Outcome
	why   *refusal.Refusal
	log   []Entry
	reply Reply
	// answer is the JSON object that the client gets, "" if the operation was refused.
	answer string
}

// value is the row's value as a client sees it.
func (tr *trial) value() string { return string(tr.row.Value.Append(nil)) }

// try has op, which may lack a key, checked, decided and applied, and holds it to what
// is true of every operation.
func try(t testing.TB, op Op, row Row) trial {
	t.Helper()
	limits := DefaultLimits()
	if op.Key == "" {
		op.Key = "k"
	}
	tr := trial{row: row}
	if tr.why = Check(&op, &limits); tr.why != nil {
		return tr
	}
	asked, before, sequence := text(&op), text(row), int64(100)
	tr.out.Scratch = &Scratch{}
	tr.why = Decide(&op, &tr.row, birth, &tr.out)
	if text(&op) != asked || text(tr.row) != before {
		t.Errorf("to decide changed\n%s\n%s\nto\n%s\n%s", asked, before, text(&op), text(tr.row))
	}
	if tr.reply = tr.out.Reply; tr.why != nil {
		if facts := "{" + `"error":""` + tr.why.Facts + "}"; !json.Valid([]byte(facts)) {
			t.Errorf("the facts of a refusal are no JSON: %s", facts)
		}
		return tr
	}
	tr.log = tr.out.Apply(&op, &tr.row, birth, &sequence, nil)
	tr.reply = tr.out.Reply
	if folded, known := replayed(row, tr.log); len(tr.log) > 0 && leavesHistory(&op) && (!known || show(&folded, birth) != show(&tr.row, birth)) {
		t.Errorf("the entries come to %s (known %v), the row is %s", show(&folded, birth), known, show(&tr.row, birth))
	}
	tr.answer = string(AppendAnswer(nil, One, []Op{op}, []Reply{tr.reply}))
	if !json.Valid([]byte(tr.answer)) {
		t.Errorf("the answer is no JSON: %s", tr.answer)
	}
	return tr
}

// replayed is what entries without their full states make of a row.
func replayed(row Row, log []Entry) (_ Row, known bool) {
	for i := range log {
		entry := log[i]
		known = entry.Fold(&row)
	}
	return row, known
}

// refuses expects of an operation to be refused as kind with text.
func refuses(t testing.TB, op Op, row Row, kind refusal.Kind, text string) {
	t.Helper()
	tr := try(t, op, row)
	if tr.why == nil || tr.why.Kind != kind || tr.why.Text != text {
		t.Errorf("%s %q on %q: %v, want %s: %s", op.Code, op.Path, row.Value.Append(nil), tr.why, kind.Code(), text)
	}
}

// perMinute is a rate limit of the default kind.
func perMinute(limit int64) ratelimit.Rule {
	return ratelimit.Rule{Limit: limit, WindowSeconds: 60, Cost: 1}
}
