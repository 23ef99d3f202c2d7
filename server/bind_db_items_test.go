package server

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

func TestParseItemsOfAllKinds(t *testing.T) {
	var r transactionBinder
	f := func(items, want string) {
		t.Helper()
		if err := parseTransaction([]byte(`{"transaction":[`+items+`]}`), sqltx.DefaultLimits(), &r); err != nil {
			t.Errorf("%s: %v", items, err)
		} else if got := describeBound(&r); got != want {
			t.Errorf("%s: got %s, want %s", items, got, want)
		}
	}
	f(`{"statement":"a","valuesBatch":[[1,"x"],[],[null,{"base64":"YQ"}]]}`, `statement "a" 3 rows[] [ 1 "x"] [] [ null x61];`)
	f(`{"sql":"a","valuesBatch":[]}`, `statement "a" 0 rows[];`)
	f(`{"sql":"a","valuesBatch":null,"values":[1]}`, `statement "a" 1;`)
	f(`{"sql":"a","valuesBatch":[{"a":1,"$b":"\u00e9\n"},{":b":2,"@a":true}]}`, `statement "a" 2 rows[a b] [ 1 "é\n"] [ 1 2];`)
	f(`{"sql":"a","valuesBatch":[{}]}`, `statement "a" 1 rows[] [];`)
	bad := ` can't be bound; send a string, a number, a boolean, null or {"base64":"…"}]`
	f(`{"sql":"a","valuesBatch":[[1,[2],3],[4]]}`, `statement "a" 2 rows[] [values[1]`+bad+` [ 4];`)
	f(`{"sql":"a","valuesBatch":[{"a":1e999},{"a":1}]}`, `statement "a" 2 rows[a] [values["a"]`+bad+` [ 1];`)
	f(`{"sql":"a","valuesBatch":[[1],{"a":1},7,null]}`, `statement "a" 4 rows[] [ 1] [`+rowIsObject+`] [`+rowNotAList+`] [`+rowNotAList+`];`)
	f(`{"sql":"a","valuesBatch":[{"a":1,"b":2},{"a":1},{"a":1,"c":2},{"a":1,"b":2,"c":3},{"a":1,"a":2},[1,2],{"b":1,"a":2}]}`,
		`statement "a" 7 rows[a b] [ 1 2]`+strings.Repeat(" ["+rowOtherNames+"]", 4)+` [`+rowIsList+`] [ 2 1];`)
	f(`{"if":{"query":"a","values":[1]}},{"if":{"query":"b","params":{"c":1}}},{"query":"c"}`, `if "a" 1;if "b" c=1;query "c";`)
	f(`{"kv":{"op":"incr","key":"n"}},{"kv":{"op":"get","key":"a/b","table":"Other"},"noFail":true}`,
		`kv "";kv "" nofail; incr kv_store "n" get other "a/b"`)
}

func TestBatchesAndItemsHaveLimits(t *testing.T) {
	limits := sqltx.DefaultLimits()
	f := func(items string, index int, text string) {
		t.Helper()
		var r transactionBinder
		err := parseTransaction([]byte(`{"transaction":[`+items+`]}`), limits, &r)
		var item *sqltx.ItemError
		if (err != nil) != (text != "") || (err != nil && (!errors.As(err, &item) || item.Index != index ||
			item.Refusal.Kind != refusal.InvalidParameters || !strings.Contains(item.Refusal.Text, text))) {
			t.Errorf("%.60s…: %v", items, err)
		}
	}
	batch := func(rows int) string {
		return `{"statement":"a","valuesBatch":[[]` + strings.Repeat(",[]", rows-1) + `]}`
	}
	full := batch(limits.BatchRowsMax)
	f(full, 0, "")
	f(`{"query":"a"},`+batch(limits.BatchRowsMax+1), 1, "too many rows in valuesBatch; at most 100000 are allowed")
	f(full+strings.Repeat(","+full, 9), 0, "")
	f(full+strings.Repeat(","+full, 9)+","+batch(1), 10, "at most 1000000 are allowed")
	f(`{"query":"a"}`+strings.Repeat(`,{"query":"a"}`, limits.ItemsMax-1), 0, "")
	f(`{"query":"a"}`+strings.Repeat(`,{"query":"a"}`, limits.ItemsMax), sqltx.WholeRequest, "too many items in the transaction; at most 10000 are allowed")
	limits.ValuesMax = 10
	f(`{"statement":"a","valuesBatch":[[1,2,3,4,5],[1,2,3,4,5]]}`, 0, "")
	f(`{"statement":"a","valuesBatch":[[1,2,3,4,5],[1,2,3,4,5],[1]]}`, 0, "") // they are packed
	f(`{"query":"a","values":[1,2,3,4,5]},{"statement":"a","values":[1,2,3,4,5,6]}`, sqltx.WholeRequest, "too many values")
}

