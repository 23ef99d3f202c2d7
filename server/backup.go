package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"

	"github.com/valyala/fasthttp"
)

// sqliteType is the registered type of a database file.
const sqliteType = "application/vnd.sqlite3"

// getBackup sends a copy of the database as it is at one moment. The copy is made first,
// so that a slow client holds nothing of the database.
func getBackup(q *request) error {
	name, err := q.databaseName()
	if err != nil {
		return err
	}
	db, err := q.acquireExisting(name)
	if err != nil {
		return err
	}
	// Of what is packed nobody knows the length, which HTTP/1.0 has to be told.
	packed := acceptsGzip(q.header(fasthttp.HeaderAcceptEncoding)) && q.ctx.Request.Header.IsHTTP11()
	header := &q.ctx.Response.Header
	if q.ctx.IsHead() {
		size := int64(-1)
		if !packed {
			if size, err = db.Bytes(q.timeout()); err != nil {
				return err
			}
		}
		q.ctx.Response.SkipBody = true
		header.SetContentLength(int(size))
	} else if err := q.sendFile(packed, func() (*os.File, error) { return db.SnapshotFile(q.timeout()) }); err != nil {
		return err
	}
	if packed {
		header.SetContentEncoding("gzip")
	}
	header.Set(fasthttp.HeaderVary, fasthttp.HeaderAcceptEncoding)
	header.SetContentType(sqliteType)
	header.Set(fasthttp.HeaderContentDisposition, disposition(filepath.Base(db.Path())))
	return nil
}

// acceptsGzip reads an Accept-Encoding (RFC 9110, 12.5.3). A server may always send what
// is not packed.
func acceptsGzip(list []byte) bool {
	for coding := range bytes.SplitSeq(list, []byte{','}) {
		name, weight, _ := bytes.Cut(coding, []byte{';'})
		if name = bytes.TrimSpace(name); !bytes.EqualFold(name, []byte("gzip")) && !bytes.EqualFold(name, []byte("x-gzip")) {
			continue
		}
		q, found := bytes.CutPrefix(bytes.ToLower(bytes.TrimSpace(weight)), []byte("q="))
		if !found {
			return true
		}
		n, err := strconv.ParseFloat(string(q), 64)
		return err == nil && n > 0
	}
	return false
}
