package kv

import (
	"strings"
	"testing"

	"github.com/urlite/urlite/refusal"
)

func push(path, element string) Op {
	return Op{Code: Push, Path: path, Value: ElementOf([]byte(element))}
}

func TestPushAppendsOneElement(t *testing.T) {
	f := func(row Row, op Op, want string, length int) {
		t.Helper()
		tr := try(t, op, row)
		if tr.why != nil || tr.value() != want || tr.reply.Length != length {
			t.Errorf("%s of %q to %q: %v, %q of %d; want %q", op.Path, op.Value.Bytes, row.Value.Bytes, tr.why, tr.value(), tr.reply.Length, want)
		}
		if wantType := map[bool]string{true: row.ContentType, false: contentTypeJSON}[row.Exists]; tr.row.ContentType != wantType {
			t.Errorf("the type is %q, want %q", tr.row.ContentType, wantType)
		}
	}
	f(missing, push("", `1`), `[1]`, 1)
	f(missing, push("$", `1`), `[1]`, 1)
	f(missing, push("a.b", `1`), `{"a":{"b":[1]}}`, 1)
	f(document(`[]`), push("", `null`), `[null]`, 1)
	f(document(`[ 1, 2 ]`), push("", ` {"a" : 1} `), `[ 1, 2,{"a" : 1} ]`, 3)
	f(document(`{"l":[1]}`), push("l", `"x"`), `{"l":[1,"x"]}`, 2)
	f(document(` {"l":[1]} `), push("l", `2`), ` {"l":[1,2]} `, 2)
	f(document(`{"l":[1]}`), push("m", `2`), `{"l":[1],"m":[2]}`, 1)
	f(document(`[[1],[2]]`), push("[-1]", `3`), `[[1],[2,3]]`, 2)
	f(document(`[[1]]`), push("[1]", `3`), `[[1],[3]]`, 1)
	f(stored("text/plain", `[1]`), push("", `2`), `[1,2]`, 2)
	f(stored(contentTypeBinary, `[1]`), push("", `2`), `[1,2]`, 2)

	bounded := func(most int64) Op {
		op := push("", `9`)
		op.LengthMax = most
		return op
	}
	f(document(`[1,2,3]`), bounded(4), `[1,2,3,9]`, 4)
	f(document(`[1,2,3]`), bounded(3), `[2,3,9]`, 3)
	f(document(`[ 1 , 2 , 3 ]`), bounded(2), `[ 3,9 ]`, 2)
	f(document(`[1,2,3]`), bounded(1), `[9]`, 1)
	f(document(`[]`), bounded(1), `[9]`, 1)
	f(missing, bounded(1), `[9]`, 1)
	f(document(`[1,2,3]`), bounded(most), `[1,2,3,9]`, 4)
	inside := bounded(2)
	inside.Path = "l"
	f(document(`{"l":[1,2],"m":[0]}`), inside, `{"l":[2,9],"m":[0]}`, 2)
}

func TestPushIsRefusedWhereThereIsNoArray(t *testing.T) {
	const noArray = "Value at key 'k' is not an array"
	f := func(row Row, op Op, kind refusal.Kind, want string) {
		t.Helper()
		refuses(t, op, row, kind, want)
	}
	const bad = refusal.InvalidParameters
	f(document(`{}`), push("", "1"), bad, noArray)
	f(document(`null`), push("", "1"), bad, noArray)
	f(document(`"[]"`), push("", "1"), bad, noArray)
	f(document(`{"a":null}`), push("a", "1"), bad, noArray)
	f(document(`{"a":{}}`), push("a", "1"), bad, noArray)
	f(number(5), push("", "1"), bad, noArray)
	f(stored("text/plain", "hello"), push("", "1"), bad, noArray)
	f(stored("text/plain", ""), push("a", "1"), bad, noArray)
	f(document(`{"a":1}`), push("a.b", "1"), bad, "path leads nowhere: $.a is a number, neither an object nor an array")
	f(document(`[]`), push("[1]", "1"), bad, "path leads nowhere: index 1 is out of range, $ has 0 elements")

	for _, body := range []string{"", " ", "{", "1 2", "\"\xff\"", "hello"} {
		f(document(`[]`), push("", body), refusal.InvalidJSONValue, "the body is not one valid JSON value")
	}
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	f(missing, push("", deep), bad, "an array of the value would nest deeper than 10000 levels")
	f(missing, push("a", deep[1:len(deep)-1]), refusal.InvalidJSONValue, "the document would be nested deeper than 10000 levels")
	if tr := try(t, push("", deep[1:len(deep)-1]), missing); tr.why != nil {
		t.Error(tr.why)
	}
	op := push("", "1")
	op.LengthMax = -1
	f(missing, op, bad, "max_length must be at least 1")
}

