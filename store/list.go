package store

import "time"

// Rows that plain SQL keyed by a BLOB or a number are not keys: they lie outside
// the bounds of text.
const (
	listed      = `FROM main."$table" WHERE key >= ?1 AND key < ?2 AND (expire_at IS NULL OR expire_at > ?3 OR expire_at = 0)`
	listColumns = `SELECT key, content_type, created_at, updated_at, expire_at, version, $bytes `
	selectList  = listColumns + listed + ` ORDER BY key LIMIT ?4 OFFSET ?5`
	reverseList = listColumns + listed + ` ORDER BY key DESC LIMIT ?4 OFFSET ?5`
	countList   = `SELECT count(*) ` + listed
)

// Page is which rows of a KV table to list, in the order of their keys' bytes.
type Page struct {
	Table  string
	Prefix string
	// After, if not empty, is the key after which the page begins.
	After string
	// Reverse lists from the last key to the first.
	Reverse bool
	Limit   int
	Offset  int
	// Now, in ms, decides which rows have expired.
	Now int64
}

// whole are the first key that lies within the prefix and the first beyond it: no
// UTF-8 text has a byte 0xff. The empty text, which only SQL can write, is no key: as a
// cursor it would be none.
func (p *Page) whole() (from, to string) { return max(p.Prefix, "\x00"), p.Prefix + "\xff" }

// bounds are the smallest key that the page may hold and the smallest beyond it.
func (p *Page) bounds() (from, to string) {
	from, to = p.whole()
	switch {
	case p.After == "":
	case p.Reverse:
		to = min(to, p.After)
	default:
		from = max(from, p.After+"\x00") // the very next text
	}
	return from, to
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
	list := t.list
	if page.Reverse {
		list = t.reverse
	}
	from, to := page.bounds()
	bindText(list, 1, from)
	bindText(list, 2, to)
	list.BindInt64(3, page.Now)
	list.BindInt64(4, int64(page.Limit)+1)
	list.BindInt64(5, int64(page.Offset))
	var row ListedRow
	for n := 0; ; n++ {
		found, err := list.Step()
		if err != nil {
			r.forget(page.Table)
			if known && n == 0 && noKeyValueTable(err) {
				return r.List(page, each) // it is another table since, or none
			}
			return false, refuse(r.conn, err)
		}
		if !found || n == page.Limit {
			return found, refuse(r.conn, list.Reset())
		}
		row.Key = columnBytes(list, 0)
		row.ContentType = r.rows.types.text(columnBytes(list, 1))
		row.CreatedAt, row.UpdatedAt = list.ColumnInt64(2), list.ColumnInt64(3)
		row.ExpireAt, row.Version = list.ColumnInt64(4), list.ColumnInt64(5)
		row.Size = list.ColumnInt64(6)
		each(&row)
	}
}

// Count is how many live keys there are within the page's prefix, counted within limit.
func (r *ReadConn) Count(page *Page, limit time.Duration) (int64, error) {
	t, _, err := r.table(page.Table)
	if err != nil || t == nil {
		return 0, refuse(r.conn, err)
	}
	r.foreign.stopper.arm(limit)
	defer r.foreign.stopper.disarm()
	from, to := page.whole()
	bindText(t.count, 1, from)
	bindText(t.count, 2, to)
	t.count.BindInt64(3, page.Now)
	if _, err := t.count.Step(); err != nil {
		err = refuse(r.conn, err)
		r.forget(page.Table)
		return 0, err
	}
	n := t.count.ColumnInt64(0)
	return n, refuse(r.conn, t.count.Reset())
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
