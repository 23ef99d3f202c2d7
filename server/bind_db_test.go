package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// describeBound is describe with the operations of kv items.
func describeBound(b *transactionBinder) string {
	text := describe(&b.request)
	for i := range b.request.Items {
		if item := &b.request.Items[i]; item.Kind == sqltx.KeyValue {
			op := &b.call.Ops[item.Op]
			text += fmt.Sprintf(" %s %s %q", op.Code, item.Table, op.Key)
		}
	}
	return text
}

// describe writes what was bound in one line.
func describe(r *sqltx.Request) string {
	var b strings.Builder
	if r.Format == sqltx.FormatList {
		b.WriteString("list ")
	}
	for i := range r.Items {
		item := &r.Items[i]
		kind := "statement"
		switch {
		case item.Kind == sqltx.Condition:
			kind = "if"
		case item.Kind == sqltx.KeyValue:
			kind = "kv"
		case item.IsQuery:
			kind = "query"
		}
		fmt.Fprintf(&b, "%s %q", kind, item.SQL)
		if batch, ok := item.Batch.(*sqltx.PackedRows); ok {
			fmt.Fprintf(&b, " %d rows%v", batch.Count, item.Names)
			for rest := batch.Rows; len(rest) > 0; {
				values, fault, next := sqltx.NextPacked(rest, nil)
				b.WriteString(" [" + fault)
				for _, value := range values {
					b.WriteString(" " + describeValue(value))
				}
				b.WriteString("]")
				rest = next
			}
		}
		if item.NoFail {
			b.WriteString(" nofail")
		}
		for j, value := range item.Values {
			b.WriteByte(' ')
			if item.Names != nil {
				b.WriteString(item.Names[j] + "=")
			}
			b.WriteString(describeValue(value))
		}
		b.WriteByte(';')
	}
	return b.String()
}

func describeValue(v sqltx.Value) string {
	switch v.Kind {
	case sqltx.Integer:
		return strconv.FormatInt(v.Int, 10)
	case sqltx.Float:
		return fmt.Sprintf("%gf", v.Float)
	case sqltx.Text:
		return strconv.Quote(string(v.Bytes))
	case sqltx.Blob:
		return fmt.Sprintf("x%x", v.Bytes)
	}
	return "null"
}

// parseTransaction binds a body with a binder that may have been used before.
func parseTransaction(body []byte, limits sqltx.Limits, b *transactionBinder) error {
	kvLimits := DefaultLimits()
	b.reset()
	b.sql, b.kv, b.call = limits, &kvLimits, catalog.NewCall()
	b.call.Table = kv.DefaultTable
	return b.bind(body)
}

