package store

import (
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/sqltx"
)

// itemValues hands an item's values to its statements: positional ones are used
// up one statement after the other, named ones are there for all.
type itemValues struct {
	item *sqltx.Item
	used int
	// seen marks the named values that some statement asked for; at finds them.
	seen []bool
	at   map[string]int
}

func valuesOf(item *sqltx.Item) itemValues {
	v := itemValues{item: item}
	if item.Names != nil {
		v.seen = make([]bool, len(item.Names))
		v.at = make(map[string]int, len(item.Names))
		for i, name := range item.Names {
			v.at[name] = i
		}
	}
	return v
}

// pack appends what the statement asks for, in the order of its parameters. A value too few
// or, after the last statement, too many is the client's mistake, not a NULL.
func (v *itemValues) pack(cells []byte, s *foreignStmt, last bool) ([]byte, error) {
	if v.item.Names != nil {
		return v.packNamed(cells, s, last)
	}
	values := v.item.Values[v.used:]
	if len(values) < s.params {
		return cells, tooFewValues(s.params, len(values))
	}
	for i := range s.params {
		cells = sqltx.AppendCell(cells, &values[i])
	}
	v.used += s.params
	if surplus := len(v.item.Values) - v.used; last && surplus > 0 {
		return cells, tooManyValues(surplus)
	}
	return cells, nil
}

func tooFewValues(want, got int) *refusal.Refusal {
	return refusal.Newf(refusal.SQLBindError, "the statement takes %d values, got %d", want, got)
}

func tooManyValues(surplus int) *refusal.Refusal {
	return refusal.Newf(refusal.SQLBindError, "%d values more than the SQL takes", surplus)
}

func (v *itemValues) packNamed(cells []byte, s *foreignStmt, last bool) ([]byte, error) {
	for _, param := range s.parameterNames() {
		at, err := v.place(param)
		if err != nil {
			return cells, err
		}
		cells = sqltx.AppendCell(cells, &v.item.Values[at])
	}
	if last {
		return cells, v.allSeen()
	}
	return cells, nil
}

// place is where the value for a parameter stands among the item's.
func (v *itemValues) place(param string) (int, error) {
	if param == "" || param[0] == '?' {
		return 0, namedForPositional
	}
	at, ok := v.at[param[1:]]
	if !ok {
		return 0, refusal.Newf(refusal.SQLBindError, "no value for parameter %s", param)
	}
	v.seen[at] = true
	return at, nil
}

var namedForPositional = refusal.New(refusal.SQLBindError, "named values for a statement with positional parameters")

// allSeen refuses names that no statement asked for.
func (v *itemValues) allSeen() error {
	for i, seen := range v.seen {
		if !seen {
			return refusal.Newf(refusal.SQLBindError, "no parameter named %s", v.item.Names[i])
		}
	}
	return nil
}

// parameterNames are the names of the parameters, with their prefixes.
func (s *foreignStmt) parameterNames() []string {
	if s.paramNames == nil {
		for param := 1; param <= s.params; param++ {
			s.paramNames = append(s.paramNames, s.stmt.parameterName(param))
		}
	}
	return s.paramNames
}
