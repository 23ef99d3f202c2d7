package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
	"github.com/urlite/urlite/past"
)

// The writes of a run. What a write makes of the present is read right after it, and
// believed: other tests prove it. What was read is then what the past must tell.

var (
	timeKeys = []string{"a", "b/ž漢", "c d"}

	anyTimeType = anyOf([]string{"text/plain", "application/json", "application/json", "image/png", "text/html; charset=utf-8"})
	anyTimeBody = map[bool]*rapid.Generator[string]{
		true:  anyOf([]string{`{"n":1,"list":[1,2]}`, `[1]`, ` [ ] `, `5`, `{"list":[],"n":-7}`, `"text"`, "9223372036854775807"}),
		false: anyOf([]string{"", "text", "12", "\x00\xff", "ž 漢 \" \\", "[1,2]"}),
	}
	anyTimePath    = anyOf([]string{"n", "n", "list", "list[0]", "deep.er.n", "$"})
	anyTimeElement = anyOf([]string{"1", "2", `"x"`, `{"a":1}`, "null"})
)

// anyOf is one of the choices, each about as often: of integers rapid prefers the small
// ones, its coins are fair.
func anyOf[T any](choices []T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T {
		number := 0
		for room := 1; room < 4*len(choices); room *= 2 {
			number *= 2
			if rapid.Bool().Draw(t, "coin") {
				number++
			}
		}
		return choices[number%len(choices)]
	})
}

// sometimes is true once in two to the power of halvings.
func (r *timeRun) sometimes(halvings int) bool {
	for range halvings {
		if !rapid.Bool().Draw(r.t, "coin") {
			return false
		}
	}
	return true
}

func (r *timeRun) choose(choices ...string) string { return anyOf(choices).Draw(r.t, "choice") }

func (r *timeRun) anyTable() *timeTable {
	if r.sometimes(2) {
		return r.m.tables[1]
	}
	return r.m.tables[0]
}

// tick brings the model's writer to the time.
func (r *timeRun) tick() {
	r.m.now = r.clockNow()
}

// anyWrite does some operation to some key.
func (r *timeRun) anyWrite() {
	w := &timeWrite{r: r, t: r.anyTable(), key: r.choose(timeKeys...), recorded: !r.sometimes(2)}
	w.entry.actor = timeActor
	op := anyOf([]func(*timeWrite){
		(*timeWrite).put, (*timeWrite).put, (*timeWrite).put, (*timeWrite).patch, (*timeWrite).count, (*timeWrite).count, (*timeWrite).push,
		(*timeWrite).push, (*timeWrite).take, (*timeWrite).live, (*timeWrite).live, (*timeWrite).grow, (*timeWrite).remove, (*timeWrite).remove,
	}).Draw(r.t, "operation")
	op(w)
}

// timeWrite is an operation on one key.
type timeWrite struct {
	r        *timeRun
	t        *timeTable
	key      string
	recorded bool
	entry    timeEntry
	path     string // of the document, empty for the whole value
	// expect, if not nil, tells what the write must leave.
	expect func(after *timeState) bool
}

// do sends the operation, and has the model do what it did.
func (w *timeWrite) do(method, operation, body string, parameters []string, headers ...string) {
	r := w.r
	r.tick()
	parameters = append(parameters, fmt.Sprintf("history=%v", w.recorded))
	if w.path != "" {
		parameters = append(parameters, "path="+escaped(w.path))
		w.entry.path = w.path
	}
	before := *w.t.key(w.key)
	a := r.ask(method, r.keyPath(w.t, w.key, operation, parameters...), body, headers...)
	all := r.look()
	row, there := all[w.t.name].rows[w.key]
	changed := there != before.row.there || row.version != before.version
	if a.status == 200 && changed {
		w.told(a)
		if w.expect != nil && !w.expect(&row.timeState) {
			r.t.Fatalf("%s of %q leaves %+v", w.entry.op, w.key, row)
		}
		r.m.write(w.t, w.key, w.recorded, w.entry, row.timeState)
		k := w.t.key(w.key)
		if w.entry.op == "EXPIRE_SET" || w.entry.op == "PERSIST" {
			k.updatedAt = before.updatedAt
		}
	}
	r.agree(all)
}

