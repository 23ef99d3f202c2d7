package tabular

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// shown is a value as tests compare it.
func shown(v *sqltx.Value) string {
	switch v.Kind {
	case sqltx.Integer:
		return "i" + strconv.FormatInt(v.Int, 10)
	case sqltx.Float:
		return "f" + strconv.FormatFloat(v.Float, 'g', -1, 64)
	case sqltx.Text:
		return "t" + string(v.Bytes)
	case sqltx.Blob:
		return "b" + string(v.Bytes)
	}
	return "null"
}

// all reads a source to its end.
func all(s Source) (rows [][]string, faults []string, err error) {
	for {
		values, err := s.Next()
		var fault *RowFault
		switch {
		case err == io.EOF:
			return rows, faults, nil
		case errors.As(err, &fault):
			faults = append(faults, err.Error())
			continue
		case err != nil:
			return rows, faults, err
		}
		var row []string
		for i := range values {
			row = append(row, shown(&values[i]))
		}
		rows = append(rows, row)
	}
}

// inParts reads a text as a slow client would send it.
func inParts(t *rapid.T, text string) io.Reader {
	switch rapid.IntRange(0, 2).Draw(t, "parts") {
	case 0:
		return iotest.OneByteReader(strings.NewReader(text))
	case 1:
		return iotest.DataErrReader(strings.NewReader(text))
	}
	return strings.NewReader(text)
}

// columnNames draws names that differ.
func columnNames(t *rapid.T) []string {
	name := rapid.StringN(1, 8, -1).Filter(func(s string) bool {
		return !strings.Contains(s, "\x00") && !strings.Contains(s, "\r") && utf8.ValidString(s) && !strings.HasPrefix(s, byteOrderMark)
	})
	return rapid.SliceOfNDistinct(name, 1, 5, sqltx.FoldName).Draw(t, "columns")
}

func TestWhatACSVWriterWroteIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := columnNames(t)
		text := rapid.String().Filter(func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\r") })
		rows := rapid.SliceOf(rapid.SliceOfN(text, len(columns), len(columns))).Draw(t, "rows")
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		w.Write(columns)
		want := [][]string{}
		for _, row := range rows {
			if len(row) == 1 && row[0] == "" {
				continue // an empty line is no row
			}
			w.Write(row)
			shown := []string{}
			for _, field := range row {
				shown = append(shown, "t"+field)
			}
			want = append(want, shown)
		}
		w.Flush()
		begin := rapid.SampledFrom([]string{"", byteOrderMark}).Draw(t, "mark")
		s, err := ReadCSV(inParts(t, begin+file.String()))
		if err != nil {
			t.Fatalf("%q: %v", file.String(), err)
		}
		got, faults, err := all(s)
		if err != nil || len(faults) > 0 || fmt.Sprintf("%q", s.Columns()) != fmt.Sprintf("%q", columns) ||
			(len(got)+len(want) > 0 && fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want)) {
			t.Fatalf("%q: %q %q %v %v, want %q", file.String(), s.Columns(), got, faults, err, want)
		}
	})
}

// drawJSON draws a value as JSON writes it, and what is to be made of it.
func drawJSON(t *rapid.T) (raw, want string) {
	marshal := func(v any) string {
		out, _ := json.Marshal(v)
		return string(out)
	}
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		n := rapid.Int64().Draw(t, "integer")
		return marshal(n), "i" + strconv.FormatInt(n, 10)
	case 1:
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && f != math.Trunc(f) }).Draw(t, "float")
		return marshal(f), "f" + strconv.FormatFloat(f, 'g', -1, 64)
	case 2:
		text := rapid.String().Draw(t, "text")
		return marshal(text), "t" + strings.ToValidUTF8(text, "\ufffd")
	case 3:
		return "true", "i1"
	case 4:
		return "false", "i0"
	case 5:
		blob := rapid.SliceOf(rapid.Byte()).Draw(t, "blob")
		name := rapid.SampledFrom([]string{"base64", "value_base64"}).Draw(t, "name")
		encoding := rapid.SampledFrom([]*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding}).Draw(t, "alphabet")
		return `{"` + name + `": "` + encoding.EncodeToString(blob) + `"}`, "b" + string(blob)
	case 6:
		raw := marshal(map[string]any{"x": []any{rapid.String().Draw(t, "deep"), nil, map[string]any{}}, "base64": 1})
		return raw, "t" + raw
	}
	return "null", "null"
}