func TestWhatRowsOfABatchAreBoundAs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []string
		var want [][]sqltx.Value
		width := rapid.IntRange(0, 4).Draw(t, "width")
		named := rapid.Bool().Draw(t, "named")
		for range rapid.IntRange(1, 5).Draw(t, "rows") {
			var cells []string
			var values []sqltx.Value
			for i := range width {
				text, value := drawJSON(t)
				if values = append(values, value); named {
					text = fmt.Sprintf(`":c%d":%s`, i, text)
				}
				cells = append(cells, text)
			}
			if want = append(want, values); named {
				cells = rapid.Permutation(cells).Draw(t, "order")
				if len(rows) == 0 { // the first row's order is that of all
					cells = sorted(cells, width)
				}
				rows = append(rows, "{"+strings.Join(cells, ",")+"}")
			} else {
				rows = append(rows, "["+strings.Join(cells, ",")+"]")
			}
		}
		var r transactionBinder
		body := `{"transaction":[{"statement":"a","valuesBatch":[` + strings.Join(rows, ",") + `]}]}`
		if err := parseTransaction([]byte(body), sqltx.DefaultLimits(), &r); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		packed, count, _ := r.request.Items[0].Batch.Next()
		if count != len(want) {
			t.Fatalf("%d rows", count)
		}
		for i, values := range want {
			var got []sqltx.Value
			var fault string
			got, fault, packed = sqltx.NextPacked(packed, nil)
			same := fault == "" && len(got) == len(values)
			for j := range got {
				same = same && describeValue(got[j]) == describeValue(values[j])
			}
			if !same {
				t.Fatalf("%s: row %d is bound as %v, %q", body, i, got, fault)
			}
		}
	})
}

// sorted puts ":c0":… before ":c1":… and so on.
func sorted(cells []string, width int) (out []string) {
	for i := range width {
		for _, cell := range cells {
			if strings.HasPrefix(cell, fmt.Sprintf(`":c%d":`, i)) {
				out = append(out, cell)
			}
		}
	}
	return out
}

// boundByRoute is what the route of an operation makes of a request.
func boundByRoute(t *testing.T, code kv.Code, query, body string, headers ...string) (kv.Op, error) {
	t.Helper()
	var ctx fasthttp.RequestCtx
	ctx.Request.Header.DisableNormalizing()
	ctx.Request.SetRequestURI("/x?" + query)
	ctx.Request.SetBodyString(body)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		ctx.Request.Header.Set(name, value)
	}
	q := &request{ctx: &ctx, server: &Server{config: Config{Limits: DefaultLimits()}}, key: "k"}
	op := kv.Op{Code: code}
	if err := q.bindOp(&op); err != nil {
		return op, err
	}
	if why := kv.Check(&op, &q.server.config.Limits); why != nil {
		return op, why
	}
	return op, nil
}

