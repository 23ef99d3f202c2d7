package server

import (
	"fmt"

	"github.com/urlite/urlite/internal/jsontext"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

var (
	batchNotAList = refusal.New(refusal.SQLBindError, "valuesBatch must be a list of lists or of objects")
	valuesTwice   = refusal.New(refusal.InvalidParameters, "cannot specify both values and valuesBatch")
	batchOfQuery  = refusal.New(refusal.InvalidParameters, "cannot specify valuesBatch for queries (only for statements)")
)

// What is wrong with a row of a batch.
const (
	rowNotAList   = "the values must be an array or an object"
	rowOtherNames = "the names are not those of the first row"
	rowIsList     = "the values have no names, those of the first row have"
	rowIsObject   = "the values have names, those of the first row have none"
)

// batchPacker packs the rows of a batch as they stand in the body. Its memory, but for
// the rows, is used again.
type batchPacker struct {
	rows []byte
	// names are those of the first row's values, nil if they have none.
	names []string
	at    map[string]int // where a name stands among them
	cells [][]byte       // of the row at hand, in the order of the names
	room  []byte         // for a text that has escapes
}

// bindBatch packs the rows of an item's batch. A row that can't be bound is packed as
// such: when its turn comes it fails, alone if the item says noFail.
func (b *transactionBinder) bindBatch(list []byte, item *sqltx.Item) error {
	if list[0] != '[' {
		return batchNotAList
	}
	p := &b.packer
	p.rows, p.names = make([]byte, 0, len(list)+len(list)/2), nil
	count := 0
	for raw := range jsontext.Elements(list) {
		count++
		b.rows++
		if err := sqltx.CheckRows(count, b.rows, b.sql); err != nil {
			return err
		}
		if count == 1 && raw[0] == '{' {
			if err := p.setNames(raw); err != nil {
				return err
			}
		}
		p.pack(raw)
	}
	item.Batch = &sqltx.PackedRows{Rows: p.rows, Count: count}
	item.Names = p.names
	p.rows, p.names, p.at = nil, nil, nil
	return nil
}

// setNames takes the names of the first row for those of all.
func (p *batchPacker) setNames(object []byte) error {
	p.names = []string{}
	for quoted := range jsontext.Fields(object) {
		if len(p.names) == sqltx.ItemValuesMax {
			return tooManyValues
		}
		name := bareName(string(jsontext.Unquote(quoted)))
		if name == "" {
			return refusal.New(refusal.SQLBindError, "row 0: a name is empty")
		}
		p.names = append(p.names, name)
	}
	if name := repeated(p.names); name != "" {
		return refusal.Newf(refusal.SQLBindError, "row 0: %.64q is there more than once", name)
	}
	p.at = make(map[string]int, len(p.names))
	for i, name := range p.names {
		p.at[name] = i
	}
	return nil
}

// pack appends a row.
func (p *batchPacker) pack(raw []byte) {
	start := len(p.rows)
	p.rows = append(p.rows, make([]byte, sqltx.PackedHead)...)
	values, fault := 0, ""
	switch {
	case raw[0] == '[' && p.names == nil:
		values, fault = p.packList(raw)
	case raw[0] == '{' && p.names != nil:
		values, fault = p.packObject(raw)
	case raw[0] == '[':
		fault = rowIsList
	case raw[0] == '{':
		fault = rowIsObject
	default:
		fault = rowNotAList
	}
	if fault != "" {
		p.rows = sqltx.AppendFault(p.rows[:start], fault)
		return
	}
	p.rows = sqltx.EndPacked(p.rows, start, values)
}

func (p *batchPacker) packList(array []byte) (values int, fault string) {
	for raw := range jsontext.Elements(array) {
		if values == sqltx.ItemValuesMax {
			return values, tooManyValues.Text
		}
		if !p.packValue(raw) {
			return values, cantBind(fmt.Sprintf("values[%d]", values))
		}
		values++
	}
	return values, ""
}

// packObject packs the values of a row with names in the order of the first one's.
func (p *batchPacker) packObject(object []byte) (values int, fault string) {
	clear(p.cells)
	p.cells = append(p.cells[:0], make([][]byte, len(p.names))...)
	for quoted, raw := range jsontext.Fields(object) {
		at := p.place(jsontext.Unquote(quoted), values)
		if at < 0 || p.cells[at] != nil {
			return values, rowOtherNames
		}
		p.cells[at] = raw
		values++
	}
	if values < len(p.names) {
		return values, rowOtherNames
	}
	for i, raw := range p.cells {
		if !p.packValue(raw) {
			return values, cantBind(fmt.Sprintf("values[%.64q]", p.names[i]))
		}
	}
	return values, ""
}

// place is where the value with that name stands, -1 if it has none. Most rows have the
// order of the first.
func (p *batchPacker) place(name []byte, likely int) int {
	if len(name) > 0 && isNamePrefix(name[0]) {
		name = name[1:]
	}
	if likely < len(p.names) && p.names[likely] == string(name) {
		return likely
	}
	if at, known := p.at[string(name)]; known {
		return at
	}
	return -1
}

func (p *batchPacker) packValue(raw []byte) bool {
	value, room, ok := bindValue(raw, p.room[:0])
	if p.room = room; ok {
		p.rows = sqltx.AppendCell(p.rows, &value)
	}
	return ok
}
