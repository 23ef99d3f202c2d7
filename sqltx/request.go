package sqltx

import "strings"

// Format is how the rows of a result are written.
type Format uint8

// The formats of rows.
const (
	FormatObjects Format = iota // {"name":value,…}
	FormatList                  // [value,…]
)

// Kind is what an item of a transaction is.
type Kind uint8

// The kinds of items.
const (
	// SQL is statements to be run.
	SQL Kind = iota
	// Condition is a query that must find something for the rest to be done.
	Condition
	// KeyValue is an operation on a key.
	KeyValue
)

// Request is a SQL transaction as it was asked for: all of its items or none.
// A request may be used again after Reset and keeps its memory then.
type Request struct {
	Items  []Item
	Format Format
}

// Item is one step of a transaction: SQL, perhaps several statements of it,
// and the values for its parameters.
type Item struct {
	Kind Kind
	SQL  string
	// IsQuery is whether it is a query, a condition or an operation that only reads, or says
	// so.
	IsQuery bool
	Values  []Value
	// Names is nil for positional values. Otherwise Names[i] is the parameter
	// that Values[i] is for, without its : @ or $.
	Names []string
	// Batch, if not nil, is rows to run the one statement with, instead of Values. Names
	// then are of the values of each row.
	Batch Batch
	// Tally, if not nil, takes what the batch has done, instead of the results.
	Tally *Tally
	// Op is the place of a KeyValue item's operation among those of the call, and Table
	// its key-value table.
	Op    int
	Table string
	// NoFail lets the others commit when this item fails.
	NoFail bool
}

// Reset empties the request and lets go of everything lent to it.
func (r *Request) Reset() {
	r.Format = FormatObjects
	if cap(r.Items) > keepItemsMax {
		r.Items = nil
	}
	for i := range r.Items {
		values := r.Items[i].Values
		clear(values)
		r.Items[i] = Item{Values: values[:0]}
		if cap(values) > keepValuesMax {
			r.Items[i].Values = nil
		}
	}
	r.Items = r.Items[:0]
}

// AddItem appends an empty item and returns it, valid until the next AddItem.
func (r *Request) AddItem() *Item {
	if len(r.Items) < cap(r.Items) {
		r.Items = r.Items[:len(r.Items)+1]
	} else {
		r.Items = append(r.Items, Item{})
	}
	return &r.Items[len(r.Items)-1]
}

// LooksReadOnly is a guess whether the request can do without the writer: all
// items say that they only read, and their SQL reads like one SELECT each, or a PRAGMA that
// tells. A WITH may still turn out to write; only the engine knows, and it is the engine that
// refuses.
func (r *Request) LooksReadOnly() bool {
	for i := range r.Items {
		if !r.Items[i].looksReadOnly() {
			return false
		}
	}
	return true
}

func (item *Item) looksReadOnly() bool {
	if !item.IsQuery || item.Kind == KeyValue {
		return item.IsQuery
	}
	switch strings.ToUpper(FirstWord(item.SQL)) {
	case "SELECT", "VALUES", "WITH", "EXPLAIN":
	case "PRAGMA": // most only tell; one that sets says so
		if strings.Contains(item.SQL, "=") {
			return false
		}
	default:
		return false
	}
	return SkipBlank(AfterStatement(item.SQL)) == ""
}