func boundByItem(code kv.Code, fields string) (kv.Op, error) {
	limits := DefaultLimits()
	b := transactionBinder{kv: &limits, call: catalog.NewCall()}
	if fields != "" {
		fields = "," + fields
	}
	var item sqltx.Item
	err := b.bindKeyValue([]byte(fmt.Sprintf(`{"op":%q,"key":"k"%s}`, code, fields)), &item)
	if len(b.call.Ops) == 0 {
		return kv.Op{Code: code}, err
	}
	return b.call.Ops[0], err
}

// What an item says to an operation is what a request to its own route says.
func TestItemsSayToOperationsWhatRequestsSay(t *testing.T) {
	f := func(code kv.Code, fields, query, body string, headers ...string) {
		t.Helper()
		item, err := boundByItem(code, fields)
		if err != nil {
			t.Errorf("%s %s: %v", code, fields, err)
		}
		route, err := boundByRoute(t, code, query, body, headers...)
		if err != nil {
			t.Errorf("%s %s: %v", code, query, err)
		}
		item.Value.Document, route.Value.Document = false, false // what is known, not what is
		if !reflect.DeepEqual(item, route) {
			t.Errorf("%s %s:\n%+v\n%+v", code, fields, item, route)
		}
	}
	text, document := "Content-Type: text/plain", "Content-Type: application/json"
	f(kv.Set, `"value":"hello","content_type":"text/plain"`, "", "hello", text)
	f(kv.Set, `"value":{"a":1}`, "", `{"a":1}`)
	f(kv.Set, `"value":null,"ttl":7`, "ttl=7", `null`, document)
	f(kv.Set, `"value":"dark","path":"a.b","ttl":0`, "ttl=0&path=a.b", `"dark"`, document)
	f(kv.Set, `"value_base64":"AP8","content_type":"image/png","history":false`, "history=false", "\x00\xff", "Content-Type: image/png")
	f(kv.Set, `"value":1,"if_match":"\"1\", \"2\""`, "", "1", `If-Match: "1", "2"`)
	f(kv.Set, `"value":1,"if_none_match":"*"`, "", "1", `If-None-Match: *`)
	f(kv.Delete, `"if_match":"*"`, "", "", "If-Match: *")
	f(kv.Incr, ``, "", "")
	f(kv.Incr, `"delta":5,"min":-1,"max":9,"on_limit":"clamp","ttl":60,"ttl_mode":"always","path":"n"`,
		"delta=5&min=-1&max=9&on_limit=clamp&ttl=60&ttl_mode=always&path=n", "")
	f(kv.Decr, `"delta":9223372036854775807,"max":null`, "delta=9223372036854775807", "")
	f(kv.Push, `"value":[1],"max_length":3,"path":"p"`, "max_length=3&path=p", `[1]`)
	f(kv.Push, `"value":{"value":1}`, "", `{"value":{"value":1}}`)
	f(kv.Pop, `"path":"p"`, "path=p", "")
	f(kv.Remove, `"index":-1`, "index=-1", "")
	f(kv.Remove, `"index":0,"value":9`, "index=0", `{"value":9}`)
	f(kv.Remove, `"value":null`, "", `{"value":null}`)
	f(kv.Expire, `"ttl":60`, "ttl=60", "")
	f(kv.Persist, ``, "", "")
	f(kv.Limit, `"limit":10,"window":60,"cost":2,"algorithm":"gcra","burst":20,"peek":true`, "limit=10&window=60&cost=2&algorithm=gcra&burst=20&peek=true", "")
	f(kv.Append, `"value":"more"`, "", "more", "Content-Type: text/plain; charset=utf-8")
	f(kv.Get, ``, "", "")
}

