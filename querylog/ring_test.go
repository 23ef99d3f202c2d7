package querylog

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// anyEntry is a random entry, its texts of any length that the limits are about.
func anyEntry(t *rapid.T) Entry {
	text := func(most int) string {
		n := rapid.SampledFrom([]int{0, 1, 9, most - 1, most, most + 1, 2 * most}).Draw(t, "length")
		letter := rapid.SampledFrom([]string{"a", "é", "語", "😀", "\xff"}).Draw(t, "letter")
		return strings.Repeat(letter, n/len(letter)+1)[:n]
	}
	return Entry{
		SQL: text(SQLBytesMax), Error: text(ErrorBytesMax), Client: text(clientBytesMax),
		At: rapid.Int64().Draw(t, "at"), Took: time.Duration(rapid.Int64().Draw(t, "took")), Rows: rapid.Int64().Draw(t, "rows"),
		Success: rapid.Bool().Draw(t, "success"), Statement: rapid.Bool().Draw(t, "statement"), Source: Source(rapid.IntRange(0, 1).Draw(t, "source")),
	}
}

// kept is an entry as the ring has it.
func kept(e Entry, id int64) Entry {
	cut := func(text string, most int) string {
		text, mark := Cut(text, most)
		return text + mark
	}
	e.ID = id
	e.SQL, e.Error, e.Client = cut(e.SQL, SQLBytesMax), cut(e.Error, ErrorBytesMax), cut(e.Client, clientBytesMax)
	return e
}

// The model is a list that everything is appended to and whose oldest are taken away.
func TestARingIsTheLatestOfAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		last := rapid.Int64Range(0, 1<<53).Draw(rt, "last")
		r, model := NewRing(last), []Entry(nil)
		var place, ahead int64 = 1, last
		ids := func() {
			for i := range model {
				model[i].ID = ahead + place - int64(len(model)) + int64(i)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				e := anyEntry(rt)
				times := rapid.SampledFrom([]int{1, 1, 1, 20, EntriesMax + 7}).Draw(rt, "times")
				if times > EntriesMax {
					e.SQL = "short"
				}
				for range times {
					if first := r.Add(&e); first != (len(model) == 0) {
						rt.Fatalf("first is %v with %d waiting", first, len(model))
					}
					place++
					model = append(model, kept(e, ahead+place-1))
					model = model[max(0, len(model)-EntriesMax):]
				}
			},
			"drop": func(rt *rapid.T) {
				batch := r.Read(0)
				if rapid.Bool().Draw(rt, "more comes meanwhile") {
					e := Entry{SQL: "meanwhile", Rows: place}
					for range rapid.SampledFrom([]int{1, EntriesMax}).Draw(rt, "times") {
						r.Add(&e)
						place++
						model = append(model, kept(e, 0))
						model = model[max(0, len(model)-EntriesMax):]
					}
				}
				further := rapid.Int64Range(0, 100).Draw(rt, "further")
				r.Drop(batch.End, further)
				ahead += further
				model = model[max(0, len(model)-int(place-batch.End)):]
				ids()
			},
			"": func(rt *rapid.T) {
				got := r.Read(0)
				if !slices.Equal(got.Entries, model) || r.Len() != len(model) || got.End != place {
					rt.Fatalf("the ring holds %d entries to place %d, the model %d to %d", len(got.Entries), got.End, len(model), place)
				}
				from := place - rapid.Int64Range(-2, EntriesMax).Draw(rt, "from")
				if got := r.Read(from); !slices.Equal(got.Entries, model[min(len(model), max(0, len(model)-int(place-from))):]) {
					rt.Fatalf("from place %d there are %d entries", from, len(got.Entries))
				}
			},
		})
	})
}

func TestATextIsCutBetweenRunesAndSaysSo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text, most := rapid.String().Draw(rt, "text"), rapid.IntRange(8, 40).Draw(rt, "most")
		got, mark := Cut(text, most)
		switch {
		case len(got)+len(mark) > most || !strings.HasPrefix(text, got) || !utf8.ValidString(got):
			rt.Fatalf("%q is cut to %q", text, got+mark)
		case (mark == "") != (len(text) <= most) || (mark == "" && got != text):
			rt.Fatalf("%q of %d bytes is %q", text, most, got+mark)
		case mark != "" && len(got)+len(mark)+utf8.UTFMax <= most:
			rt.Fatalf("%q is cut to less than it may have: %q", text, got+mark)
		}
	})
}

func TestNoRingTakesNothing(t *testing.T) {
	var none *Ring
	none.Drop(1, 1)
	if none.Add(&Entry{}) || none.Len() != 0 || len(none.Read(0).Entries) != 0 {
		t.Error("it holds something")
	}
}

// Whoever adds is ahead of whoever reads after: no entry is lost, told twice or torn.
func TestManyMayAddWhileOneTakes(t *testing.T) {
	const callers, each = 8, EntriesMax / 8
	r := NewRing(0)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := range each {
				text := fmt.Sprint(i, " ", n+1)
				r.Add(&Entry{SQL: text, Error: text, Rows: int64(n + 1)})
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	latest := map[string]int64{}
	for running := true; running || r.Len() > 0; {
		select {
		case <-done:
			running = false
		default:
		}
		batch := r.Read(0)
		for _, e := range batch.Entries {
			caller, _, _ := strings.Cut(e.SQL, " ")
			if e.Error != e.SQL || e.SQL != fmt.Sprint(caller, " ", e.Rows) || e.Rows != latest[caller]+1 {
				t.Fatalf("%+v after %d", e, latest[caller])
			}
			latest[caller] = e.Rows
		}
		r.Drop(batch.End, 0)
	}
	for caller, n := range latest {
		if n != each {
			t.Errorf("the latest of %s is %d", caller, n)
		}
	}
	if len(latest) != callers {
		t.Errorf("%d callers were seen", len(latest))
	}
}

func TestTheLongestTextsTakeNoMoreThanTheyMay(t *testing.T) {
	r, e := NewRing(0), Entry{SQL: strings.Repeat("x", 2*SQLBytesMax), Error: strings.Repeat("y", 2*ErrorBytesMax)}
	for range 5 * EntriesMax {
		r.Add(&e)
	}
	if live := EntriesMax * (SQLBytesMax + ErrorBytesMax); cap(r.texts) < live || cap(r.texts) > 4*live {
		t.Errorf("texts of %d bytes take %d", live, cap(r.texts))
	}
	if r.Drop(r.Read(0).End, 0); cap(r.texts) > textsKeptMax {
		t.Errorf("when they are gone they take %d", cap(r.texts))
	}
}

func TestAFullRingAllocatesNothing(t *testing.T) {
	r, e := NewRing(0), Entry{SQL: "INCR visits", Client: "127.0.0.1"}
	for range 2 * EntriesMax {
		r.Add(&e)
	}
	if n := testing.AllocsPerRun(10_000, func() { r.Add(&e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if cap(r.texts) > textsKeptMax {
		t.Errorf("short texts take %d bytes", cap(r.texts))
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, text := range []string{"INCR visits", strings.Repeat("SELECT 1; ", 1000)} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			r, e := NewRing(0), Entry{SQL: text, Client: "127.0.0.1", Success: true}
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					r.Add(&e)
				}
			})
		})
	}
}
