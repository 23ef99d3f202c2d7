package store

import (
	"crawshaw.io/sqlite"

	"github.com/urlite/urlite/kv"
)

// The columns that scanRow and scanValue read, in their order.
const (
	rowColumns   = "created_at, updated_at, expire_at, version, op_number, head, content_type"
	valueColumn  = 7
	selectRow    = `SELECT ` + rowColumns + ` FROM main."$table" WHERE key = ?1`
	selectRowAll = `SELECT ` + rowColumns + `, value FROM main."$table" WHERE key = ?1`
)

// scanRow reads the current line into row, all but the value.
func scanRow(stmt *sqlite.Stmt, types *interner, row *kv.Row) {
	row.Exists = true
	row.CreatedAt = stmt.ColumnInt64(0)
	row.UpdatedAt = stmt.ColumnInt64(1)
	row.ExpireAt = stmt.ColumnInt64(2) // NULL reads as 0: never
	row.Version = stmt.ColumnInt64(3)
	row.OpNumber = stmt.ColumnInt64(4)
	row.Head = stmt.ColumnInt64(5)
	row.ContentType = types.text(stmt, 6)
	row.Value = kv.Value{Kind: kv.Stored}
}

// scanValue reads a value, appending its bytes to arena, which it returns grown.
// What plain SQL stored as REAL or NULL reads as the text SQLite makes of it.
func scanValue(stmt *sqlite.Stmt, column int, value *kv.Value, arena []byte) []byte {
	kind := stmt.ColumnType(column)
	if kind == sqlite.SQLITE_INTEGER {
		*value = kv.IntegerValue(stmt.ColumnInt64(column))
		return arena
	}
	start := len(arena)
	arena = appendColumn(stmt, column, arena)
	*value = kv.Value{Kind: kv.Text, Bytes: arena[start:len(arena):len(arena)]}
	if kind == sqlite.SQLITE_BLOB {
		value.Kind = kv.Blob
	}
	return arena
}

// appendColumn appends a column's bytes.
func appendColumn(stmt *sqlite.Stmt, column int, dst []byte) []byte {
	return append(dst, columnBytes(stmt, column)...)
}

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

func (in *interner) text(stmt *sqlite.Stmt, column int) string {
	lent := columnBytes(stmt, column)
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
