package kv

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/internal/ratelimit"
)

// The generators of operations and rows. What they make is small and made of few
// pieces, so that paths lead somewhere, elements are found, versions agree, and
// counting has something to count.

var (
	anyCode = anyOf([]Code{Set, Set, Set, Delete, Incr, Incr, Decr, Push, Push, Push, Push, Pop, Pop, Remove, Remove, Expire, Persist, Limit, Limit, Append})

	anyDelta = rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Min(1))
	anyType  = anyOf([]string{"text/plain", contentTypeJSON, contentTypeJSON, contentTypeBinary, "", "image/png", "application/merge-patch+json"})
	anyTTL   = anyOf([]int64{0, 0, 1, 2, 60})

	anyInteger = anyOf([]string{"0", "7", "-12", "41", "9223372036854775807", "-9223372036854775808"})
	anyScalar  = anyOf([]string{
		"0", "1", "1.0", "10e-1", "7", "-0", "-12", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"0.5", "1e400", "null", "true", "false", `""`, `"a"`, `"\u0061"`, `"x\"]}"`, `"ž 漢 😀"`,
	})
	anyName = anyOf([]string{`"a"`, `"b"`, `"n"`, `"list"`, `"a.b"`, `"\u0061"`, `"0"`, `""`})

	plainBodies     = rapid.OneOf(anyOf([]string{"", "text", "007", "+5", "a\x00b", "\xff\xfe", "{", "[1] [2]"}), rapid.String())
	familiarBodies  = anyOf([]string{"{}", " [ ] ", "[1,2,3]", `["a",null,{"a":1,"b":2},{"b":[7]}]`, `{"a":[1,[2,"a"]],"list":[{"n":1}, {"n":2} ]}`, `{"n":1,"list":[1,"a",{"a":1,"b":2}]}`, `{"a":{"b":[0,null]},"n":9223372036854775807}`, "{\"a\" : 1 ,\n \"list\" : [ ] }\n"})
	anyFamiliarPath = anyOf([]string{
		"$", "a", "n", "list", "list[0]", "list[-1]", "list.1", "a.b", "$.a.b[0]", `["a.b"]`, "[0]", "[-1]", "1", "new.deep[0].er", ".n", `$["n"]`, "list[2].a", "list[3]", "new." + strings.Repeat("long", 20) + ".name",
	})
)

// seldom is true once in two to the power of halvings. Of integers rapid prefers the
// small ones; its coins are fair.
func seldom(t *rapid.T, halvings int, what string) bool {
	for range halvings {
		if !rapid.Bool().Draw(t, what) {
			return false
		}
	}
	return true
}

// fairly is one of n numbers from 0, each about as often.
func fairly(t *rapid.T, n int, what string) (number int) {
	for room := 1; room < 4*n; room *= 2 {
		number *= 2
		if rapid.Bool().Draw(t, what) {
			number++
		}
	}
	return number % n
}

// anyOf is one of the choices, each about as often.
func anyOf[T any](choices []T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T { return choices[fairly(t, len(choices), "choice")] })
}

// anyDocument is one JSON document as somebody wrote it: spaced or not, with escapes,
// numbers of all kinds, and names that repeat.
func anyDocument(t *rapid.T) string {
	if rapid.Bool().Draw(t, "familiar") {
		return familiarBodies.Draw(t, "document")
	}
	space := anyOf([]string{"", "", " ", "\n\t"}).Draw(t, "space")
	return space + randomDocument(t, space, 3) + space
}

func randomDocument(t *rapid.T, space string, depth int) string {
	kind := 2
	if depth > 0 {
		kind = fairly(t, 3, "kind")
	}
	if kind == 2 {
		return anyScalar.Draw(t, "scalar")
	}
	inside := make([]string, rapid.IntRange(0, 3).Draw(t, "length"))
	for i := range inside {
		if kind == 0 {
			inside[i] = anyName.Draw(t, "name") + space + ":" + space
		}
		inside[i] += randomDocument(t, space, depth-1)
	}
	joined := space + strings.Join(inside, space+","+space) + space
	if kind == 0 {
		return "{" + joined + "}"
	}
	return "[" + joined + "]"
}

func anyBody(t *rapid.T) string {
	switch fairly(t, 7, "body") {
	case 0:
		return plainBodies.Draw(t, "plain")
	case 1:
		return anyInteger.Draw(t, "integer")
	}
	return anyDocument(t)
}

// anyPath is a path, or none. Where the row has what suits the operation, it often
// leads there.
func anyPath(t *rapid.T, code Code, row *Row) string {
	if fitting := pathsInto(row, code); len(fitting) > 0 && !seldom(t, 3, "fitting") {
		return anyOf(fitting).Draw(t, "fitting path")
	}
	switch fairly(t, 4, "path") {
	case 0:
		return ""
	case 1:
		pieces := rapid.SliceOfN(anyOf([]string{".a", ".b", ".n", ".list", ".0", "[0]", "[1]", "[-1]", `["a.b"]`, `[""]`}), 1, 4)
		return strings.Join(pieces.Draw(t, "pieces"), "")
	}
	return anyFamiliarPath.Draw(t, "familiar path")
}