func escaped(text string) string {
	return strings.NewReplacer("[", "%5B", "]", "%5D", "$", "%24").Replace(text)
}

// told reads from the answer what history will tell of the operation.
func (w *timeWrite) told(a *answer) {
	var told struct {
		Applied *int64
		Length  int
		Removed json.RawMessage
	}
	if err := json.Unmarshal(a.body, &told); err != nil {
		w.r.t.Fatalf("%v: %s", err, a.body)
	}
	switch {
	case told.Applied != nil:
		w.entry.arg = *told.Applied
	case w.entry.op == "REMOVE" && w.entry.arg < 0:
		w.entry.arg += int64(told.Length) + 1
	}
}

func (w *timeWrite) ttl() (parameters []string, seconds int64) {
	if w.r.sometimes(1) {
		return nil, 0
	}
	seconds = anyOf([]int64{1, 2, 60, 3600}).Draw(w.r.t, "ttl")
	return []string{fmt.Sprintf("ttl=%d", seconds)}, seconds
}

func (w *timeWrite) put() {
	contentType := anyTimeType.Draw(w.r.t, "type")
	body := anyTimeBody[contentType == "application/json" || w.r.sometimes(1)].Draw(w.r.t, "body")
	parameters, seconds := w.ttl()
	w.entry.op = "SET"
	w.expect = func(after *timeState) bool {
		want := timeState{there: true, value: body, contentType: contentType}
		if seconds > 0 {
			want.expireAt = w.r.m.now + seconds*1000
		}
		return *after == want
	}
	w.do("PUT", "", body, parameters, "Content-Type: "+contentType)
}

func (w *timeWrite) patch() {
	var parameters []string
	if w.r.sometimes(2) {
		parameters, _ = w.ttl()
	}
	w.entry.op, w.path = "PATCH", anyTimePath.Draw(w.r.t, "path")
	w.do("PUT", "", anyTimeElement.Draw(w.r.t, "leaf"), parameters)
}

func (w *timeWrite) count() {
	delta := anyOf([]int64{1, 1, 5, 1 << 62}).Draw(w.r.t, "delta")
	parameters := []string{fmt.Sprintf("delta=%d", delta)}
	operation := w.r.choose("/incr", "/decr")
	if w.entry.op, w.entry.arg = "INCR", delta; operation == "/decr" {
		w.entry.op, w.entry.arg = "DECR", -delta
	}
	if w.r.sometimes(1) {
		w.path = anyTimePath.Draw(w.r.t, "path")
	}
	if w.r.sometimes(2) {
		parameters = append(parameters, "max=3", "min=-3", "on_limit="+w.r.choose("reject", "clamp"))
	}
	if w.r.sometimes(2) {
		parameters = append(parameters, "ttl="+w.r.choose("1", "60"), "ttl_mode="+w.r.choose("if_new", "always"))
	}
	w.do("POST", operation, "", parameters)
}

func (w *timeWrite) push() {
	w.entry.op = "PUSH"
	if w.r.sometimes(1) {
		w.path = "list"
	}
	var parameters []string
	if w.r.sometimes(2) {
		parameters = []string{"max_length=2"}
	}
	w.do("POST", "/push", anyTimeElement.Draw(w.r.t, "element"), parameters)
}

// take pops an element, or removes one.
func (w *timeWrite) take() {
	if w.r.sometimes(1) {
		w.path = "list"
	}
	if w.r.sometimes(1) {
		w.entry.op = "POP"
		w.do("POST", "/pop", "", nil)
		return
	}
	w.entry.op = "REMOVE"
	if w.r.sometimes(1) {
		w.entry.arg = anyOf([]int64{0, 1, -1, -2}).Draw(w.r.t, "index")
		w.do("POST", "/remove", "{}", []string{fmt.Sprintf("index=%d", w.entry.arg)})
		return
	}
	element := anyTimeElement.Draw(w.r.t, "element")
	w.entry.arg = int64(w.indexOf(element))
	w.do("POST", "/remove", `{"value":`+element+`}`, nil)
}

