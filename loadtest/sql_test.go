package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// sentItem is an item as the generator sends it.
type sentItem struct {
	Query, Statement string
	Values           []any
	ValuesBatch      [][]any
}

func itemOf(t *testing.T, request *fasthttp.Request) sentItem {
	t.Helper()
	var body struct{ Transaction []sentItem }
	if err := json.Unmarshal(request.Body(), &body); err != nil || len(body.Transaction) != 1 {
		t.Fatalf("%s is sent: %v", request.Body(), err)
	}
	if uri, kind := string(request.RequestURI()), string(request.Header.ContentType()); uri != pathOf(dbPath, "") || kind != jsonType {
		t.Errorf("%s is sent to %s", kind, uri)
	}
	return body.Transaction[0]
}

func TestRandomNumbersAreWrittenIntoBodies(t *testing.T) {
	f := func(s shape, count int, number func(sentItem) any) {
		t.Helper()
		first, same := newScript("localhost", []shape{s}, 1, 0), newScript("localhost", []shape{s}, 1, 0)
		numbers := map[any]bool{}
		for range 100 {
			item, again := itemOf(t, first.next().request), itemOf(t, same.next().request)
			got := number(item)
			if id, ok := got.(float64); !ok || id < firstID || id >= float64(firstID+count) {
				t.Fatalf("the number is %v, of %d", got, count)
			}
			if got != number(again) {
				t.Fatal("the same seed sends other numbers")
			}
			numbers[got] = true
		}
		if len(numbers) < min(count, 50) {
			t.Errorf("100 requests have %d different numbers", len(numbers))
		}
	}
	f(insertOne(), keysMax, func(item sentItem) any {
		if item.Statement != insertRowSQL || item.Query != "" || len(item.Values) != 2 || item.Values[1] != insertText {
			t.Errorf("%+v is sent", item)
		}
		return item.Values[0]
	})
	f(selectOne(3), 3, func(item sentItem) any {
		if item.Statement != "" || len(item.Values) != 1 {
			t.Errorf("%+v is sent", item)
		}
		return item.Values[0]
	})
}

func TestABatchHasItsRows(t *testing.T) {
	item := itemOf(t, newScript("localhost", []shape{insertBatch()}, 1, 0).next().request)
	if item.Statement != insertRowSQL || item.Query != "" || item.Values != nil || len(item.ValuesBatch) != batchRows {
		t.Fatalf("%q with %d rows is sent", item.Statement, len(item.ValuesBatch))
	}
	for n, row := range item.ValuesBatch {
		if len(row) != 2 || row[0] != float64(firstID+n) || row[1] != insertText {
			t.Fatalf("row %d is %v", n, row)
		}
	}
}

// The no-op answers a select with as many bytes, or it would be no measure.
func TestEveryRowIsFoundByItsNumberInAnAnswerOfOneSize(t *testing.T) {
	const rows = 7
	trial := trialOf(t, rows)
	if err := prepareRows(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	noop := serveHere(t, noopHandler())
	traffic := selectOne(rows)
	for id := firstID; id < firstID+rows; id++ {
		body := strings.Replace(traffic.body, "1"+numberPlace, fmt.Sprint(id), 1)
		for _, address := range []string{trial.server.address, noop} {
			var answer struct {
				Results [1]struct {
					ResultSet [1]struct {
						ID    int
						Name  string
						Price float64
					}
				}
			}
			var raw json.RawMessage
			if err := ask(traffic.method, address, traffic.path(), json.RawMessage(body), &raw); err != nil {
				t.Fatal(err)
			}
			if len(raw) != len(noopSelect) {
				t.Errorf("an answer of %d bytes, of the no-op %d", len(raw), len(noopSelect))
			}
			if err := json.Unmarshal(raw, &answer); err != nil {
				t.Fatal(err)
			}
			row := answer.Results[0].ResultSet[0]
			if address != noop && row.ID != id || row.Name != fmt.Sprint("the name of ", row.ID) || row.Price != float64(row.ID)+0.5 {
				t.Errorf("id %d: %+v", id, row)
			}
		}
	}
	if n, err := rowsIn(trial.server.address, rowsTable); n != rows || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

func TestRowsThatAreMissingOrTooManyAreTold(t *testing.T) {
	trial := trialOf(t, 0)
	if err := prepareInserts(context.Background(), trial); err != nil {
		t.Fatal(err)
	}
	g := startGenerator(t, trial.server.address, 4, insertOne())
	g.requestsMax = 5
	if sum := g.slice(context.Background(), time.Minute); sum.failures > 0 || sum.counted != 20 {
		t.Fatalf("%d rows, %s", sum.counted, sum.failure)
	}
	f := func(each, counted uint64, right bool) {
		t.Helper()
		if wrong := auditInserted(each)(nil, trial.server.address, counted); (len(wrong) == 0) != right {
			t.Errorf("%d times %d rows: %q", counted, each, wrong)
		}
	}
	f(1, 20, true)
	f(1, 19, false)
	f(1, 21, false)
	f(10, 2, true)
	f(10, 3, false)
	trial.server.kill()
	f(1, 20, false)
}

// A baseline that is a server of its own is audited like the server.
func TestABaselineThatLosesRowsFails(t *testing.T) {
	running := trialOf(t, 0)
	if err := prepareInserts(context.Background(), running); err != nil {
		t.Fatal(err)
	}
	running.settings.duration = 30 * time.Millisecond
	running.scenario = scenario{traffic: []shape{insertOne()}, audit: auditInserted(1)}
	for _, lost := range []bool{false, true} {
		running.scenario.against = baseline{name: "reference", start: func(t *trial) (*process, error) {
			p, err := startReference(t)
			if err == nil && lost {
				err = execute(p.address, "CREATE TRIGGER loses AFTER INSERT ON inserted WHEN new.rowid = 3 BEGIN DELETE FROM inserted WHERE rowid = 3; END")
			}
			return p, err
		}}
		running.folder = t.TempDir()
		running.countedByBase = 0
		m, err := running.compare(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if wrong := m.failures(); (len(wrong) > 0) != lost {
			t.Errorf("rows were lost: %v, told %q", lost, wrong)
		}
		if wrong := running.audit(running.server.address, running.counted); len(wrong) > 0 || running.counted == 0 {
			t.Errorf("of the server, %d rows, %q", running.counted, wrong)
		}
	}
}