// pathsInto are the paths to the places of a document that the operation works on, in
// the same order each time; the whole value among them.
func pathsInto(row *Row, code Code) (paths []string) {
	if row.Value.Kind == Integer || !validJSON(row.Value.Bytes) {
		return nil
	}
	var walk func(tree any, path string)
	walk = func(tree any, path string) {
		suits := code == Set
		switch tree := tree.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(tree)) {
				walk(tree[name], path+`[`+string(encoded(name))+`]`)
			}
		case []any:
			suits = suits || code == Push || (len(tree) > 0 && (code == Pop || code == Remove))
			for i, element := range tree {
				walk(element, path+"["+strconv.Itoa(i)+"]")
			}
		case json.Number:
			_, counts := integerOf([]byte(tree))
			suits = suits || counts && (code == Incr || code == Decr)
		}
		if suits {
			paths = append(paths, path)
		}
	}
	walk(decoded(row.Value.Bytes), "")
	return paths
}

// anyOp is an operation that Check lets pass, and that suits row more often than not.
func anyOp(t *rapid.T, row *Row) *Op { return anyOpOf(t, anyCode.Draw(t, "op"), row) }

func anyOpOf(t *rapid.T, code Code, row *Row) *Op {
	op := &Op{Code: code, Key: "key", Unrecorded: seldom(t, 2, "unrecorded")}
	if code.Takes(TakesPath) {
		op.Path = anyPath(t, code, row)
	}
	if code.Takes(TakesTTL) {
		op.TTLSeconds = anyTTL.Draw(t, "ttl")
		op.TTLSent = op.TTLSeconds != 0 || rapid.Bool().Draw(t, "ttl sent")
	}
	switch code {
	case Set:
		fillSet(t, op)
	case Delete:
		op.MissingOK = rapid.Bool().Draw(t, "missing ok")
	case Incr, Decr:
		fillIncr(t, op)
	case Push:
		op.Value = ElementOf([]byte(anyDocument(t)))
		op.LengthMax = anyOf([]int64{0, 0, 0, 1, 2, 3, 1 << 40}).Draw(t, "max length")
	case Remove:
		fillRemove(t, op, row)
	case Expire:
		op.TTLSeconds, op.TTLSent = op.TTLSeconds+1, true
	case Append:
		op.Value, op.ContentType = BodyOf(op, anyType.Draw(t, "type"), []byte(anyBody(t)))
	case Limit:
		op.Limit, op.Peek = anyRule(t), seldom(t, 2, "peek")
	}
	if code.Takes(TakesConditions) {
		op.If = anyConditions(t, code, row)
	}
	limits := DefaultLimits()
	if why := Check(op, &limits); why != nil {
		t.Fatalf("the generator made what is refused: %v\n%s", why, text(op))
	}
	op.valueBytesMax = anyOf([]int{16 << 20, 16 << 20, 16 << 20, 16 << 20, 16 << 20, 16 << 20, 16 << 20, 24}).Draw(t, "value bytes")
	return op
}

func fillSet(t *rapid.T, op *Op) {
	if op.Path != "" {
		op.Value, op.ContentType = BodyOf(op, contentTypeJSON, []byte(anyDocument(t)))
		return
	}
	op.ContentType = anyType.Draw(t, "type")
	body := anyBody(t)
	if IsJSON(op.ContentType) && !validJSON([]byte(body)) {
		body = anyDocument(t)
	}
	op.Value = BytesValue([]byte(body), op.ContentType)
}

func fillIncr(t *rapid.T, op *Op) {
	op.Delta = anyDelta.Draw(t, "delta")
	op.TTLAlways = op.TTLSent && rapid.Bool().Draw(t, "always")
	if !seldom(t, 2, "bounds") {
		return
	}
	bound := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64())
	b := &op.Bounds
	b.HasMin, b.HasMax = rapid.Bool().Draw(t, "has min"), rapid.Bool().Draw(t, "has max")
	b.Min, b.Max = bound.Draw(t, "min"), bound.Draw(t, "max")
	if b.HasMin && b.HasMax {
		b.Min, b.Max = min(b.Min, b.Max), max(b.Min, b.Max)
	}
	b.Clamp = (b.HasMin || b.HasMax) && rapid.Bool().Draw(t, "clamp")
}