func TestAWrapperIsUnwrappedOnce(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		if got := string(ElementOf([]byte(body)).Bytes); got != want {
			t.Errorf("%s is the element %s, want %s", body, got, want)
		}
	}
	f(`5`, `5`)
	f(` [1, 2] `, `[1, 2]`)
	f(`{"value":5}`, `5`)
	f(` { "value" : {"a" : 1} } `, `{"a" : 1}`)
	f(`{"value":{"value":5}}`, `{"value":5}`)
	f(`{"v\u0061lue":null}`, `null`)
	f(`{"value":5,"other":1}`, `{"value":5,"other":1}`)
	f(`{"value":5,"value":6}`, `{"value":5,"value":6}`) // these are two fields
	f(`{"Value":5}`, `{"Value":5}`)
	f(`{}`, `{}`)
	f(`[{"value":5}]`, `[{"value":5}]`)
	f(`"value"`, `"value"`)
}

func TestPopTakesTheLastElement(t *testing.T) {
	f := func(row Row, path, want, element string, length int) {
		t.Helper()
		tr := try(t, Op{Code: Pop, Path: path}, row)
		if tr.why != nil || tr.value() != want || string(tr.reply.Element) != element || tr.reply.Length != length {
			t.Errorf("%s of %q: %v, %q, %q of %d; want %q", path, row.Value.Bytes, tr.why, tr.value(), tr.reply.Element, tr.reply.Length, want)
		}
	}
	f(document(`[1,2,3]`), "", `[1,2]`, `3`, 2)
	f(document(` [ 1 , {"a" : "]"} ] `), "", `[ 1 ]`, `{"a" : "]"}`, 1)
	f(document(`["x"]`), "$", `[]`, `"x"`, 0)
	f(document(`{"l":[1,2]}`), "l", `{"l":[1]}`, `2`, 1)
	f(document(`[[1,2],3]`), "[0]", `[[1],3]`, `2`, 1)
	f(stored("text/plain", `[null]`), "", `[]`, `null`, 0)

	expired := document(`[1]`)
	expired.ExpireAt = birth
	const gone = refusal.KeyNotFound
	refuses(t, Op{Code: Pop}, missing, gone, "Key not found")
	refuses(t, Op{Code: Pop}, expired, gone, "Key not found")
	refuses(t, Op{Code: Pop, Path: "a"}, missing, gone, "Key not found")
	refuses(t, Op{Code: Pop, Path: "a"}, document(`{}`), gone, "Path not found")
	refuses(t, Op{Code: Pop, Path: "a.b"}, document(`{"a":1}`), gone, "Path not found")
	refuses(t, Op{Code: Pop, Path: "[3]"}, document(`[[]]`), gone, "Path not found")
	refuses(t, Op{Code: Pop}, document(`[]`), gone, "Array is empty")
	refuses(t, Op{Code: Pop}, document(` [ ] `), gone, "Array is empty")
	refuses(t, Op{Code: Pop, Path: "a"}, document(`{"a":[]}`), gone, "Array is empty")
	const bad, noArray = refusal.InvalidParameters, "Value at key 'k' is not an array"
	refuses(t, Op{Code: Pop}, document(`{}`), bad, noArray)
	refuses(t, Op{Code: Pop}, number(1), bad, noArray)
	refuses(t, Op{Code: Pop}, stored("text/plain", "hello"), bad, noArray)
	refuses(t, Op{Code: Pop, Path: "a"}, document(`{"a":"x"}`), bad, noArray)
}

// removal is a removal of the value, as a body says it.
func removal(t *testing.T, body string) Op {
	t.Helper()
	value, why := TargetOf([]byte(body))
	if why != nil {
		t.Fatal(why)
	}
	return Op{Code: Remove, Value: value}
}

func TestRemoveTakesTheElementAtAnIndex(t *testing.T) {
	f := func(row Row, path string, index int64, want, element string) {
		t.Helper()
		tr := try(t, Op{Code: Remove, Path: path, Index: index, HasIndex: true}, row)
		if tr.why != nil || tr.value() != want || string(tr.reply.Element) != element {
			t.Errorf("%s[%d] of %q: %v, %q, %q; want %q", path, index, row.Value.Bytes, tr.why, tr.value(), tr.reply.Element, want)
		}
	}
	f(document(`[1,2,3]`), "", 0, `[2,3]`, `1`)
	f(document(`[1,2,3]`), "", 1, `[1,3]`, `2`)
	f(document(`[1,2,3]`), "", 2, `[1,2]`, `3`)
	f(document(`[1,2,3]`), "", -1, `[1,2]`, `3`)
	f(document(`[1,2,3]`), "", -3, `[2,3]`, `1`)
	f(document(`[ 1 ]`), "", 0, `[  ]`, `1`)
	f(document(`{"l":[[1],[2]]}`), "l[1]", 0, `{"l":[[1],[]]}`, `2`)

	// The index wins over a value, even one that is no JSON.
	op := removal(t, `{"value":1}`)
	op.HasIndex, op.Index = true, 1
	if tr := try(t, op, document(`[1,2]`)); tr.why != nil || tr.value() != `[1]` {
		t.Error(tr.why, tr.value())
	}
	for _, index := range []int64{3, -4, most, least} {
		refuses(t, Op{Code: Remove, HasIndex: true, Index: index}, document(`[1,2,3]`), refusal.KeyNotFound, "Element not found")
	}
	refuses(t, Op{Code: Remove, HasIndex: true}, document(`[]`), refusal.KeyNotFound, "Element not found")
}

