package sqltx

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestPackedRowsComeBackAsTheyWere(t *testing.T) {
	value := rapid.Custom(func(t *rapid.T) Value {
		v := Value{Kind: ValueKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
		switch v.Kind {
		case Integer:
			v.Int = rapid.Int64().Draw(t, "int")
		case Float:
			v.Float = rapid.Float64().Draw(t, "float")
		case Text, Blob:
			v.Bytes = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		return v
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.SliceOf(value)).Draw(t, "rows")
		var packed []byte
		for i, row := range rows {
			if i%5 == 4 {
				packed = AppendFault(packed, fmt.Sprint("fault ", i))
				continue
			}
			packed = AppendPacked(packed, row)
		}
		for i, row := range rows {
			got, fault, rest := NextPacked(packed, nil)
			packed = rest
			switch {
			case i%5 == 4:
				if fault != fmt.Sprint("fault ", i) || got != nil {
					t.Fatalf("row %d: %v, %q", i, got, fault)
				}
			case fault != "" || len(got) != len(row):
				t.Fatalf("row %d: %v, %q; want %v", i, got, fault, row)
			}
			for j := range got {
				if len(row[j].Bytes) == 0 {
					got[j].Bytes, row[j].Bytes = nil, nil
				}
				if !reflect.DeepEqual(got[j], row[j]) {
					t.Fatalf("row %d: %v, want %v", i, got[j], row[j])
				}
			}
		}
		if len(packed) != 0 {
			t.Fatalf("%d bytes are left", len(packed))
		}
	})
}
