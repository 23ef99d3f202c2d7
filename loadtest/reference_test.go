package main

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/goccy/go-json"
	"github.com/valyala/fasthttp"
)

// referenceOf starts a reference as a trial does, beside no server.
func referenceOf(t *testing.T) (reference *process, file string) {
	t.Helper()
	trial := &trial{folder: t.TempDir()}
	reference, err := startReference(trial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reference.kill)
	return reference, filepath.Join(trial.folder, referenceCommand, "load.db")
}

// postSQL sends a transaction and answers what came of each item: rows, or how many
// changed; nil when it was refused.
func postSQL(t *testing.T, address, body string) []map[string]any {
	t.Helper()
	request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(answer)
	request.Header.SetMethod(fasthttp.MethodPost)
	request.SetRequestURI("http://" + address + pathOf(dbPath, ""))
	request.SetBodyString(body)
	if err := fasthttp.DoTimeout(request, answer, answerWait); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode() == fasthttp.StatusBadRequest {
		return nil
	}
	var told struct{ Results []map[string]any }
	if err := json.Unmarshal(answer.Body(), &told); err != nil || answer.StatusCode() != fasthttp.StatusOK {
		t.Fatalf("%s: status %d, %s", body, answer.StatusCode(), answer.Body())
	}
	for _, result := range told.Results {
		for name := range result {
			if name != "resultSet" && name != "rowsUpdated" {
				delete(result, name)
			}
		}
	}
	return told.Results
}

// One that did less, or another thing, would be no match.
func TestTheReferenceDoesWhatTheServerDoes(t *testing.T) {
	server := trialOf(t, 0).server
	if err := execute(server.address, insertTableSQL); err != nil {
		t.Fatal(err)
	}
	reference, _ := referenceOf(t)
	f := func(refused bool, body string) {
		t.Helper()
		want, got := postSQL(t, server.address, body), postSQL(t, reference.address, body)
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: the reference answers %v, the server %v", body, got, want)
		}
		if (got == nil) != refused {
			t.Errorf("%s: it answers %v", body, got)
		}
	}
	insert := func(values string) string {
		return `{"statement":"INSERT INTO inserted(a, b) VALUES(?, ?)","values":` + values + `}`
	}
	all := `{"query":"SELECT rowid, a, b, typeof(a) AS ta, typeof(b) AS tb FROM inserted ORDER BY rowid"}`
	f(false, `{"transaction":[`+insert(`[1,"one"]`)+`]}`)
	f(false, `{"transaction":[`+insert(`[-7.5,null]`)+`,`+insert(`[true,"say \"ü\"\n"]`)+`,`+all+`]}`)
	f(false, `{"transaction":[{"query":"SELECT a FROM inserted WHERE a = ?","values":[12345]}]}`)
	f(true, `{"transaction":[`+insert(`[2,"two"]`)+`,{"statement":"INSERT INTO nowhere VALUES(1)"}]}`)
	f(true, `{"transaction":[`+insert(`[3,"three"]`)+`,`+insert(`[3]`)+`]}`)
	f(true, `{"transaction":[`+insert(`[3,"three"]`)+`,`+insert(`[3,[]]`)+`]}`)
	f(true, `{"transaction":[`)
	f(false, `{"transaction":[`+all+`,{"statement":"DELETE FROM inserted WHERE a > ?","values":[0]},`+all+`]}`)
	f(false, `{"transaction":[{"query":"PRAGMA journal_mode"},{"query":"PRAGMA synchronous"}]}`)
}

func TestTheReferenceHasOnDiskWhatItHasAcknowledged(t *testing.T) {
	reference, file := referenceOf(t)
	sync := postSQL(t, reference.address, `{"transaction":[{"query":"PRAGMA synchronous"}]}`)
	if want := []any{map[string]any{"synchronous": float64(2)}}; !reflect.DeepEqual(sync[0]["resultSet"], want) {
		t.Fatalf("its commits wait for %v", sync)
	}
	sum := startGenerator(t, reference.address, 8, insertOne()).slice(context.Background(), 100*time.Millisecond)
	if sum.failures > 0 || sum.counted == 0 || sum.counted != sum.latency.total {
		t.Fatalf("%d rows, %s", sum.counted, sum.failure)
	}
	if wrong := auditInserted(1)(nil, reference.address, sum.counted); wrong != nil {
		t.Error(wrong)
	}
	reference.kill()

	again, err := openReference(file)
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	count := referenceRequest{Transaction: []referenceItem{{Query: "SELECT count(*) AS n FROM " + insertTable}}}
	if _, err := again.transact(&count); err != nil {
		t.Fatal(err)
	}
	var told struct {
		Results [1]struct{ ResultSet [1]struct{ N uint64 } }
	}
	if err := json.Unmarshal(count.answer, &told); err != nil || told.Results[0].ResultSet[0].N != sum.counted {
		t.Errorf("%s after %d rows were acknowledged, %v", count.answer, sum.counted, err)
	}
}

// What a request leaves behind must not be found by the next.
func TestMemoryOfTheReferenceIsUsedAgainEmpty(t *testing.T) {
	r := &referenceRequest{}
	decode := func(body string) {
		t.Helper()
		if err := json.Unmarshal([]byte(body), r); err != nil {
			t.Fatal(err)
		}
	}
	decode(`{"transaction":[{"statement":"a","values":[1,2]},{"query":"b"}]}`)
	r.release()
	decode(`{"transaction":[{"query":"c"},{"statement":"d"}]}`)
	if want := []referenceItem{{Query: "c"}, {Statement: "d"}}; !reflect.DeepEqual(r.Transaction, want) {
		t.Errorf("it holds %+v", r.Transaction)
	}
}
