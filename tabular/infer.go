package tabular

import (
	"math"
	"strconv"

	"github.com/urlite/urlite/sqltx"
)

// Inference finds the type of each column by looking at rows. What is empty or NULL says
// nothing. A column is
//
//	BLOB     if any value is one
//	TEXT     if any is a text; in CSV, one that is not written like a number
//	REAL     if any number has a fraction or an exponent
//	INTEGER  if all are integers of 64 bits
//	TEXT     if there is none
//
// In CSV a number is written as JSON writes it: 007 and +1 are texts, for they would not come
// back as they were; and so are digits that don't fit 64 bits.
type Inference struct {
	// Texts says that the values are those of CSV.
	Texts bool
	seen  []sight
}

// sight is what was seen in a column.
type sight uint8

const (
	sawInteger sight = 1 << iota
	sawReal
	sawText
	sawBlob
)

// Add looks at a row.
func (f *Inference) Add(values []sqltx.Value) {
	if f.seen == nil {
		f.seen = make([]sight, len(values))
	}
	for i := range values {
		f.seen[i] |= f.look(f.seen[i], &values[i])
	}
}

func (f *Inference) look(before sight, v *sqltx.Value) sight {
	switch v.Kind {
	case sqltx.Integer:
		return sawInteger
	case sqltx.Float:
		return sawReal
	case sqltx.Blob:
		return sawBlob
	case sqltx.Text:
		if f.Texts && len(v.Bytes) == 0 {
			return 0
		}
		if f.Texts && before&sawText == 0 {
			return numberLike(v.Bytes)
		}
		return sawText
	}
	return 0
}

// Types are the types of so many columns.
func (f *Inference) Types(columns int) []string {
	types := make([]string, columns)
	for i := range types {
		saw := sight(0)
		if i < len(f.seen) {
			saw = f.seen[i]
		}
		switch {
		case saw&sawBlob != 0:
			types[i] = "BLOB"
		case saw&sawText != 0, saw == 0:
			types[i] = "TEXT"
		case saw&sawReal != 0:
			types[i] = "REAL"
		default:
			types[i] = "INTEGER"
		}
	}
	return types
}

// numberLike tells how a text is written.
func numberLike(text []byte) sight {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	whole := countDigits(digits)
	if whole == 0 || (digits[0] == '0' && whole > 1) {
		return sawText
	}
	rest := digits[whole:]
	if len(rest) == 0 {
		if _, err := strconv.ParseInt(string(text), 10, 64); err != nil || string(text) == "-0" {
			return sawText
		}
		return sawInteger
	}
	if rest[0] == '.' {
		n := countDigits(rest[1:])
		if n == 0 {
			return sawText
		}
		rest = rest[1+n:]
	}
	if len(rest) > 0 && rest[0]|0x20 == 'e' {
		rest = rest[1:]
		if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
			rest = rest[1:]
		}
		n := countDigits(rest)
		if n == 0 {
			return sawText
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return sawText
	}
	if n, err := strconv.ParseFloat(string(text), 64); err != nil || math.IsInf(n, 0) {
		return sawText
	}
	return sawReal
}

func countDigits(text []byte) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}