func TestParseTransaction(t *testing.T) {
	var r transactionBinder // one for all: nothing of an earlier request may show
	f := func(body, want string) {
		t.Helper()
		if err := parseTransaction([]byte(body), sqltx.DefaultLimits(), &r); err != nil {
			t.Errorf("%s: %v", body, err)
		} else if got := describe(&r.request); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	f(`{"transaction":[{"query":"SELECT 1"}]}`, `query "SELECT 1";`)
	f(" {\n\"transaction\" : [ { \"statement\" : \"a\" , \"noFail\" : true } , {\"sql\":\"b\"} ] } ", `statement "a" nofail;statement "b";`)
	f(`{"resultFormat":"LiSt","transaction":[{"query":"a"}]}`, `list query "a";`)
	f(`{"resultFormat":"map","transaction":[{"query":"a"}],"more":1}`, `query "a";`)
	f(`{"transaction":[{"query":"a"}],"resultFormat":null}`, `query "a";`)
	f(`{"resultFormat":"list","transaction":{"transaction":[{"query":"a"}]}}`, `list query "a";`)
	f(`{"transaction":{"resultFormat":"list","transaction":[{"query":"a"}]}}`, `list query "a";`)
	f(`{"transaction":[{"query":"a","values":[1,-2.5,"x",true,false,null]}]}`, `query "a" 1 -2.5f "x" 1 0 null;`)
	f(`{"transaction":[{"query":"a","params":{"a":1,":b":2,"@c":3,"$d":4,"::e":5}}]}`, `query "a" a=1 b=2 c=3 d=4 :e=5;`)
	f(`{"transaction":[{"query":"a","values":[]},{"query":"b","values":{}}]}`, `query "a";query "b";`)
	f(`{"transaction":[{"query":"a","values":[1, {"base64":"YQ"}],"params":[ 1,{"base64":"YQ"} ]}]}`, `query "a" 1 x61;`)
	f(`{"transaction":[{"query":"a","statement":null,"values":null,"params":[1],"noFail":null,"valuesBatch":null}]}`, `query "a" 1;`)
	f(`{"transaction":[{"quer\u0079":"\"\ud83d\ude00\ud83d\n\""}]}`, `query "\"😀�\n\"";`)
	f(`{"transaction":[{"query":"a","query":"b"}]}`, `query "b";`)
}

func TestBoundNumbersAreExact(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		var item sqltx.Item
		if err := bindValues([]byte("["+text+"]"), &item); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := describeValue(item.Values[0]); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	f("9223372036854775807", "9223372036854775807")
	f("-9223372036854775808", "-9223372036854775808")
	f("9007199254740993", "9007199254740993")
	f("9223372036854775808", "9.223372036854776e+18f")
	f("-0", "0")
	f("-0.0", "-0f")
	f("1.0", "1f")
	f("1e3", "1000f")
	f("1E-400", "0f")
	f("1.7976931348623157e308", "1.7976931348623157e+308f")
	f(`{"base64":""}`, "x")
	f(`{"base64":"+\/8="}`, "xfbff")
	f(`{"base64":"-_8"}`, "xfbff")
	f(`""`, `""`)
}

func TestParseTransactionRefuses(t *testing.T) {
	f := func(body string, index int, kind refusal.Kind, text string) {
		t.Helper()
		var r transactionBinder
		err := parseTransaction([]byte(body), sqltx.Limits{ItemsMax: 3, ValuesMax: 40_000, BatchRowsMax: 9, RowsAllMax: 9}, &r)
		var item *sqltx.ItemError
		if !errors.As(err, &item) {
			t.Errorf("%s: got %v, want an ItemError", body, err)
			return
		}
		if item.Index != index || item.Refusal.Kind != kind || !strings.Contains(item.Refusal.Text, text) {
			t.Errorf("%s: got item %d, %s, %q", body, item.Index, item.Refusal.Kind.Code(), item.Refusal.Text)
		}
	}
	const whole = sqltx.WholeRequest
	invalid := refusal.InvalidParameters
	for _, body := range []string{"", "{", "[]", "null", `"a"`, `{} {}`, "{\"a\":\"\xff\"}", `{"transaction":[{"query":"a","values":[01]}]}`} {
		f(body, whole, invalid, "Invalid JSON body")
	}
	for _, body := range []string{`{}`, `{"transaction":null}`, `{"transaction":[]}`, `{"transaction":{}}`, `{"transaction":{"transaction":[]}}`} {
		f(body, whole, invalid, "missing statements list ('transaction' node)")
	}
	f(`{"transaction":"SELECT 1"}`, whole, invalid, "must be a list")
	f(`{"transaction":{"transaction":{"transaction":[{"query":"a"}]}}}`, whole, invalid, "must be a list")
	f(`{"resultFormat":1,"transaction":[{"query":"a"}]}`, whole, invalid, "resultFormat must be a string")
	f(`{"transaction":[{"query":"a"},{"query":"a"},{"query":"a"},{}]}`, whole, invalid, "at most 3")
	many := `{"query":"a","values":[0` + strings.Repeat(",0", 30_000) + `]}`
	f(`{"transaction":[`+many+","+many+`,{}]}`, whole, invalid, "at most 40000 are allowed")

	// The faults of one item, behind a sound one.
	g := func(item string, kind refusal.Kind, text string) {
		t.Helper()
		f(`{"transaction":[{"query":"a"},`+item+`]}`, 1, kind, text)
	}
	g(`"SELECT 1"`, invalid, "must be an object")
	g(`null`, invalid, "must be an object")
	g(`{"query":"a","value":1,"values":7}`, refusal.UnknownField, `unknown field "value"`)
	g(`{"Query":"a"}`, refusal.UnknownField, `unknown field "Query"`)
	g(`{"statement":"a","values":[],"valuesBatch":[[1]]}`, invalid, "cannot specify both values and valuesBatch")
	g(`{"statement":"a","params":{},"valuesBatch":[[1]]}`, invalid, "cannot specify both values and valuesBatch")
	g(`{"query":"a","valuesBatch":[[1]]}`, invalid, "cannot specify valuesBatch for queries (only for statements)")
	g(`{"statement":"a","valuesBatch":{}}`, refusal.SQLBindError, "valuesBatch must be a list")
	g(`{"statement":"a","valuesBatch":[{"":1}]}`, refusal.SQLBindError, "row 0: a name is empty")
	g(`{"statement":"a","valuesBatch":[{":a":1,"@a":2}]}`, refusal.SQLBindError, `row 0: "a" is there more than once`)
	g(`{"if":{"query":"a"}}`, invalid, "an if must come before")
	f(`{"transaction":[{"if":{"query":"a"}},{"query":"a"},{"if":{"query":"a"}}]}`, 2, invalid, "an if must come before")
	f(`{"transaction":[{"if":"a"}]}`, 0, invalid, "if must be an object")
	f(`{"transaction":[{"if":{}}]}`, 0, invalid, "an if needs a query")
	f(`{"transaction":[{"if":{"statement":"a"}}]}`, 0, refusal.UnknownField, `"statement"`)
	f(`{"transaction":[{"if":{"query":"a","noFail":true}}]}`, 0, refusal.UnknownField, `"noFail"`)
	f(`{"transaction":[{"if":{"query":"a"},"noFail":true}]}`, 0, refusal.UnknownField, `"noFail"`)
	f(`{"transaction":[{"if":{"query":"a"},"values":[1]}]}`, 0, refusal.UnknownField, `"values"`)
	f(`{"transaction":[{"if":{"query":"a"},"query":"a"}]}`, 0, invalid, "one and only one of query or statement")
	one := "one and only one of query or statement must be provided"
	g(`{}`, invalid, one)
	g(`{"query":null,"values":7}`, invalid, one)
	g(`{"query":"a","statement":"a"}`, invalid, one)
	g(`{"statement":"a","sql":"a"}`, invalid, one)
	g(`{"query":"a","sql":"a"}`, invalid, one)
	g(`{"query":1}`, invalid, "must be strings")
	g(`{"query":"a","noFail":1,"values":7}`, invalid, "noFail must be true or false")
	g(`{"query":"a","values":[1],"params":[2]}`, refusal.ValuesConflict, "differ")
	g(`{"query":"a","values":[1],"params":{"a":1}}`, refusal.ValuesConflict, "differ")
	g(`{"query":"a","values":7}`, refusal.SQLBindError, "array or an object")
	g(`{"query":"a","values":[1,[2]]}`, refusal.SQLBindError, "values[1] can't be bound")
	g(`{"query":"a","values":{"b":{}}}`, refusal.SQLBindError, `values["b"] can't be bound`)
	g(`{"query":"a","values":[1e999]}`, refusal.SQLBindError, "values[0]")
	g(`{"query":"a","values":[{"base64":"?"}]}`, refusal.SQLBindError, "values[0]")
	g(`{"query":"a","values":[{"base64":1}]}`, refusal.SQLBindError, "values[0]")
	g(`{"query":"a","values":[{"base64":"YQ==","x":1}]}`, refusal.SQLBindError, "values[0]")
	g(`{"query":"a","values":{":":1}}`, refusal.SQLBindError, "can't be bound")
	g(`{"query":"a","values":{":b":1,"c":0,"@b":2}}`, refusal.SQLBindError, `"b" more than once`)
	g(`{"query":"a","values":[0`+strings.Repeat(",0", sqltx.ItemValuesMax)+`]}`, refusal.SQLBindError, "at most 32766")
	g(`{"query":"a\u0000b"}`, refusal.SQLError, "NUL")
	g(`{"query":" -- nothing"}`, refusal.SQLError, "empty SQL statement")
}

func TestParseItemsCopiesOnlyTheSQL(t *testing.T) {
	list := []byte(`[{"statement":"INSERT INTO t VALUES (?,?)","values":["plain",1]},{"query":"SELECT 1"}]`)
	limits := sqltx.DefaultLimits()
	var r transactionBinder
	allocs := testing.AllocsPerRun(100, func() {
		r.reset()
		r.sql = limits
		if err := r.bindItems(list); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 2 {
		t.Errorf("%v allocations, want one for each SQL", allocs)
	}
}

// drawJSON returns a value as JSON, and what it must be bound as.
func drawJSON(t *rapid.T) (text string, want sqltx.Value) {
	switch sqltx.ValueKind(rapid.IntRange(0, 4).Draw(t, "kind")) {
	case sqltx.Integer:
		n := rapid.Int64().Draw(t, "integer")
		return strconv.FormatInt(n, 10), sqltx.Value{Kind: sqltx.Integer, Int: n}
	case sqltx.Float:
		f := rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).Draw(t, "float")
		return strconv.FormatFloat(f, 'e', -1, 64), sqltx.Value{Kind: sqltx.Float, Float: f}
	case sqltx.Text:
		s := rapid.String().Draw(t, "text")
		quoted, _ := json.Marshal(s)
		return string(quoted), sqltx.Value{Kind: sqltx.Text, Bytes: []byte(s)}
	case sqltx.Blob:
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "blob")
		quoted, _ := json.Marshal(map[string][]byte{"base64": append([]byte{}, b...)})
		return string(quoted), sqltx.Value{Kind: sqltx.Blob, Bytes: b}
	}
	return "null", sqltx.Value{}
}

func TestValuesSurviveTheBody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var texts []string
		var want strings.Builder
		for range rapid.IntRange(0, 5).Draw(t, "values") {
			text, value := drawJSON(t)
			texts = append(texts, text)
			want.WriteString(" " + describeValue(value))
		}
		sql := "x" + strings.ReplaceAll(rapid.String().Draw(t, "sql"), "\x00", "")
		quoted, _ := json.Marshal(sql)
		body := fmt.Sprintf(`{"transaction":[{"statement":%s,"values":[%s]}]}`, quoted, strings.Join(texts, ","))
		var r transactionBinder
		if err := parseTransaction([]byte(body), sqltx.DefaultLimits(), &r); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if got := describe(&r.request); got != fmt.Sprintf("statement %q%s;", sql, &want) {
			t.Fatalf("%s was bound as %s", body, got)
		}
	})
}