// indexOf is where the element is first in the array that the operation works on.
func (w *timeWrite) indexOf(element string) int {
	document := []byte(w.t.key(w.key).row.value)
	if w.path != "" {
		var fields map[string]json.RawMessage
		if json.Unmarshal(document, &fields) != nil {
			return 0
		}
		document = fields[w.path]
	}
	var elements []json.RawMessage
	if json.Unmarshal(document, &elements) != nil {
		return 0
	}
	return max(0, slices.IndexFunc(elements, func(e json.RawMessage) bool { return string(jsontext.Trim(e)) == element }))
}

// live gives the key a lifetime, or takes it. That is always recorded.
func (w *timeWrite) live() {
	w.recorded = true
	before := w.t.key(w.key).row
	if w.r.sometimes(2) {
		w.entry.op = "PERSIST"
		w.expect = func(after *timeState) bool {
			return *after == timeState{true, before.value, before.contentType, 0}
		}
		w.do("POST", "/persist", "", nil)
		return
	}
	seconds := anyOf([]int64{1, 2, 60}).Draw(w.r.t, "ttl")
	w.entry.op = "EXPIRE_SET"
	w.expect = func(after *timeState) bool {
		return *after == timeState{true, before.value, before.contentType, w.r.m.now + seconds*1000}
	}
	w.do("POST", "/expire", "", []string{fmt.Sprintf("ttl=%d", seconds)})
}

func (w *timeWrite) grow() {
	w.entry.op = "APPEND"
	w.do("POST", "/append", w.r.choose("+", "ž", "\x01"), nil, "Content-Type: text/plain")
}

func (w *timeWrite) remove() {
	w.entry.op = "DELETE"
	w.expect = func(after *timeState) bool { return !after.there }
	w.do("DELETE", "", "", nil)
}

// anyBatch sets or deletes several keys in one commit, some of them perhaps twice.
func (r *timeRun) anyBatch() {
	r.tick()
	t, recorded := r.anyTable(), !r.sometimes(2)
	parameter := fmt.Sprintf("history=%v", recorded)
	var keys, items []string
	var set []timeState
	for range rapid.IntRange(1, 4).Draw(r.t, "items") {
		keys = append(keys, r.choose(timeKeys...))
		state := timeState{there: true, value: r.choose("batch", "1"), contentType: "text/plain"}
		ttl := anyOf([]int64{0, 0, 2}).Draw(r.t, "ttl")
		if ttl > 0 {
			state.expireAt = r.m.now + ttl*1000
		}
		set = append(set, state)
		items = append(items, fmt.Sprintf(`{"key":%s,"value":%q,"content_type":"text/plain","ttl":%d}`, quoted(keys[len(keys)-1]), state.value, ttl))
	}
	if r.sometimes(1) {
		r.want("POST", r.path("/kv/batch/set", t.name, parameter), `{"items":`+listed(items)+`}`, 200)
		for i, key := range keys {
			r.m.write(t, key, recorded, timeEntry{op: "SET", actor: timeActor}, set[i])
		}
	} else {
		r.want("POST", r.path("/kv/batch/delete", t.name, parameter), `{"keys":`+listed(allQuoted(keys))+`}`, 200)
		for _, key := range keys {
			if t.key(key).row.live(r.m.now) {
				r.m.write(t, key, recorded, timeEntry{op: "DELETE", actor: timeActor}, timeState{})
			}
		}
	}
	r.agree(r.look())
}