func TestRemoveTakesTheFirstElementThatIsEqualOrHasTheFields(t *testing.T) {
	f := func(array, body, want, element string) {
		t.Helper()
		tr := try(t, removal(t, body), document(array))
		if tr.why != nil || tr.value() != want || string(tr.reply.Element) != element {
			t.Errorf("%s of %s: %v, %q, %q; want %q", body, array, tr.why, tr.value(), tr.reply.Element, want)
		}
	}
	absent := func(array, body string) {
		t.Helper()
		refuses(t, removal(t, body), document(array), refusal.KeyNotFound, "Element not found")
	}
	f(`[1,"1",1]`, `{"value":1}`, `["1",1]`, `1`)
	f(`[1,"1",1]`, `{"value":"1"}`, `[1,1]`, `"1"`)
	f(`[10,1.0]`, `{"value":1e0}`, `[10]`, `1.0`)
	f(`[0,null]`, `{"value":null}`, `[0]`, `null`)
	f(`[false,true]`, `{"value": true}`, `[false]`, `true`)
	f(`["\u0061"]`, `{"value":"a"}`, `[]`, `"\u0061"`)
	f(`[[1,2],[2,1]]`, `{"value":[2, 1]}`, `[[1,2]]`, `[2,1]`)
	f(`[{"b":2,"a":1}]`, `{"value":{"a":1.0,"b":2}}`, `[]`, `{"b":2,"a":1}`)
	f(`[1]`, `{"value":2,"value":1}`, `[]`, `1`) // the last one counts

	// An equal one wins over one with more fields that comes before it.
	f(`[{"a":1,"b":2},{"a":1}]`, `{"value":{"a":1}}`, `[{"a":1,"b":2}]`, `{"a":1}`)
	f(`[{"a":2},{"a":1,"b":2},{"a":1,"c":3}]`, `{"value":{"a":1}}`, `[{"a":2},{"a":1,"c":3}]`, `{"a":1,"b":2}`)
	f(`[{"a":{"x":1},"b":2}]`, `{"value":{"a":{"x":1}}}`, `[]`, `{"a":{"x":1},"b":2}`)
	absent(`[{"a":{"x":1,"y":2}}]`, `{"value":{"a":{"x":1}}}`) // the fields themselves must be equal
	absent(`[{"a":1}]`, `{"value":{"a":1,"b":2}}`)
	absent(`[{"a":1},[],1]`, `{"value":{}}`) // no fields say nothing
	f(`[{"a":1},{}]`, `{"value":{}}`, `[{"a":1}]`, `{}`)
	absent(`[0,"null",false]`, `{"value":null}`)
	absent(`[]`, `{"value":1}`)
	absent(`[[1]]`, `{"value":1}`)
}

func TestRemoveIsRefusedWhereThereIsNothingToTake(t *testing.T) {
	expired := document(`[1]`)
	expired.ExpireAt = birth
	const gone, bad = refusal.KeyNotFound, refusal.InvalidParameters
	refuses(t, removal(t, `{"value":1}`), missing, gone, "Key not found")
	refuses(t, removal(t, `{"value":1}`), expired, gone, "Key not found")
	refuses(t, removal(t, `{"value":1}`), document(`{}`), bad, "Value at key 'k' is not an array")
	refuses(t, removal(t, `{"value":1}`), number(1), bad, "Value at key 'k' is not an array")
	inside := removal(t, `{"value":1}`)
	inside.Path = "a"
	refuses(t, inside, document(`{}`), gone, "Path not found")
	refuses(t, inside, document(`{"a":1}`), bad, "Value at key 'k' is not an array")

	for _, body := range []string{"", " \n", "{}", `{"Value":1}`} {
		refuses(t, removal(t, body), document(`[1]`), bad, "either index or a body with value is required")
	}
	refuses(t, Op{Code: Remove, Value: Value{Kind: Text, Bytes: []byte("{")}}, document(`[1]`), refusal.InvalidJSONValue, "the body is not one valid JSON value")

	for _, body := range []string{"[1]", "1", "{", `{"value":1} x`, "null", "\"\xff\""} {
		if _, why := TargetOf([]byte(body)); why == nil || why.Kind != bad || why.Text != "Invalid JSON body" {
			t.Errorf("%q: %v", body, why)
		}
	}
}
