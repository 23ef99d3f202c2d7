package tabular

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/sqltx"
)

// drawn is a random result.
type drawn struct {
	names []string
	rows  [][]sqltx.Value
}

// awkward are texts that mean something to a reader.
var awkward = []string{"", " ", "#", "# truncated after 1 rows", `"`, `""`, ",", "\n", "\r\n", "a\rb", "\ufeffx", "NULL", "ž", "\x00", "1", "true", `{"truncated":true}`}

func drawResult(t *rapid.T) (d drawn) {
	text := rapid.OneOf(rapid.SampledFrom(awkward), rapid.String())
	d.names = rapid.SliceOfN(text, 1, 5).Draw(t, "names")
	value := rapid.Custom(func(t *rapid.T) sqltx.Value {
		v := sqltx.Value{Kind: sqltx.ValueKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		switch v.Kind {
		case sqltx.Integer:
			v.Int = rapid.Int64().Draw(t, "integer")
		case sqltx.Float:
			v.Float = rapid.Float64().Draw(t, "float")
		case sqltx.Text:
			v.Bytes = []byte(text.Draw(t, "text"))
		case sqltx.Blob:
			v.Bytes = rapid.SliceOf(rapid.Byte()).Draw(t, "blob")
		}
		return v
	})
	d.rows = rapid.SliceOfN(rapid.SliceOfN(value, len(d.names), len(d.names)), 0, 5).Draw(t, "rows")
	return d
}

// write writes the result, behind something that is in the buffer already.
func (d *drawn) write(w Writer, truncated bool) []byte {
	out := w.StartRows([]byte("before"), d.names)
	for _, row := range d.rows {
		out = w.Row(out, row)
	}
	if truncated {
		out = w.EndTruncated(out, int64(len(d.rows)))
	} else {
		out = w.End(out)
	}
	return bytes.TrimPrefix(out, []byte("before"))
}

func (d *drawn) distinct() (names []string) {
	var taken sqltx.DistinctNames
	for _, name := range d.names {
		names = append(names, taken.Next(name))
	}
	return names
}

// asCSV is a value as a reader of CSV, which knows texts only, is to see it.
func asCSV(v *sqltx.Value) string {
	switch v.Kind {
	case sqltx.Integer:
		return strconv.FormatInt(v.Int, 10)
	case sqltx.Blob:
		return base64.StdEncoding.EncodeToString(v.Bytes)
	case sqltx.Text:
		return string(v.Bytes)
	}
	return ""
}

// lines is a text as encoding/csv answers it, which takes CRLF for LF within quotes.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func TestWhatIsWrittenAsCSVReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawResult(t)
		truncated := rapid.Bool().Draw(t, "truncated")
		text := d.write(WrittenCSV.New(), truncated)
		mark := fmt.Sprintf("\r\n# truncated after %d rows\r\n", len(d.rows))
		if truncated != bytes.HasSuffix(text, []byte(mark)) {
			t.Fatalf("%q ends with the mark, or not", text)
		}
		reader := csv.NewReader(bytes.NewReader(text))
		reader.Comment = '#' // the mark is a comment, and no row is
		got, err := reader.ReadAll()
		if err != nil || len(got) != len(d.rows)+1 {
			t.Fatalf("%q: %d lines, %v", text, len(got), err)
		}
		for i, name := range d.distinct() {
			if got[0][i] != lines(name) {
				t.Fatalf("%q: column %d is %q, want %q", text, i, got[0][i], name)
			}
		}
		for i, row := range d.rows {
			for j := range row {
				v := &row[j]
				if v.Kind == sqltx.Float {
					f, err := strconv.ParseFloat(got[i+1][j], 64)
					if err != nil || f != v.Float {
						t.Fatalf("%v was written as %q", v.Float, got[i+1][j])
					}
				} else if want := asCSV(v); got[i+1][j] != lines(want) {
					t.Fatalf("%q: %q, want %q", text, got[i+1][j], want)
				}
			}
		}
	})
}