// anySQL changes rows by plain SQL, which history does not see.
func (r *timeRun) anySQL() {
	r.settle() // SQL sees expired rows, unless they are swept
	t, key, other := r.anyTable(), r.choose(timeKeys...), r.choose(timeKeys...)
	value := r.choose(`"sql"`, `7`, `1.5`, `null`, `{"base64":"AP8="}`, `"{\"n\":1}"`)
	sql := r.choose(
		`INSERT OR IGNORE INTO $table(key, value) VALUES (:key, :value)`,
		`INSERT OR REPLACE INTO $table(key, value) VALUES (:key, :value)`,
		`INSERT INTO $table(key, value) VALUES (:key, :value) ON CONFLICT(key) DO UPDATE SET value = excluded.value`,
		`UPDATE $table SET value = :value WHERE key = :key`,
		`UPDATE $table SET content_type = 'application/json', value = '[1]' WHERE key = :key`,
		`UPDATE $table SET expire_at = :expire_at WHERE key = :key`,
		`DELETE FROM $table WHERE key = :key`,
		`DELETE FROM $table`,
		`UPDATE OR REPLACE $table SET key = :other WHERE key = :key`,
	)
	values := []string{}
	for name, v := range map[string]string{"key": quoted(key), "other": quoted(other), "value": value, "expire_at": fmt.Sprint(r.m.now + 1500)} {
		if strings.Contains(sql, ":"+name) {
			values = append(values, quoted(name)+":"+v)
		}
	}
	slices.Sort(values)
	r.want("POST", r.path("/db", t.name), fmt.Sprintf(`{"transaction":[{"statement":%s,"values":{%s}}]}`,
		quoted(strings.ReplaceAll(sql, "$table", t.name)), strings.Join(values, ",")), 200)
	all := r.look()
	s := all[t.name]
	for _, key := range timeKeys { // those that have another version, or are gone
		row, there := s.rows[key]
		if k := t.key(key); there != k.row.there || row.version != k.version {
			updatedAt := row.updatedAt
			if !there {
				updatedAt = s.gone[key]
			}
			r.m.touch(t, key, row.timeState, updatedAt)
		}
	}
	r.agree(all)
}

// anyUndo takes back a few entries of a key.
func (r *timeRun) anyUndo() {
	r.tick()
	t, key := r.anyTable(), r.choose(timeKeys...)
	for range 3 { // what is being folded away can't be taken back: it is waited for
		if t.keep != (past.Keep{}) {
			r.h.clock.Add(5)
			r.settle()
		}
	}
	steps := anyOf([]int{1, 1, 2, 3, 50_000}).Draw(r.t, "steps")
	a := r.ask("POST", r.keyPath(t, key, "/rollback", fmt.Sprintf("steps=%d", steps)), "")
	n, code := r.m.undo(t, key, steps)
	all, etag := r.look(), ""
	if row, there := all[t.name].rows[key]; there {
		etag = `,"etag":` + string(kv.AppendETagText(nil, row.version))
	}
	r.compare("an undo", a, wanted{body: fmt.Sprintf(`{"success":true,"key":%s,"rolled_back":%d%s}`, quoted(key), n, etag), code: code})
	r.agree(all)
}

// anyKeep settles how much of the past is kept: less and less.
func (r *timeRun) anyKeep() {
	r.settle()
	t := r.anyTable()
	keep := past.Keep{Entries: anyOf([]int64{0, 1, 3}).Draw(r.t, "entries"), Seconds: anyOf([]int64{0, 1, 60}).Draw(r.t, "seconds")}
	if t.keep != (past.Keep{}) {
		return
	}
	t.keep = keep
	r.want("PUT", r.path("/kv-settings", t.name, fmt.Sprintf("keep_entries=%d&keep_seconds=%d", keep.Entries, keep.Seconds)), "", 200)
	r.agree(r.look())
}

// burst counts a key up, beyond one keyframe or two, while time goes on.
func (r *timeRun) burst() {
	r.tick()
	t, key := r.anyTable(), r.choose(timeKeys...)
	steps := anyOf([]int{30, 63, 64, 65, 100, 135}).Draw(r.t, "steps")
	unseen := anyOf([]int{0, 0, 5, 40, 62}).Draw(r.t, "unseen")
	for n := range steps {
		if n%8 == 7 {
			r.h.clock.Add(700)
			r.tick()
		}
		recorded := n == 0 || n != unseen
		state := timeState{there: true, value: fmt.Sprint(n), contentType: "text/plain"}
		if n == 0 {
			r.want("PUT", r.keyPath(t, key, ""), "0", 200, "Content-Type: text/plain")
			r.m.write(t, key, true, timeEntry{op: "SET", actor: timeActor}, state)
			continue
		}
		r.want("POST", r.keyPath(t, key, "/incr", fmt.Sprintf("history=%v", recorded)), "", 200)
		r.m.write(t, key, recorded, timeEntry{op: "INCR", arg: 1, actor: timeActor}, state)
	}
	r.agree(r.look())
}