// What both refuse they refuse for the same reason.
func TestItemsAreRefusedWhatRequestsAreRefused(t *testing.T) {
	f := func(code kv.Code, fields, query, body string) {
		t.Helper()
		_, item := boundByItem(code, fields)
		_, route := boundByRoute(t, code, query, body)
		if item == nil || route == nil || refusal.Of(item).Kind != refusal.Of(route).Kind {
			t.Errorf("%s %s: %v\n%s: %v", code, fields, item, query, route)
		}
	}
	f(kv.Incr, `"delta":0`, "delta=0", "")
	f(kv.Incr, `"delta":"1"`, "delta=x", "")
	f(kv.Incr, `"delta":1.0`, "delta=1.0", "")
	f(kv.Incr, `"delta":9223372036854775808`, "delta=9223372036854775808", "")
	f(kv.Incr, `"min":2,"max":1`, "min=2&max=1", "")
	f(kv.Incr, `"on_limit":"wrap"`, "on_limit=wrap", "")
	f(kv.Incr, `"ttl_mode":"always"`, "ttl_mode=always", "")
	f(kv.Set, `"value":1,"ttl":-1`, "ttl=-1", "1")
	f(kv.Set, `"value":1,"path":"a["`, "path=a%5B", "1")
	f(kv.Set, `"value":1,"history":"no"`, "history=no", "1")
	f(kv.Delete, `"path":"a"`, "path=a", "")
	f(kv.Remove, ``, "", "")
	f(kv.Push, `"value":1,"max_length":0`, "max_length=0", "1")
	f(kv.Expire, ``, "", "")
	f(kv.Limit, `"limit":0,"window":1`, "limit=0&window=1", "")
	f(kv.Limit, `"limit":1,"window":1,"algorithm":"magic"`, "limit=1&window=1&algorithm=magic", "")
}

func TestItemsAreRefusedWhatNoRequestCanSay(t *testing.T) {
	f := func(fields string, kind refusal.Kind, text string) {
		t.Helper()
		limits := DefaultLimits()
		b := transactionBinder{kv: &limits, call: catalog.NewCall()}
		var item sqltx.Item
		err := b.bindKeyValue([]byte(fields), &item)
		if err == nil || refusal.Of(err).Kind != kind || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", fields, err)
		}
	}
	invalid := refusal.InvalidParameters
	f(`[]`, invalid, "kv must be an object")
	f(`{}`, invalid, "op is required")
	f(`{"op":1}`, invalid, "op must be a string")
	f(`{"op":"rollback","key":"k"}`, invalid, `unknown operation "rollback"`)
	f(`{"op":"SET","key":"k"}`, invalid, `unknown operation "SET"`)
	f(`{"op":"get"}`, invalid, "key is empty")
	f(`{"op":"get","key":7}`, invalid, "key must be a string")
	f(`{"op":"get","key":"\ud800"}`, invalid, "surrogate")
	f(`{"op":"get","key":"k","table":"sqlite_x"}`, invalid, "invalid table name")
	f(`{"op":"get","key":"k","table":"a;b"}`, invalid, "invalid table name")
	f(`{"op":"set","key":"k"}`, invalid, "value or value_base64 is required")
	f(`{"op":"set","key":"k","value":1,"value_base64":"AA"}`, invalid, "can't be sent together")
	f(`{"op":"set","key":"k","value_base64":"?"}`, invalid, "not base64")
	f(`{"op":"set","key":"k","value":"x","content_type":"application/json"}`, refusal.InvalidJSONValue, "JSON")
	f(`{"op":"set","key":"k","value":1,"content_type":"a\nb"}`, invalid, "control characters")
	f(`{"op":"push","key":"k"}`, invalid, "value is required")
	f(`{"op":"incr","key":"k","by":1}`, refusal.UnknownField, `unknown field "by" of a kv incr`)
	f(`{"op":"get","key":"k","ttl":1}`, refusal.UnknownField, `unknown field "ttl" of a kv get`)
	f(`{"op":"limit","key":"k","limit":1,"window":1,"if_match":"*"}`, invalid, "takes no If-Match")
	f(`{"op":"set","key":"k","value":1,"if_match":1}`, invalid, "if_match must be a string")
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, `,"f%d":1`, i)
	}
	f(`{"op":"get","key":"k"`+many.String()+`}`, refusal.UnknownField, "unknown field")
	f(string(jsontext.AppendString([]byte(`{"op":"get","key":`), strings.Repeat("k", 1025)))+`}`, invalid, "1024")
}