// encodeTransaction writes a request as a body that must be read back as it is.
func encodeTransaction(r *sqltx.Request) []byte {
	dst := []byte(`{"transaction":[`)
	for i := range r.Items {
		item := &r.Items[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		field := `{"statement":`
		if item.IsQuery {
			field = `{"query":`
		}
		dst = jsontext.AppendString(append(dst, field...), item.SQL)
		dst = fmt.Appendf(dst, `,"noFail":%v,"values":`, item.NoFail)
		dst = append(encodeValues(dst, item), '}')
	}
	dst = append(dst, ']')
	if r.Format == sqltx.FormatList {
		dst = append(dst, `,"resultFormat":"list"`...)
	}
	return append(dst, '}')
}

func encodeValues(dst []byte, item *sqltx.Item) []byte {
	open, end := byte('['), byte(']')
	if item.Names != nil {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i, value := range item.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if item.Names != nil {
			dst = append(jsontext.AppendString(dst, ":"+item.Names[i]), ':')
		}
		switch value.Kind {
		case sqltx.Integer:
			dst = strconv.AppendInt(dst, value.Int, 10)
		case sqltx.Float:
			dst = strconv.AppendFloat(dst, value.Float, 'e', -1, 64)
		case sqltx.Text:
			dst = jsontext.AppendBytes(dst, value.Bytes)
		case sqltx.Blob:
			dst = append(dst, `{"base64":`...)
			dst = append(jsontext.AppendBase64(dst, value.Bytes), '}')
		default:
			dst = append(dst, "null"...)
		}
	}
	return append(dst, end)
}

func FuzzParseTransaction(f *testing.F) {
	f.Add([]byte(`{"transaction":[{"query":"SELECT ?","values":[1,-2.5,"x\ud83d\ude00",true,null,{"base64":"YQ=="}]}],"resultFormat":"list"}`))
	f.Add([]byte(`{"transaction":{"transaction":[{"sql":"a; b","params":{":a":1,"b":[]},"noFail":true},{"statement":"x"}]}}`))
	f.Add([]byte(`{"transaction":[{"statement":"a","values":{"@a":1e400}},{"kv":{}}]`))
	f.Add([]byte(`{"transaction":[{"if":{"query":"a"}},{"statement":"a","valuesBatch":[[1,"a\\n"],[2]]},{"statement":"a","valuesBatch":[{"a":1},{":a":2},3]}]}`))
	f.Add([]byte(`{"transaction":[{"kv":{"op":"set","key":"k","table":"T","value":{"a":1},"path":"a","ttl":3}},{"kv":{"op":"limit","key":"k","limit":1,"window":2}}]}`))
	limits := sqltx.DefaultLimits()
	f.Fuzz(func(t *testing.T, body []byte) {
		sent := bytes.Clone(body)
		var first, second transactionBinder
		err := parseTransaction(body, limits, &first)
		if !bytes.Equal(body, sent) {
			t.Fatalf("%q was changed to %q", sent, body)
		}
		if err != nil {
			var item *sqltx.ItemError
			if !errors.As(err, &item) || item.Refusal.Kind == refusal.Internal || !utf8.ValidString(item.Refusal.Text) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		for i := range first.request.Items {
			if item := &first.request.Items[i]; item.Kind != sqltx.SQL || item.Batch != nil {
				return // encodeTransaction knows no such items
			}
		}
		again := encodeTransaction(&first.request)
		if err := parseTransaction(again, limits, &second); err != nil {
			t.Fatalf("%q: %s: %v", body, again, err)
		}
		if got, want := describe(&second.request), describe(&first.request); got != want {
			t.Fatalf("%q: read as %s, then as %s", body, want, got)
		}
	})
}
