package sqltx

import "testing"

func TestLooksReadOnly(t *testing.T) {
	f := func(sql string, want bool) {
		t.Helper()
		r := Request{Items: []Item{{SQL: sql, IsQuery: true}}}
		if got := r.LooksReadOnly(); got != want {
			t.Errorf("%q: got %v, want %v", sql, got, want)
		}
		r.Items[0].IsQuery = false
		if r.LooksReadOnly() {
			t.Errorf("%q looks read-only as a statement", sql)
		}
	}
	f("SELECT 1", true)
	f(" \n;/* a */-- b\n sElEcT 1 ; -- done", true)
	f("values(1)", true)
	f("WITH a AS (SELECT 1) SELECT * FROM a", true)
	f("EXPLAIN QUERY PLAN DELETE FROM t", true)
	f("SELECT ';' || \";\" || [;] || `;` /* ; */ -- ; \n;", true)
	f("SELECT 'it''s; fine'", true)
	f("SELECT 'never closed; ", true)
	f("SELECT '; --'; DELETE FROM t", false)
	f("SELECT 1; SELECT 2", false)
	f("SELECTED", false)
	f("SELECT_1", false)
	f("DELETE FROM t", false)
	f("PRAGMA user_version", true)
	f("PRAGMA table_info(t);", true)
	f("PRAGMA user_version = 7", false)
	f("(SELECT 1)", false)
	f("", false)
}

func TestLooksReadOnlyNeedsEveryItem(t *testing.T) {
	r := Request{Items: []Item{{SQL: "SELECT 1", IsQuery: true}, {SQL: "DELETE FROM t"}}}
	if r.LooksReadOnly() {
		t.Error("a request with a statement looks read-only")
	}
}

func TestResetKeepsMemoryAndNothingElse(t *testing.T) {
	var r Request
	fill := func() {
		r.Format = FormatList
		item := r.AddItem()
		if item.SQL != "" || item.IsQuery || item.NoFail || item.Names != nil || len(item.Values) != 0 {
			t.Fatalf("a new item is not empty: %+v", item)
		}
		*item = Item{SQL: "SELECT ?", IsQuery: true, NoFail: true, Values: append(item.Values, Value{Kind: Text, Bytes: []byte("a")})}
	}
	fill()
	held := r.Items[0].Values
	r.Reset()
	if len(r.Items) != 0 || r.Format != FormatObjects || held[0].Bytes != nil {
		t.Fatalf("after Reset: %+v, holding %+v", r, held)
	}
	if allocs := testing.AllocsPerRun(100, func() { r.AddItem(); r.Reset() }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
	fill()
}

func TestResetLetsGoOfLargeRequests(t *testing.T) {
	r := Request{Items: make([]Item, keepItemsMax+1)}
	r.Reset()
	if cap(r.Items) != 0 {
		t.Error("a long list of items is kept")
	}
	r.AddItem().Values = make([]Value, keepValuesMax+1)
	r.Reset()
	if cap(r.AddItem().Values) != 0 {
		t.Error("a long list of values is kept")
	}
}
