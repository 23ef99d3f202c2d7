package kv

import (
	"testing"

	"github.com/urlite/urlite/refusal"
)

// appended is an append of a body that came as a type.
func appended(sent, body string) Op {
	op := Op{Code: Append}
	op.Value, op.ContentType = BodyOf(&op, sent, []byte(body))
	return op
}

func TestAppendAddsToTheEndAndKeepsTheType(t *testing.T) {
	f := func(row Row, op Op, want, wantType string, kind ValueKind) {
		t.Helper()
		tr := try(t, op, row)
		if tr.why != nil || tr.value() != want || tr.row.ContentType != wantType || tr.row.Value.Kind != kind || tr.reply.Size != len(want) {
			t.Errorf("%q to %q: %v, %q of type %q, kind %d, size %d", op.Value.Bytes, row.Value.Bytes, tr.why, tr.value(), tr.row.ContentType, tr.row.Value.Kind, tr.reply.Size)
		}
	}
	f(missing, appended("", "one"), "one", contentTypeText, Text)
	f(missing, appended("text/csv", "a,b\n"), "a,b\n", "text/csv", Text)
	f(missing, appended("", "\xff"), "\xff", contentTypeBinary, Blob)
	f(missing, appended("", ""), "", contentTypeText, Text)
	// What looks like JSON is a text here, or the next append would be refused.
	f(missing, appended("", "12"), "12", contentTypeText, Text)
	f(missing, appended("application/json", "{}"), "{}", contentTypeText, Text)

	f(stored("text/csv", "a\n"), appended("", "b\n"), "a\nb\n", "text/csv", Text)
	f(stored("text/csv", "a"), appended("", ""), "a", "text/csv", Text)
	f(stored("text/plain", "a"), appended("", "\x00"), "a\x00", "text/plain", Blob) // text functions would see half of it
	f(stored("image/png", "\x89"), appended("", "PNG"), "\x89PNG", "image/png", Blob)
	counted := counter(41)
	counted.ContentType = CounterContentType
	f(counted, appended("", "2"), "412", CounterContentType, Text)
}

func TestAppendIsRefusedForDocumentsAndForWhatGrowsTooLarge(t *testing.T) {
	refuses(t, appended("", "x"), document(`{}`), refusal.InvalidParameters, "Value at key 'k' is JSON; append takes text or bytes")
	op := appended("", "cd")
	op.Key = "k"
	row := stored("text/plain", "ab")
	var out Outcome
	op.valueBytesMax = 4
	if why := Decide(&op, &row, birth, &out); why != nil {
		t.Fatal(why)
	}
	op.valueBytesMax = 3
	if why := Decide(&op, &row, birth, &out); why == nil || why.Kind != refusal.PayloadTooLarge {
		t.Fatal(why)
	}
}
