package sqltx

import (
	"encoding/binary"
	"math"
)

// Packed rows are rows of values one after the other in memory, so that a hundred thousand
// of them are one block, and cross into C in one call. Numbers are in the machine's order of
// bytes: what is packed never leaves the machine.
//
//	row    bytes uint32   of what follows
//	       cells uint32   how many; packedFault for a row that can't be bound
//	       cell…          or the text of what is wrong with it
//	cell   kind  uint8    a ValueKind
//	       int64, float64, or uint32 and as many bytes; nothing for Null

// packedFault stands for the number of cells in a row that can't be bound.
const packedFault = math.MaxUint32

// PackedHead is the size of what stands before a row's cells.
const PackedHead = 8

// AppendPacked appends a row of values.
func AppendPacked(dst []byte, values []Value) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, PackedHead)...)
	for i := range values {
		dst = AppendCell(dst, &values[i])
	}
	return EndPacked(dst, start, len(values))
}

// AppendCell appends a value to the row that is being packed.
func AppendCell(dst []byte, v *Value) []byte {
	dst = append(dst, byte(v.Kind))
	switch v.Kind {
	case Integer:
		return binary.NativeEndian.AppendUint64(dst, uint64(v.Int))
	case Float:
		return binary.NativeEndian.AppendUint64(dst, math.Float64bits(v.Float))
	case Text, Blob:
		return append(binary.NativeEndian.AppendUint32(dst, uint32(len(v.Bytes))), v.Bytes...)
	}
	return dst
}

// EndPacked ends a row of so many cells that began at start with PackedHead bytes.
func EndPacked(dst []byte, start, cells int) []byte {
	binary.NativeEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	binary.NativeEndian.PutUint32(dst[start+4:], uint32(cells))
	return dst
}

// AppendFault appends a row that can't be bound, and why.
func AppendFault(dst []byte, why string) []byte {
	start := len(dst)
	dst = append(append(dst, make([]byte, PackedHead)...), why...)
	binary.NativeEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	binary.NativeEndian.PutUint32(dst[start+4:], packedFault)
	return dst
}

// NextPacked takes the first row off rows and appends its values to values; their bytes lie
// in rows. fault, unless empty, is why the row can't be bound.
func NextPacked(rows []byte, values []Value) (row []Value, fault string, rest []byte) {
	end := 4 + int(binary.NativeEndian.Uint32(rows))
	cells := binary.NativeEndian.Uint32(rows[4:])
	at, rest := rows[PackedHead:end], rows[end:]
	if cells == packedFault {
		return values, string(at), rest
	}
	for range cells {
		v := Value{Kind: ValueKind(at[0])}
		at = at[1:]
		switch v.Kind {
		case Integer:
			v.Int, at = int64(binary.NativeEndian.Uint64(at)), at[8:]
		case Float:
			v.Float, at = math.Float64frombits(binary.NativeEndian.Uint64(at)), at[8:]
		case Text, Blob:
			size := 4 + int(binary.NativeEndian.Uint32(at))
			v.Bytes, at = at[4:size], at[size:]
		}
		values = append(values, v)
	}
	return values, "", rest
}

// Batch is rows for one statement, which is run once with each of them.
type Batch interface {
	// Next answers packed rows and how many there are, none after the last. They are good
	// until the next call.
	Next() (rows []byte, count int, err error)
	// Rewind begins anew: a group that fails is worked again.
	Rewind() error
	// Bytes is what the batch weighs in memory.
	Bytes() int
}

// PackedRows is a Batch that lies in memory.
type PackedRows struct {
	Rows  []byte
	Count int
	given bool
}

// Next answers all rows, once.
func (p *PackedRows) Next() (rows []byte, count int, err error) {
	if p.given {
		return nil, 0, nil
	}
	p.given = true
	return p.Rows, p.Count, nil
}

// Rewind begins anew.
func (p *PackedRows) Rewind() error {
	p.given = false
	return nil
}

// Bytes is the size of the rows.
func (p *PackedRows) Bytes() int { return len(p.Rows) }