func TestCSVTellsKindsApart(t *testing.T) {
	f := func(want string, values ...sqltx.Value) {
		t.Helper()
		var w csvWriter
		if got := string(w.Row(nil, values)); got != "\r\n"+want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	text := func(s string) sqltx.Value { return sqltx.Value{Kind: sqltx.Text, Bytes: []byte(s)} }
	real := func(f float64) sqltx.Value { return sqltx.Value{Kind: sqltx.Float, Float: f} }
	f(`,""`, sqltx.Value{}, text(""))
	f(`""`, sqltx.Value{})
	f(`"",`, sqltx.Value{Kind: sqltx.Blob}, sqltx.Value{})
	f(`1,1.0`, sqltx.Value{Kind: sqltx.Integer, Int: 1}, real(1))
	f(`Inf,-Inf,-0.0,1e+21,1e-07,0.1`, real(math.Inf(1)), real(math.Inf(-1)), real(math.Copysign(0, -1)), real(1e21), real(1e-7), real(0.1))
	f(`"#x",a#," a","a ",a b`, text("#x"), text("a#"), text(" a"), text("a "), text("a b"))
	f("\"a\"\"b\",\"a,b\",\"a\nb\",žluť", text(`a"b`), text("a,b"), text("a\nb"), text("žluť"))
}

// objects holds what was written as JSON against what was drawn.
func (d *drawn) objects(t *rapid.T, got []map[string]any, truncated bool) {
	if truncated {
		last := got[len(got)-1]
		if got = got[:len(got)-1]; last["truncated"] != true || last["rowCount"] != json.Number(strconv.Itoa(len(d.rows))) {
			t.Fatalf("the mark is %v", last)
		}
	}
	if len(got) != len(d.rows) {
		t.Fatalf("%d rows, want %d", len(got), len(d.rows))
	}
	for i, row := range d.rows {
		for j, name := range d.distinct() {
			var want any
			switch v := &row[j]; v.Kind {
			case sqltx.Integer:
				want = json.Number(strconv.FormatInt(v.Int, 10))
			case sqltx.Float:
				text, _ := json.Marshal(v.Float)
				want = json.Number(text)
			case sqltx.Text:
				want = string(v.Bytes)
			case sqltx.Blob:
				want = map[string]any{"value_base64": base64.StdEncoding.EncodeToString(v.Bytes)}
			}
			if value, ok := got[i][name]; !ok || fmt.Sprint(value) != fmt.Sprint(want) {
				t.Fatalf("row %d: %q is %v, want %v", i, name, value, want)
			}
			if value := got[i][name]; value == true {
				t.Fatalf("row %d looks like a mark", i)
			}
		}
	}
}

func TestWhatIsWrittenAsNDJSONReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawResult(t)
		truncated := rapid.Bool().Draw(t, "truncated")
		var got []map[string]any
		for line := range bytes.Lines(d.write(WrittenNDJSON.New(), truncated)) {
			decoder := json.NewDecoder(bytes.NewReader(line))
			decoder.UseNumber()
			var object map[string]any
			if err := decoder.Decode(&object); err != nil || line[len(line)-1] != '\n' {
				t.Fatalf("%q: %v", line, err)
			}
			got = append(got, object)
		}
		d.objects(t, got, truncated)
	})
}

func TestWhatIsWrittenAsJSONReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawResult(t)
		truncated := rapid.Bool().Draw(t, "truncated")
		decoder := json.NewDecoder(bytes.NewReader(d.write(WrittenJSON.New(), truncated)))
		decoder.UseNumber()
		var got []map[string]any
		if err := decoder.Decode(&got); err != nil || decoder.More() {
			t.Fatal(err)
		}
		d.objects(t, got, truncated)
	})
}

// What has a row and no end must not look whole: exports are broken off between rows.
func TestWhatIsBrokenOffBetweenRowsDoesNotEndALine(t *testing.T) {
	for _, format := range []Written{WrittenCSV, WrittenNDJSON, WrittenJSON} {
		rapid.Check(t, func(t *rapid.T) {
			d := drawResult(t)
			w := format.New()
			out := w.StartRows(nil, d.names)
			for _, row := range d.rows {
				out = w.Row(out, row)
				if last := out[len(out)-1]; last == '\n' || last == ']' {
					t.Fatalf("%s: %q", format.Name, out)
				}
			}
		})
	}
}

func TestRowsAllocateNothing(t *testing.T) {
	row := []sqltx.Value{
		{Kind: sqltx.Integer, Int: -42}, {Kind: sqltx.Float, Float: 0.25}, {}, {Kind: sqltx.Blob, Bytes: []byte("\x00\xff")},
		{Kind: sqltx.Text, Bytes: []byte(`žluť "quoted"`)}, {Kind: sqltx.Text, Bytes: []byte("plain")},
	}
	for _, format := range []Written{WrittenCSV, WrittenNDJSON, WrittenJSON} {
		w := format.New()
		out := w.StartRows(make([]byte, 0, 1<<16), []string{"a", "b", "c", "d", "e", "f"})
		start := len(out)
		if allocs := testing.AllocsPerRun(1000, func() {
			out = w.Row(w.Row(out[:start], row), row)
		}); allocs != 0 {
			t.Errorf("%s: %v allocations, want 0", format.Name, allocs)
		}
	}
}