// drawObjects draws rows of objects: some lack fields, and their order differs.
func drawObjects(t *rapid.T, columns []string) (objects []string, want [][]string) {
	for i := range rapid.IntRange(1, 6).Draw(t, "rows") {
		var fields []string
		row := make([]string, len(columns))
		for at, name := range columns {
			row[at] = "null"
			if i > 0 && rapid.IntRange(0, 4).Draw(t, "absent") == 0 {
				continue
			}
			raw, value := drawJSON(t)
			row[at] = value
			quoted, _ := json.Marshal(name)
			fields = append(fields, string(quoted)+rapid.SampledFrom([]string{":", " :\t"}).Draw(t, "colon")+raw)
		}
		if i > 0 && len(fields) > 1 && rapid.Bool().Draw(t, "turned") {
			fields[0], fields[1] = fields[1], fields[0]
		}
		objects = append(objects, "{"+strings.Join(fields, ",")+"}")
		want = append(want, row)
	}
	return objects, want
}

func TestObjectsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := columnNames(t)
		objects, want := drawObjects(t, columns)
		blank := rapid.SampledFrom([]string{"", " ", "\n \t\r\n"})
		file, read := byteOrderMark[:0], ReadLines
		if rapid.Bool().Draw(t, "array") {
			read = ReadArray
			file = blank.Draw(t, "blank") + "[" + blank.Draw(t, "blank") + strings.Join(objects, blank.Draw(t, "blank")+","+blank.Draw(t, "blank")) +
				blank.Draw(t, "blank") + "]" + blank.Draw(t, "blank")
		} else {
			file = strings.Join(objects, rapid.SampledFrom([]string{"\n", "\r\n", "\n\n", " \n\t"}).Draw(t, "end")) + rapid.SampledFrom([]string{"", "\n"}).Draw(t, "last")
		}
		s, err := read(inParts(t, file))
		if err != nil {
			t.Fatalf("%q: %v", file, err)
		}
		got, faults, err := all(s)
		if err != nil || len(faults) > 0 || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) || fmt.Sprintf("%q", s.Columns()) != fmt.Sprintf("%q", columns) {
			t.Fatalf("%q: %q %q %v %v, want %q", file, s.Columns(), got, faults, err, want)
		}
		if s.Rows() != int64(len(want)) {
			t.Fatalf("%d rows are counted, want %d", s.Rows(), len(want))
		}
	})
}

// Whatever a file is cut to, its reader ends; and a cut array is never a whole one.
func TestACutFileEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects, _ := drawObjects(t, columnNames(t))
		file := "[" + strings.Join(objects, ",") + "]"
		cut := rapid.IntRange(0, len(file)-1).Draw(t, "cut")
		s, err := ReadArray(inParts(t, file[:cut]))
		if err == nil {
			_, _, err = all(s)
		}
		if r := refusal.Of(err); r == nil || r.Kind != refusal.InvalidParameters {
			t.Fatalf("%q: %v", file[:cut], err)
		}
		broken := errors.New("the line is cut")
		for _, read := range []func(io.Reader) (Source, error){ReadArray, ReadLines, ReadCSV} {
			s, err := read(io.MultiReader(strings.NewReader(file[:cut]), iotest.ErrReader(broken)))
			if err == nil {
				_, _, err = all(s)
			}
			if err == nil {
				t.Fatalf("%q: what follows is taken for the end", file[:cut])
			}
		}
	})
}

func FuzzNoFileHurtsItsReader(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "\"a", "[{\"a\":[{\"b\":\"\\\"]\"}]}]", "{\"a\":1}\n{\"a\"", "[1,2", "[[[[", "\ufeff[]", "]", "[,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		for _, read := range []func(io.Reader) (Source, error){ReadArray, ReadLines, ReadCSV} {
			s, err := read(strings.NewReader(file))
			if err != nil {
				continue
			}
			rows, faults, err := all(s)
			if s.Rows() < int64(len(rows)+len(faults)) {
				t.Fatalf("%d rows and %d faults are counted as %d", len(rows), len(faults), s.Rows())
			}
			// An array that was read to its end is one for everybody.
			if _, is := s.(*arraySource); is && err == nil && !json.Valid([]byte(strings.TrimPrefix(file, byteOrderMark))) {
				t.Fatalf("%q is read as an array", file)
			}
		}
	})
}

