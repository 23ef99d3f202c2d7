package past

import (
	"encoding/json"
	"testing"
)

func TestAnswersAreTheOnesOfTheAPI(t *testing.T) {
	f := func(got []byte, want string) {
		t.Helper()
		if string(got) != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if !json.Valid(got) {
			t.Errorf("no JSON: %s", got)
		}
	}
	f(AppendUndone(nil, `a "key"`, 3, 0), `{"success":true,"key":"a \"key\"","rolled_back":3}`)
	f(AppendUndone(nil, "k", 1, 7), `{"success":true,"key":"k","rolled_back":1,"etag":"\"7\""}`)
	f(AppendReturned(nil, 1700000000, &Counts{}, nil, false, 0),
		`{"success":true,"to_timestamp":1700000000,"rolled_back":0,"deleted":0,"restored":0,"total_operations_reversed":0,"duration_ms":0,"untouched_keys":[],"lifetimes_restored":0}`)
	f(AppendReturned([]byte{}, 1, &Counts{Total: 9, RolledBack: 1, Deleted: 2, Restored: 3, Relived: 4, Operations: 5}, []string{"a", "\n"}, true, 6),
		`{"success":true,"to_timestamp":1,"rolled_back":1,"deleted":2,"restored":3,"total_operations_reversed":5,"duration_ms":6,"untouched_keys":["a","\n"],"lifetimes_restored":4,"untouched_truncated":true}`)
	f(AppendKept(nil, "notes", Keep{Entries: 1<<63 - 1}), `{"success":true,"table":"notes","keep_entries":9223372036854775807,"keep_seconds":0}`)
}