func fillRemove(t *rapid.T, op *Op, row *Row) {
	var elements [][]byte
	if leaf, why := Leaf(op.Key, cmp.Or(op.Path, "$"), row); why == nil {
		elements = slices.Collect(jsontext.Elements(leaf))
	}
	if rapid.Bool().Draw(t, "by index") {
		op.HasIndex = true
		op.Index = rapid.Int64Range(-2, 2).Draw(t, "index")
		if seldom(t, 3, "any index") {
			op.Index = rapid.Int64().Draw(t, "index of any size")
		}
		return
	}
	wanted := anyDocument(t)
	if len(elements) > 0 && !seldom(t, 2, "what may not be there") {
		wanted = string(anyOf(elements).Draw(t, "element"))
	}
	op.Value, _ = TargetOf([]byte(`{"value":` + wanted + `}`))
}

func anyRule(t *rapid.T) ratelimit.Rule {
	rule := ratelimit.Rule{
		Algorithm:     anyOf([]ratelimit.Algorithm{ratelimit.Sliding, ratelimit.Fixed, ratelimit.GCRA}).Draw(t, "algorithm"),
		Limit:         rapid.Int64Range(1, 4).Draw(t, "limit"),
		WindowSeconds: anyOf([]int64{1, 2, 60}).Draw(t, "window"),
	}
	capacity := rule.Limit
	if rule.Algorithm == ratelimit.GCRA && rapid.Bool().Draw(t, "has burst") {
		rule.Burst = rapid.Int64Range(1, 4).Draw(t, "burst")
		capacity = rule.Burst
	}
	rule.Cost = rapid.Int64Range(1, capacity).Draw(t, "cost")
	return rule
}

// anyConditions are some that hold of row, and some that don't; mostly none.
func anyConditions(t *rapid.T, code Code, row *Row) *Conditions {
	if !seldom(t, 3, "conditions") {
		return nil
	}
	c := &Conditions{}
	which := rapid.IntRange(1, 15).Draw(t, "which conditions")
	c.Absent = which&1 != 0
	c.Exists = which&2 != 0
	if which&4 != 0 {
		c.Tagged = true
		c.Versions = rapid.SliceOfN(anyOf([]int64{row.Version, row.Version, row.Version + 1, 0, -1}), 0, 3).Draw(t, "versions")
	}
	if which&8 != 0 && code.Takes(TakesBytes) {
		c.HasBytes = true
		c.Bytes = row.Value.Append(nil)
		if seldom(t, 2, "other bytes") {
			c.Bytes = []byte(anyBody(t))
		}
	}
	return c
}

// anyRow is a row as a life may have left it, or plain SQL.
func anyRow(t *rapid.T) Row {
	row := Row{Exists: !seldom(t, 3, "exists")}
	if row.Exists {
		switch fairly(t, 8, "what row") {
		case 0:
			row.Value, row.ContentType = IntegerValue(rapid.Int64().Draw(t, "count")), anyType.Draw(t, "row type")
		case 1:
			row.Value, row.ContentType = anyLimitState(t), limitContentType
		default:
			row.ContentType = anyType.Draw(t, "row type")
			row.Value = BytesValue([]byte(anyBody(t)), row.ContentType)
		}
		row.CreatedAt, row.UpdatedAt = birth, birth+1
		row.ExpireAt = anyOf([]int64{0, birth + 1, birth + 1000}).Draw(t, "expires")
	}
	row.Head = anyOf([]int64{0, 41}).Draw(t, "head")
	if row.Head != 0 { // the next entry keeps the whole state, or not
		row.OpNumber = anyOf([]int64{41, 2*KeyframeEvery - 1}).Draw(t, "entries")
	}
	row.Version = row.Head + anyOf([]int64{0, 1}).Draw(t, "ahead")
	return row
}

// anyLimitState is what a rate limit left in the row, and rarely something else.
func anyLimitState(t *rapid.T) Value {
	if seldom(t, 3, "no state") {
		return BytesValue([]byte(anyBody(t)), limitContentType)
	}
	rules, verdicts := []ratelimit.Rule{anyRule(t)}, make([]ratelimit.Verdict, 1)
	did, why := ratelimit.Decide(nil, nil, rules, birth+rapid.Int64Range(0, 1500).Draw(t, "asked before"), false, verdicts)
	if why != nil {
		t.Fatal(why)
	}
	return Value{Kind: Text, Bytes: did.State}
}

// What is drawn must be varied, or the laws are proved of little.
func TestTheGeneratorsReachEveryOperationBothWays(t *testing.T) {
	type reached struct{ done, idle, refused int }
	reachedBy := map[Code]*reached{}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			row := anyRow(t)
			op := anyOp(t, &row)
			if reachedBy[op.Code] == nil {
				reachedBy[op.Code] = &reached{}
			}
			var out Outcome
			switch why := Decide(op, &row, birth, &out); {
			case why != nil:
				reachedBy[op.Code].refused++
			case out.Changed:
				reachedBy[op.Code].done++
			default:
				reachedBy[op.Code].idle++
			}
		}
	})
	for code := range Get { // which changes nothing
		r := reachedBy[code]
		if r == nil || r.done == 0 || r.refused == 0 {
			t.Errorf("%s: %+v", code, r)
		}
		t.Logf("%-8s %+v", code, r)
	}
}