func TestAFaultIsOneRows(t *testing.T) {
	f := func(read func(io.Reader) (Source, error), file string, rows int, faults ...string) {
		t.Helper()
		s, err := read(strings.NewReader(file))
		if err != nil {
			t.Fatalf("%q: %v", file, err)
		}
		got, found, err := all(s)
		if err != nil || len(got) != rows || fmt.Sprintf("%q", found) != fmt.Sprintf("%q", faults) {
			t.Errorf("%q: %d rows, %q, %v; want %d, %q", file, len(got), found, err, rows, faults)
		}
	}
	f(ReadCSV, "a,b\n1\n1,2\n1,2,3\n\n1,2", 2, "row 1: has 1 fields, and the header has 2", "row 3: has 3 fields, and the header has 2")
	f(ReadCSV, "a\nx\"y\nz\n\"x\"y\nz\n\"", 2, `row 1: bare " in non-quoted-field`, `row 3: extraneous or missing " in quoted-field`, `row 5: extraneous or missing " in quoted-field`)
	f(ReadCSV, "a\n\xff\nz\n", 1, "row 1: a is not valid UTF-8")
	f(ReadLines, "{\"a\":1}\nx\n{\"a\":\"\xff\"}\n7\n{\"b\":1}\n{}\n", 2, "row 2: is not valid JSON", "row 3: is not valid UTF-8", "row 4: is not an object", `row 5: "b" is not among the columns, which the first row names`)
	f(ReadArray, `[{"a":1},7,{"a":"\ud800"},{"a":1e999},{"a":2,"a":3}]`, 2, "row 2: is not an object", `row 3: "a" can't be stored: "\ud800"`, `row 4: "a" can't be stored: 1e999`)
}

// endless repeats a text for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func TestARowThatNeverEndsIsRefused(t *testing.T) {
	f := func(read func(io.Reader) (Source, error), begin string, rest endless) {
		t.Helper()
		s, err := read(io.MultiReader(strings.NewReader(begin), rest))
		if err == nil {
			_, _, err = all(s)
		}
		if r := refusal.Of(err); r == nil || r.Kind != refusal.PayloadTooLarge {
			t.Errorf("%q and %q without end: %v", begin, rest, err)
		}
	}
	long := func(text string) endless { return endless(strings.Repeat(text, windowBytes)) }
	f(ReadCSV, "", long("a"))
	f(ReadCSV, "a\n1\n\"", long("b,"))
	f(ReadLines, "{\"a\":1}\n{\"a\":\"", long("b"))
	f(ReadArray, "[{\"a\":1},{\"a\":[", long("["))
}

// Each field takes many times the comma that makes it.
func TestARowOfCommasIsRefusedBeforeItTakesMemory(t *testing.T) {
	commas := strings.Repeat(",", RowBytesMax/2)
	for _, begin := range []string{"", "a\n", "a\nb\"\n"} {
		s, err := ReadCSV(strings.NewReader(begin + commas))
		if err == nil {
			_, _, err = all(s)
		}
		if !errors.Is(err, errTooManyFields) {
			t.Errorf("after %q: %v", begin, err)
		}
	}
	s, err := ReadCSV(strings.NewReader("a,b\n\"" + commas + "\",2\n"))
	if err != nil {
		t.Fatal(err)
	}
	if rows, faults, err := all(s); len(rows) != 1 || len(faults) > 0 || err != nil {
		t.Errorf("a text of commas: %d rows, %v, %v", len(rows), faults, err)
	}
	var object strings.Builder
	for i := range ColumnsMax + 1 {
		fmt.Fprintf(&object, `,"c%d":1`, i)
	}
	if _, err := ReadLines(strings.NewReader("{" + object.String()[1:] + "}")); refusal.Of(err) == nil {
		t.Error("an object of too many fields is taken")
	}
}

func TestMoreColumnsThanSQLBindsAreRefused(t *testing.T) {
	names := make([]string, ColumnsMax+1)
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	if _, err := ReadCSV(strings.NewReader(strings.Join(names[1:], ","))); err != nil {
		t.Errorf("the most columns: %v", err)
	}
	if _, err := ReadCSV(strings.NewReader(strings.Join(names, ","))); refusal.Of(err) == nil {
		t.Error("one column too many is taken")
	}
}

func TestRowsCostNoMemoryOfTheirOwn(t *testing.T) {
	f := func(name string, read func(io.Reader) (Source, error), begin string, row endless, most float64) {
		t.Helper()
		s, err := read(io.MultiReader(strings.NewReader(begin), row))
		if err != nil {
			t.Fatal(err)
		}
		found, packed := Inference{Texts: true}, []byte(nil)
		if allocs := testing.AllocsPerRun(1000, func() {
			values, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			found.Add(values)
			packed = sqltx.AppendPacked(packed[:0], values)
		}); allocs > most {
			t.Errorf("%s: %v allocations for a row, want %v", name, allocs, most)
		}
	}
	f("CSV", ReadCSV, "a,b,c\n", "1,2.5,\"some text\"\n", 1) // encoding/csv makes a string of it
	f("NDJSON", ReadLines, "", `{"a":1,"b":2.5,"c":"some text","d":[1,2],"e":null}`+"\n", 0)
	f("JSON", ReadArray, `[{"a":1,"b":2.5,"c":"some text"}`, `,{"c":"some text","a":1,"b":2.5}`, 0)
}
