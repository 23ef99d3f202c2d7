package store

// Rows that plain SQL keyed by a BLOB or a number are not keys: they lie outside
// the bounds of text.
const selectList = `SELECT key, content_type, created_at, updated_at, expire_at, version, $bytes
	FROM main."$table" WHERE key >= ?1 AND key < ?2 AND (expire_at IS NULL OR expire_at > ?3 OR expire_at = 0)
	ORDER BY key LIMIT ?4 OFFSET ?5`

// Page is which rows of a KV table to list, in the order of their keys' bytes.
type Page struct {
	Table  string
	Prefix string
	// After, if not empty, is the key after which the page begins.
	After  string
	Limit  int
	Offset int
	// Now, in ms, decides which rows have expired.
	Now int64
}

// bounds are the first key that the page may hold and the first it may not.
func (p *Page) bounds() (from, to string) {
	from = p.Prefix
	if p.After != "" && p.After >= from {
		from = p.After + "\x00" // the very next text
	}
	// No UTF-8 text has a byte 0xff: this is past all that begin with the prefix.
	return from, p.Prefix + "\xff"
}

// ListedRow is a row of a list. Its texts are good until the next one.
type ListedRow struct {
	Key         []byte
	ContentType string
	Size        int64
	CreatedAt   int64 // ms
	UpdatedAt   int64 // ms
	ExpireAt    int64 // ms, 0 = never
	Version     int64
}

// List hands each row of the page to each and tells whether there are more.
func (r *ReadConn) List(page *Page, each func(row *ListedRow)) (more bool, err error) {
	t, known, err := r.table(page.Table)
	if err != nil || t == nil {
		return false, refuse(r.conn, err)
	}
	from, to := page.bounds()
	bindText(t.list, 1, from)
	bindText(t.list, 2, to)
	t.list.BindInt64(3, page.Now)
	t.list.BindInt64(4, int64(page.Limit)+1)
	t.list.BindInt64(5, int64(page.Offset))
	var row ListedRow
	for n := 0; ; n++ {
		found, err := t.list.Step()
		if err != nil {
			r.forget(page.Table)
			if known && n == 0 && noKeyValueTable(err) {
				return r.List(page, each) // it is another table since, or none
			}
			return false, refuse(r.conn, err)
		}
		if !found || n == page.Limit {
			return found, refuse(r.conn, t.list.Reset())
		}
		row.Key = columnBytes(t.list, 0)
		row.ContentType = r.rows.types.text(columnBytes(t.list, 1))
		row.CreatedAt, row.UpdatedAt = t.list.ColumnInt64(2), t.list.ColumnInt64(3)
		row.ExpireAt, row.Version = t.list.ColumnInt64(4), t.list.ColumnInt64(5)
		row.Size = t.list.ColumnInt64(6)
		each(&row)
	}
}

// Cursor is where the file's change feed stands: its identity and its write
// sequence number. A file without key-value writes has none: ("", 0).
func (r *ReadConn) Cursor() (fileID string, sequence int64, err error) {
	columns, err := columnsOf(r.conn, metaTable)
	if err != nil || len(columns) == 0 {
		return "", 0, refuse(r.conn, err)
	}
	stmt, err := r.conn.Prepare(`SELECT (SELECT value FROM main._urlite_meta WHERE name = 'file_id'),
		(SELECT value FROM main._urlite_meta WHERE name = 'sequence')`)
	if err != nil {
		return "", 0, refuse(r.conn, err)
	}
	if _, err := stmt.Step(); err != nil {
		return "", 0, refuse(r.conn, err)
	}
	fileID, sequence = stmt.ColumnText(0), stmt.ColumnInt64(1)
	return fileID, sequence, refuse(r.conn, stmt.Reset())
}
