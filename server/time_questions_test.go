package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// The questions of a run, and what is done to the past: each answer is held to the model.

// compare holds an answer to what the model answers.
func (r *timeRun) compare(question string, a *answer, want wanted) {
	if !want.isIn(a) {
		r.t.Fatalf("%s of %s at %d (the writer: %d) is answered\n%s %s\nwant\n%s%s %s", question, r.db, r.h.clock.Load(), r.m.now, a.reason, a.body, want.body, want.code, want.text)
	}
}

// isIn tells whether an answer is the one that was wanted.
func (want *wanted) isIn(a *answer) bool {
	body := string(a.body)
	if want.code == "" {
		return a.status == 200 && body == want.body
	}
	return strings.Contains(body, `"code":"`+want.code+`"`) && strings.Contains(body, want.text)
}

// number reads a number out of an answer by its name.
func (r *timeRun) number(a *answer, name string) int {
	found := regexp.MustCompile(`"` + name + `":(\d+)`).FindSubmatch(a.body)
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// moments are the seconds at which something happened or ended in the table, those next
// to them, and now.
func (r *timeRun) moments(t *timeTable) []int64 {
	now := r.h.clock.Load() / 1000
	seconds := map[int64]bool{1: true, now: true, now - 1: true}
	note := func(millis int64) {
		for second := millis/1000 - 1; second <= millis/1000+1; second++ {
			if second >= 1 && second <= now {
				seconds[second] = true
			}
		}
	}
	for _, k := range t.keys {
		note(k.row.expireAt)
		note(k.updatedAt)
		for i := range k.entries {
			note(k.entries[i].at)
			note(k.entries[i].after.expireAt)
		}
	}
	return slices.Sorted(maps.Keys(seconds))
}

func (r *timeRun) anyMoment(t *timeTable) int64 { return anyOf(r.moments(t)).Draw(r.t, "second") }

// anyQuestions asks about the past. A sweep or a fold may come between looking and
// asking: then both are done again.
func (r *timeRun) anyQuestions() {
	t := r.anyTable()
	r.agree(r.look())
	for range 3 {
		anyOf([]func(*timeTable){
			r.askKey, r.askKey, r.askHistory, r.askHistory, r.askList, r.askSnapshot, r.askSnapshot, r.askDiff, r.askDiff, r.askPreview,
		}).Draw(r.t, "question")(t)
	}
}

func (r *timeRun) askKey(t *timeTable) {
	key, second := r.choose(timeKeys...), r.anyMoment(t)
	number := int64(rapid.IntRange(1, int(t.key(key).number())+2).Draw(r.t, "op_number"))
	r.steady("the key", func() (*answer, wanted) {
		return r.ask("GET", r.keyPath(t, key, "", fmt.Sprintf("at_timestamp=%d", second)), ""), t.then(key, second)
	})
	r.steady("the entry", func() (*answer, wanted) {
		return r.ask("GET", r.keyPath(t, key, "/snapshot", fmt.Sprintf("op_number=%d", number)), ""), t.afterEntry(key, number)
	})
}

// steady compares the answer to a question with the model's; if they differ, the writer
// may have tidied up since the run looked.
func (r *timeRun) steady(question string, ask func() (*answer, wanted)) {
	a, want := ask()
	for tries := 0; !want.isIn(a) && tries < 5; tries++ {
		r.agree(r.look())
		a, want = ask()
	}
	r.compare(question, a, want)
}

func (r *timeRun) askHistory(t *timeTable) {
	key := r.choose(timeKeys...)
	limit := anyOf([]int{1000, 1, 2, 5}).Draw(r.t, "limit")
	before := int64(0)
	if r.sometimes(1) {
		before = int64(rapid.IntRange(1, int(t.key(key).number())+2).Draw(r.t, "before"))
	}
	r.steady("history", func() (*answer, wanted) {
		return r.ask("GET", r.keyPath(t, key, "/history", fmt.Sprintf("limit=%d&before=%d", limit, before)), ""), t.history(key, limit, before)
	})
}

func (r *timeRun) anyPage() *timePage {
	p := &timePage{limit: anyOf([]int{1000, 1, 2}).Draw(r.t, "limit"), counted: r.sometimes(1)}
	if r.sometimes(2) {
		p.prefix = r.choose("a", "b/", "c", "none")
	}
	if r.sometimes(2) {
		p.after = r.choose("a", "b", "b/ž漢")
	}
	if r.sometimes(2) {
		p.offset = 1
	}
	return p
}

func (p *timePage) parameters() string {
	return fmt.Sprintf("limit=%d&prefix=%s&after=%s", p.limit, url.QueryEscape(p.prefix), encodeCursor([]byte(p.after)))
}

func (r *timeRun) askList(t *timeTable) {
	p, second := r.anyPage(), r.anyMoment(t)
	r.steady("a list", func() (*answer, wanted) {
		a := r.ask("GET", r.path("/kv", t.name, p.parameters(), fmt.Sprintf("&offset=%d&count=%v&at_timestamp=%d", p.offset, p.counted, second)), "")
		var told struct {
			GapKeys []string `json:"gap_keys"`
		}
		if err := json.Unmarshal(a.body, &told); err != nil {
			r.t.Fatal(err)
		}
		if a.status == 200 {
			r.checkGaps(t, p, second, told.GapKeys)
		}
		return a, t.listThen(p, second, told.GapKeys)
	})
}

// checkGaps: a list names the keys that can't be told as far as it was made, and those
// beyond it as it likes.
func (r *timeRun) checkGaps(t *timeTable, p *timePage, second int64, gaps []string) {
	there, _, more, unknown := t.page(p, second)
	for _, key := range unknown {
		within := key > p.after && p.limit > 0 && (!more || key < there[len(there)-1])
		if (within || p.counted) && !slices.Contains(gaps, key) {
			r.t.Fatalf("a list of %s at %d does not say that it can't tell about %q, but about %q", t.name, second, key, gaps)
		}
	}
	for _, key := range gaps {
		if !slices.Contains(unknown, key) {
			r.t.Fatalf("a list of %s at %d says that it can't tell about %q", t.name, second, key)
		}
	}
}

func (r *timeRun) askSnapshot(t *timeTable) {
	p, second := r.anyPage(), r.anyMoment(t)
	p.offset = 0
	asked := p.parameters() + fmt.Sprintf("&timestamp=%d", second)
	if r.sometimes(1) {
		p.limit = 1000
		asked = strings.Replace(p.parameters(), "limit=1000", "limit=0", 1) + fmt.Sprintf("&timestamp=%d", second)
	}
	r.steady("a snapshot", func() (*answer, wanted) {
		return r.ask("GET", r.path("/kv/snapshot", t.name, asked), ""), t.snapshot(p, second)
	})
}

func (r *timeRun) askDiff(t *timeTable) {
	from, to := r.anyMoment(t), r.anyMoment(t)
	if from > to {
		from, to = to, from
	}
	if from == to {
		return
	}
	var keys []string
	parameter := ""
	if r.sometimes(2) {
		keys = []string{r.choose(timeKeys...), r.choose(timeKeys...)}
		parameter = "keys=" + url.QueryEscape(strings.Join(keys, ","))
	}
	r.steady("a difference", func() (*answer, wanted) {
		a := r.ask("GET", r.path("/kv/diff", t.name, fmt.Sprintf("from=%d&to=%d", from, to), parameter), "")
		unchanged := r.number(a, "unchanged")
		want, most := t.diff(from, to, keys, unchanged)
		if unchanged > most || (keys != nil && a.status == 200 && unchanged < most) {
			want.body += fmt.Sprintf(" with %d keys unchanged at the most", most)
		}
		return a, want
	})
}

// anyReturn is a rollback of the table, perhaps of some of its keys.
func (r *timeRun) anyReturn(t *timeTable) (wish *timeReturn, body string) {
	wish = &timeReturn{second: r.anyMoment(t)}
	var fields []string
	if r.sometimes(2) {
		wish.keys = []string{r.choose(timeKeys...), r.choose(timeKeys...)}
		fields = append(fields, `"keys":`+listed(allQuoted(wish.keys)))
	}
	if r.sometimes(2) {
		wish.exclude = []string{r.choose(timeKeys...)}
		fields = append(fields, `"exclude_keys":`+listed(allQuoted(wish.exclude)))
	}
	return wish, "{" + strings.Join(fields, ",") + "}"
}

func (r *timeRun) askPreview(t *timeTable) {
	wish, body := r.anyReturn(t)
	r.preview(t, wish, body)
}

// preview asks for a preview, unless the clock was set back since the writer looked at it:
// then what has expired to the writer has not to who tells what it would do.
func (r *timeRun) preview(t *timeTable, wish *timeReturn, body string) {
	if r.h.clock.Load() >= r.m.now {
		r.steady("a preview", func() (*answer, wanted) { return r.previewOf(t, wish, body) })
	}
}

func (r *timeRun) previewOf(t *timeTable, wish *timeReturn, body string) (*answer, wanted) {
	a := r.ask("POST", r.path("/kv/rollback", t.name, fmt.Sprintf("to_timestamp=%d", wish.second)), body)
	p := t.plan(wish, r.h.clock.Load())
	total := r.number(a, "total_keys")
	if p.refused == nil && (total < p.must || total > p.total) {
		r.t.Fatalf("%d keys are looked at, at least %d and at most %d should be: %s", total, p.must, p.total, a.body)
	}
	return a, t.preview(wish, &p, total)
}

// anyRollback previews a rollback of a table and has it done: both are the model's.
func (r *timeRun) anyRollback() {
	r.settle()
	t := r.anyTable()
	wish, body := r.anyReturn(t)
	r.preview(t, wish, body)
	r.rollBack(t, wish, body)
}

// rollBack has a rollback done, and tells whether it was.
func (r *timeRun) rollBack(t *timeTable, wish *timeReturn, body string) bool {
	r.tick()
	a := r.ask("POST", r.path("/kv/rollback", t.name, fmt.Sprintf("to_timestamp=%d&confirm=yes", wish.second)), body)
	p := t.plan(wish, r.m.now)
	r.compare("a rollback", a, p.returned(wish, r.number(a, "duration_ms")))
	if p.refused == nil {
		r.m.goBack(t, wish.second, &p)
	}
	r.agree(r.look())
	return p.refused == nil
}

// move moves the clock on, or a little back, as machines do. What has expired by it is
// asked about before and after it is swept.
func (r *timeRun) move() {
	by := anyOf([]int64{0, 1, 7, 400, 999, 1000, 1000, 2500, 2500, 61_000, 3_600_000, -1, -5000}).Draw(r.t, "by")
	if by < 0 {
		r.settle() // or nobody knows what time it was to the writer
	}
	r.h.clock.Add(by)
	if r.sometimes(1) {
		r.settle()
	}
	r.agree(r.look())
	if t := r.someExpired(); t != nil { // and not swept: answers don't depend on it
		r.askDiff(t)
		r.askDiff(t)
		r.askSnapshot(t)
		r.anyQuestions()
	}
}

// settle waits until the writer knows the time and has swept what expired.
func (r *timeRun) settle() {
	for range 10 {
		r.tick()
		r.want("DELETE", r.keyPath(r.m.tables[0], "none", ""), "", 404)
		all := r.look()
		r.agree(all)
		if r.someExpired() == nil {
			return
		}
		r.h.clock.Add(5) // sweeps come no closer
	}
	r.t.Fatalf("there are rows that are not swept: %+v", r.look())
}

// someExpired is a table with rows that have expired and are not swept, nil without one.
func (r *timeRun) someExpired() *timeTable {
	for _, t := range r.m.tables {
		for _, k := range t.keys {
			if k.row.there && !k.row.live(r.clockNow()) {
				return t
			}
		}
	}
	return nil
}

// restart stops the server and starts it on the same files, perhaps with a clock that
// was set back by much.
func (r *timeRun) restart() {
	r.settle()
	if err := r.h.stop(); err != nil {
		r.t.Fatal(err)
	}
	if r.sometimes(1) {
		r.h.clock.Add(-anyOf([]int64{100, 10_000, 3_600_000}).Draw(r.t, "back"))
	}
	if err := r.h.start(); err != nil {
		r.t.Fatal(err)
	}
	r.m.now = 0
	r.settle()
}

// agreeOnPast follows what was folded away since, if it was not to be kept.
func (r *timeRun) agreeOnPast(t *timeTable, s *seen) {
	beyond := int64(0) // what is older need not be kept
	if t.keep.Seconds > 0 {
		beyond = r.latestNow() - t.keep.Seconds*1000
	}
	if s.horizon < t.horizon || (s.horizon > t.horizon && s.horizon >= beyond) {
		r.t.Fatalf("%s: the past is told from %d on, want %d or at most %d", t.name, s.horizon, t.horizon, beyond)
	}
	t.horizon = s.horizon
	for key, k := range t.keys {
		oldest, is := s.oldest[key]
		if !is && !k.row.there && k.updatedAt < beyond {
			delete(t.keys, key)
			continue
		}
		if len(k.entries) == 0 || oldest <= k.entries[0].number {
			continue
		}
		i := int(oldest - k.entries[0].number)
		if i >= len(k.entries) {
			r.t.Fatalf("%s: the oldest entry of %q is %d, of %d", t.name, key, oldest, k.number())
		}
		base := &k.entries[i]
		if base.at >= beyond && (t.keep.Entries == 0 || base.number > k.number()-t.keep.Entries) {
			r.t.Fatalf("%s: the past of %q was folded into %+v, %d are there, kept is %+v", t.name, key, base, k.number(), t.keep)
		}
		k.entries, k.based = k.entries[i:], true
	}
}
