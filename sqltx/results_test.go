package sqltx

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
)

var _, _ Rows = (*Results)(nil), (*QueryResults)(nil)

func text(s string) Value         { return Value{Kind: Text, Bytes: []byte(s)} }
func blob(s string) Value         { return Value{Kind: Blob, Bytes: []byte(s)} }
func integer(n int64) Value       { return Value{Kind: Integer, Int: n} }
func float(f float64) Value       { return Value{Kind: Float, Float: f} }
func row(values ...Value) []Value { return values }

// appendRows appends a whole item and fails the test when it is refused.
func appendRows(t *testing.T, r *Results, names []string, rows ...[]Value) {
	t.Helper()
	if err := r.StartRows(names); err != nil {
		t.Fatal(err)
	}
	for _, values := range rows {
		if err := r.Row(values); err != nil {
			t.Fatal(err)
		}
	}
	r.EndRows(false)
}

func TestResultsInBothFormats(t *testing.T) {
	names := []string{"id", "name", "data", "share", "none"}
	first := row(integer(math.MaxInt64), text("a\"b"), blob("\xff\x00"), float(1.5), Value{})
	second := row(integer(-1), text(""), blob(""), float(math.Inf(1)), Value{})
	f := func(format Format, want string) {
		t.Helper()
		var r Results
		r.Begin(format)
		r.Updated(3, 0)
		appendRows(t, &r, names, first, second)
		appendRows(t, &r, []string{"x"})
		r.End()
		if got := string(r.Bytes()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if r.Len() != len(want) {
			t.Errorf("Len() = %d, want %d", r.Len(), len(want))
		}
	}
	f(FormatObjects, `{"results":[{"success":true,"rowsUpdated":3},`+
		`{"success":true,"resultHeaders":["id","name","data","share","none"],"resultSet":[`+
		`{"id":9223372036854775807,"name":"a\"b","data":"/wA=","share":1.5,"none":null},`+
		`{"id":-1,"name":"","data":"","share":null,"none":null}]},`+
		`{"success":true,"resultHeaders":["x"],"resultSet":[]}]}`)
	f(FormatList, `{"results":[{"success":true,"rowsUpdated":3},`+
		`{"success":true,"resultHeaders":["id","name","data","share","none"],"resultSetList":[`+
		`[9223372036854775807,"a\"b","/wA=",1.5,null],[-1,"","",null,null]]},`+
		`{"success":true,"resultHeaders":["x"],"resultSetList":[]}]}`)
}

func TestRepeatedColumnNamesStayApart(t *testing.T) {
	f := func(names, want string) {
		t.Helper()
		var e rowEncoder
		e.setColumns(strings.Split(names, " "))
		e.columns()
		var got []string
		if err := json.Unmarshal(e.json, &got); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, want %s", names, strings.Join(got, " "), want)
		}
		if len(e.names.taken.taken) != 0 {
			t.Errorf("%s: names are kept", names)
		}
	}
	f("a b c", "a b c")
	f("a b a a", "a b a:2 a:3")
	f("a:2 a a", "a:2 a a:3")
	f("a a a:2 a", "a a:2 a:2:2 a:3")
	f("a A", "a A")
}

