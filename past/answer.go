package past

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/kv"
)

// The answers to writes are made here and not at the edge, because an answer may be part
// of the commit.

// AppendUndone appends the JSON object that answers a rollback of key, which took n
// entries back and left the row with this version, 0 if the key is gone.
func AppendUndone(dst []byte, key string, n, version int64) []byte {
	dst = jsontext.AppendString(append(dst, `{"success":true,"key":`...), key)
	dst = appendNumber(dst, "rolled_back", n)
	if version != 0 {
		dst = kv.AppendETagText(append(dst, `,"etag":`...), version)
	}
	return append(dst, '}')
}

// AppendReturned appends the JSON object that answers the return of a table to the second
// to, which took so many milliseconds. cut says that there are more untouched keys.
func AppendReturned(dst []byte, to int64, counts *Counts, untouched []string, cut bool, millis int64) []byte {
	dst = appendNumber(append(dst, `{"success":true`...), "to_timestamp", to)
	dst = appendNumber(dst, "rolled_back", counts.RolledBack)
	dst = appendNumber(dst, "deleted", counts.Deleted)
	dst = appendNumber(dst, "restored", counts.Restored)
	dst = appendNumber(dst, "total_operations_reversed", counts.Operations)
	dst = appendNumber(dst, "duration_ms", millis)
	dst = append(dst, `,"untouched_keys":[`...)
	for i, key := range untouched {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = jsontext.AppendString(dst, key)
	}
	dst = appendNumber(append(dst, ']'), "lifetimes_restored", counts.Relived)
	if cut {
		dst = append(dst, `,"untouched_truncated":true`...)
	}
	return append(dst, '}')
}

// AppendKept appends the JSON object that tells how much of a table's past is kept.
func AppendKept(dst []byte, table string, keep Keep) []byte {
	dst = jsontext.AppendString(append(dst, `{"success":true,"table":`...), table)
	dst = appendNumber(dst, "keep_entries", keep.Entries)
	return append(appendNumber(dst, "keep_seconds", keep.Seconds), '}')
}

// appendNumber appends ,"name":n.
func appendNumber(dst []byte, name string, n int64) []byte {
	dst = append(append(append(dst, `,"`...), name...), `":`...)
	return strconv.AppendInt(dst, n, 10)
}
