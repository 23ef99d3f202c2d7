package store

import (
	"slices"

	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// The columns of a row, in the order that native_hot.go reads them.
const (
	rowColumns   = "created_at, updated_at, expire_at, version, op_number, head, content_type"
	typeColumn   = 6
	valueColumn  = 7
	selectRow    = `SELECT ` + rowColumns + ` FROM main."$table" WHERE key = ?1`
	selectRowAll = `SELECT ` + rowColumns + `, value FROM main."$table" WHERE key = ?1`
)

// growBy lengthens b by n bytes.
func growBy(b []byte, n int) []byte { return slices.Grow(b, n)[:len(b)+n] }

// bindValue binds a value in the type it has in the file.
func bindValue(stmt *sqlite.Stmt, param int, value *kv.Value) {
	switch value.Kind {
	case kv.Integer:
		stmt.BindInt64(param, value.Int)
	case kv.Text:
		if len(value.Bytes) == 0 {
			stmt.BindText(param, "") // BindBytes would bind NULL
			return
		}
		stmt.BindBytes(param, value.Bytes)
	default:
		bindBlob(stmt, param, value.Bytes)
	}
}

// bindMoment binds a time that may be never.
func bindMoment(stmt *sqlite.Stmt, param int, millis int64) {
	if millis == 0 {
		stmt.BindNull(param)
		return
	}
	stmt.BindInt64(param, millis)
}

// internedMax bounds an interner; past it, it starts anew.
const internedMax = 1024

// interner keeps one string for each distinct text it meets, so that reading a
// content type does not allocate.
type interner struct{ texts map[string]string }

func (in *interner) text(lent []byte) string {
	if text, ok := in.texts[string(lent)]; ok {
		return text
	}
	if in.texts == nil || len(in.texts) >= internedMax {
		in.texts = map[string]string{}
	}
	text := string(lent)
	in.texts[text] = text
	return text
}