func TestTruncatedIsSaid(t *testing.T) {
	var r Results
	r.Begin(FormatList)
	if err := r.StartRows([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Row(row(integer(1))); err != nil {
		t.Fatal(err)
	}
	r.EndRows(true)
	r.End()
	want := `{"results":[{"success":true,"resultHeaders":["a"],"resultSetList":[[1]],"truncated":true}]}`
	if got := string(r.Bytes()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRewindDropsWhatAFailedItemAppended(t *testing.T) {
	var r Results
	r.Begin(FormatObjects)
	mark := r.Mark()
	appendRows(t, &r, []string{"a"}, row(integer(1)))
	r.Rewind(mark)
	r.Failed(refusal.New(refusal.SQLConstraint, `UNIQUE constraint failed: "t".a`))
	mark = r.Mark()
	if err := r.StartRows([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	r.Rewind(mark)
	r.Updated(0, 0)
	r.End()
	want := `{"results":[{"success":false,"error":"UNIQUE constraint failed: \"t\".a","code":"SQL_CONSTRAINT"},{"success":true,"rowsUpdated":0}]}`
	if got := string(r.Bytes()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFailedNeverTellsTheEnginesOwnFaults(t *testing.T) {
	secret := "disk I/O error in /srv/data"
	for kind := refusal.Internal; kind < refusal.KindEnd; kind++ {
		var r Results
		r.Begin(FormatObjects)
		text := secret
		if kind >= refusal.Unavailable {
			text = "in our words"
		}
		r.Failed(refusal.Wrap(kind, text, errors.New(secret)))
		if bytes.Contains(r.Bytes(), []byte("disk")) || !bytes.Contains(r.Bytes(), []byte(kind.Code())) {
			t.Errorf("%s: %s", kind.Code(), r.Bytes())
		}
	}
	var r Results
	r.Begin(FormatObjects)
	r.Failed(refusal.New(refusal.DatabaseError, secret))
	if !bytes.Contains(r.Bytes(), []byte(`"internal database error"`)) {
		t.Errorf("got %s", r.Bytes())
	}
}

func TestAnswersHaveABound(t *testing.T) {
	f := func(name string, bytesMax int, names []string, values []Value) {
		t.Helper()
		r := Results{BytesMax: bytesMax}
		r.Begin(FormatObjects)
		err := r.StartRows(names)
		for n := 0; err == nil && n < 100; n++ {
			err = r.Row(values)
		}
		if refusal.Of(err) != responseTooLarge {
			t.Errorf("%s: got %v", name, err)
		}
		q := QueryResults{BytesMax: bytesMax}
		q.Begin(FormatObjects, "SELECT 1")
		err = q.StartRows(names)
		for n := 0; err == nil && n < 100; n++ {
			err = q.Row(values)
		}
		if refusal.Of(err) != responseTooLarge {
			t.Errorf("query, %s: got %v", name, err)
		}
	}
	f("many rows", 1000, []string{"a"}, row(text("0123456789")))
	f("many columns", 200, strings.Split(strings.Repeat("name ", 100), " "), nil)
	f("one large text", 1000, []string{"a"}, row(text(strings.Repeat("x", 1000))))

	failing := Results{BytesMax: 1000}
	failing.Begin(FormatObjects)
	var err error
	for n := 0; err == nil && n < 100; n++ {
		err = failing.Failed(refusal.New(refusal.SQLConstraint, "no"))
	}
	if refusal.Of(err) != responseTooLarge {
		t.Errorf("items that fail: got %v", err)
	}

	huge := blob(strings.Repeat("x", 4<<20))
	r := Results{BytesMax: 1 << 20}
	r.Begin(FormatList)
	if err := r.StartRows([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	if r.Row(row(huge)) == nil || cap(r.rows.json) > 1<<20 {
		t.Error("a huge row was encoded before it was refused")
	}
}

func TestQueryResults(t *testing.T) {
	f := func(want string, format Format, truncated bool, names []string, rows ...[]Value) {
		t.Helper()
		var q QueryResults
		for range 2 { // a second use must not remember the first
			q.Begin(format, `SELECT "a"`)
			if names != nil {
				if err := q.StartRows(names); err != nil {
					t.Fatal(err)
				}
			}
			for _, values := range rows {
				if err := q.Row(values); err != nil {
					t.Fatal(err)
				}
			}
			if names != nil {
				q.EndRows(truncated)
			}
			q.End()
			if got := string(q.Bytes()); got != `{"success":true,"query":"SELECT \"a\"",`+want+`}` || q.Len() != len(got) {
				t.Errorf("got %s", got)
			}
		}
	}
	f(`"columns":["a","a:2"],"resultSet":[{"a":1,"a:2":{"value_base64":"/w=="}},{"a":"x","a:2":null}],"rowCount":2,"truncated":true`,
		FormatObjects, true, []string{"a", "a"}, row(integer(1), blob("\xff")), row(text("x"), Value{}))
	f(`"columns":["a"],"resultSetList":[[1]],"rowCount":1,"truncated":false`,
		FormatList, false, []string{"a"}, row(integer(1)))
	f(`"columns":["a"],"resultSet":null,"rowCount":0,"truncated":false`, FormatObjects, false, []string{"a"})
	f(`"columns":null,"resultSet":null,"rowCount":0,"truncated":false`, FormatObjects, false, nil)
}

func TestResetKeepsOnlySmallBuffers(t *testing.T) {
	var r Results
	r.Begin(FormatObjects)
	r.Reset()
	if r.Len() != 0 || cap(r.rows.json) == 0 {
		t.Error("a small buffer is not kept, or not emptied")
	}
	r.Begin(FormatList)
	appendRows(t, &r, []string{"a"}, row(blob(strings.Repeat("x", keepBytesMax))))
	r.Reset()
	if cap(r.rows.json) != 0 {
		t.Error("a large buffer is kept")
	}
}

func TestRowsAllocateNothing(t *testing.T) {
	var r Results
	names := []string{"id", "name", "data", "share", "none"}
	values := row(integer(-42), text("žluť \"quoted\""), blob("\x00\xff"), float(0.25), Value{})
	one := func() {
		r.Begin(FormatObjects)
		for range 3 {
			_ = r.StartRows(names)
			_ = r.Row(values)
			_ = r.Row(values)
			r.EndRows(false)
			r.Updated(1, 0)
		}
		r.End()
	}
	if allocs := testing.AllocsPerRun(100, one); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// drawValue returns a value and what encoding/json, with UseNumber, must make
// of its text.
func drawValue(t *rapid.T, wrapBlobs bool) (Value, any) {
	switch ValueKind(rapid.IntRange(0, 4).Draw(t, "kind")) {
	case Integer:
		n := rapid.Int64().Draw(t, "integer")
		want, _ := json.Marshal(n)
		return integer(n), json.Number(want)
	case Float:
		f := rapid.Float64().Draw(t, "float")
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return float(f), nil
		}
		want, _ := json.Marshal(f)
		return float(f), json.Number(want)
	case Text:
		s := rapid.String().Draw(t, "text")
		return text(s), s
	case Blob:
		b := string(rapid.SliceOf(rapid.Byte()).Draw(t, "blob"))
		want := base64.StdEncoding.EncodeToString([]byte(b))
		if wrapBlobs {
			return blob(b), map[string]any{"value_base64": want}
		}
		return blob(b), want
	}
	return Value{}, nil
}

// drawnRows is a random result: its columns, its rows, and its rows as JSON.
type drawnRows struct {
	names []string
	rows  [][]Value
	want  [][]any
}

func drawRows(t *rapid.T, wrapBlobs bool) (d drawnRows) {
	name := rapid.OneOf(rapid.SampledFrom([]string{"a", "a:2", "a:3", "b"}), rapid.String())
	d.names = rapid.SliceOfN(name, 1, 6).Draw(t, "names")
	for range rapid.IntRange(0, 4).Draw(t, "rows") {
		var values []Value
		var want []any
		for range d.names {
			value, wanted := drawValue(t, wrapBlobs)
			values, want = append(values, value), append(want, wanted)
		}
		d.rows, d.want = append(d.rows, values), append(d.want, want)
	}
	return d
}

// decodedRows is an item of an answer, as a client reads it.
type decodedRows struct {
	Success       bool
	ResultHeaders []string
	Columns       []string
	ResultSet     []map[string]any
	ResultSetList [][]any
}

// same is whether a client reads the rows that were drawn, under columns that
// differ from one another.
func (d *drawnRows) same(t *rapid.T, got *decodedRows, headers []string, format Format) {
	distinct := map[string]bool{}
	for _, header := range headers {
		distinct[header] = true
	}
	if len(headers) != len(d.names) || len(distinct) != len(headers) {
		t.Fatalf("columns %q for names %q", headers, d.names)
	}
	if !got.Success || len(got.ResultSet)+len(got.ResultSetList) != len(d.rows) {
		t.Fatalf("got %+v, want %d rows", got, len(d.rows))
	}
	for i, want := range d.want {
		for j := range want {
			var cell any
			if format == FormatList {
				cell = got.ResultSetList[i][j]
			} else {
				cell = got.ResultSet[i][headers[j]]
			}
			gotText, _ := json.Marshal(cell)
			wantText, _ := json.Marshal(want[j])
			if !bytes.Equal(gotText, wantText) {
				t.Fatalf("row %d column %d is %s, want %s", i, j, gotText, wantText)
			}
		}
	}
}

func decode(t *rapid.T, answer []byte, into any) {
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
}

func TestClientsReadTheRowsThatWereWritten(t *testing.T) {
	var r Results
	rapid.Check(t, func(t *rapid.T) {
		format := Format(rapid.IntRange(0, 1).Draw(t, "format"))
		items := make([]drawnRows, rapid.IntRange(1, 3).Draw(t, "items"))
		r.Begin(format)
		for i := range items {
			items[i] = drawRows(t, false)
			mark := r.Mark()
			for range 2 { // the second time over what the first left
				r.Rewind(mark)
				_ = r.StartRows(items[i].names)
				for _, values := range items[i].rows {
					_ = r.Row(values)
				}
				r.EndRows(false)
			}
		}
		r.End()
		var answer struct{ Results []decodedRows }
		decode(t, r.Bytes(), &answer)
		if len(answer.Results) != len(items) {
			t.Fatalf("%d results for %d items", len(answer.Results), len(items))
		}
		for i := range items {
			items[i].same(t, &answer.Results[i], answer.Results[i].ResultHeaders, format)
		}
	})
}

func TestQueryClientsReadTheRowsThatWereWritten(t *testing.T) {
	var q QueryResults
	rapid.Check(t, func(t *rapid.T) {
		format := Format(rapid.IntRange(0, 1).Draw(t, "format"))
		drawn := drawRows(t, true)
		query := rapid.String().Draw(t, "query")
		q.Begin(format, query)
		_ = q.StartRows(drawn.names)
		for _, values := range drawn.rows {
			_ = q.Row(values)
		}
		q.EndRows(false)
		q.End()
		var answer struct {
			decodedRows
			Query    string
			RowCount int
		}
		decode(t, q.Bytes(), &answer)
		if answer.Query != query || answer.RowCount != len(drawn.rows) {
			t.Fatalf("got %+v", answer)
		}
		drawn.same(t, &answer.decodedRows, answer.Columns, format)
	})
}
