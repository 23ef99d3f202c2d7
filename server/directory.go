package server

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/urlite/urlite/directory"
	"github.com/urlite/urlite/refusal"
)

// Directory mode: db is a folder, and its files are the keys.

// directoryFilesMax bounds the files whose hashes are remembered.
const directoryFilesMax = 10_000

var (
	errDirectoryRelative = refusal.New(refusal.InvalidDatabasePath, "directory-mode: invalid path input: path must be absolute")
	errDirectoryKeeps    = refusal.New(refusal.PathIsDirectory, "directory-mode: a database is not written as a file")
)

// orDirectory answers with rows, or where db is a directory with files.
func orDirectory(rows handler, files func(q *request, folder *directory.Folder) error) handler {
	return func(q *request) error {
		path, is, err := q.server.catalog.Directory(lent(q.argument("db")))
		if err != nil || !is {
			return relativeDirectory(rows(q))
		}
		folder, err := directory.Open(path, string(q.argument("table")), &q.server.config.Limits, q.server.files)
		if err != nil {
			return err
		}
		defer folder.Close()
		return files(q, folder)
	}
}

// relativeDirectory tells who named a directory by a bare name how to do it.
func relativeDirectory(err error) error {
	if r := refusal.Of(err); r != nil && r.Kind == refusal.PathIsDirectory {
		return errDirectoryRelative
	}
	return err
}

// notInDirectory refuses what files have no meaning for. A lifetime of 0 is none.
func (q *request) notInDirectory(parameters ...string) error {
	for _, name := range parameters {
		if sent := string(q.argument(name)); sent != "" && (sent != "0" || name != "ttl") {
			return refusal.Newf(refusal.InvalidParameters, "directory-mode: %s is not supported", name)
		}
	}
	return nil
}

// fileToRead is for what reads the file of the path's key.
func (q *request) fileToRead(folder *directory.Folder, read func() (directory.File, error)) error {
	if err := q.notInDirectory("path", "at_timestamp"); err != nil {
		return err
	}
	release, err := q.server.catalog.KeepClosed(folder.Path(q.key))
	if err != nil {
		return err
	}
	defer release()
	file, err := read()
	if err != nil {
		return err
	}
	notModified, err := q.holds(file.Version)
	if err != nil {
		return err
	}
	header := &q.ctx.Response.Header
	q.numberHeader(headerCreatedAt, secondsDown(file.ModifiedAt)) // a file knows no other time
	q.numberHeader(headerUpdatedAt, secondsDown(file.ModifiedAt))
	q.etagHeader(file.Version)
	header.Set("X-Directory-Mode", "true")
	header.Set("X-KV-Nesting-Depth", string(appendInt(nil, int64(file.Depth))))
	header.Set("X-File-Hash", hex.EncodeToString(file.Hash[:]))
	if notModified {
		q.ctx.SetStatusCode(fasthttp.StatusNotModified)
		return nil
	}
	header.SetContentType(file.ContentType)
	if q.ctx.IsHead() {
		q.ctx.Response.SkipBody = true
		header.SetContentLength(int(file.Size))
		return nil
	}
	q.ctx.SetBody(file.Bytes)
	return nil
}

func getFile(q *request, folder *directory.Folder) error {
	return q.fileToRead(folder, func() (directory.File, error) {
		rebuild, err := q.flag("rebuild", false)
		if err != nil {
			return directory.File{}, err
		}
		if q.ctx.IsHead() {
			return folder.Stat(q.key, rebuild)
		}
		return folder.Get(q.key)
	})
}

// fileToWrite is for what writes the file of the path's key.
func (q *request) fileToWrite(folder *directory.Folder, write func() error) error {
	if err := q.notInDirectory("ttl", "path"); err != nil {
		return err
	}
	if q.has("if_match") {
		return refusal.New(refusal.InvalidParameters, "directory-mode: if_match is not supported")
	}
	if err := q.takesNothing(); err != nil {
		return err
	}
	switch strings.ToLower(filepath.Ext(q.key)) {
	case ".db", ".sqlite", ".sqlite3":
		return errDirectoryKeeps
	}
	release, err := q.server.catalog.KeepClosed(folder.Path(q.key))
	if err != nil {
		return err
	}
	defer release()
	return write()
}

func putFile(q *request, folder *directory.Folder) error {
	body, err := q.body() // before the file is kept from others
	if err != nil {
		return err
	}
	return q.fileToWrite(folder, func() error {
		file, err := folder.Put(q.key, body)
		if err != nil {
			return err
		}
		q.begin()
		q.text("key", q.key)
		q.number("size", file.Size)
		q.etagText(file.Version)
		q.boolean("directory_mode", true)
		q.text("file_path", file.Path)
		q.etagHeader(file.Version)
		q.end()
		return nil
	})
}

func deleteFile(q *request, folder *directory.Folder) error {
	return q.fileToWrite(folder, func() error {
		if err := folder.Delete(q.key); err != nil {
			return err
		}
		q.begin()
		q.boolean("deleted", true)
		q.end()
		return nil
	})
}

// listFiles answers a page of the folder's keys, as list does of a table's.
func listFiles(q *request, folder *directory.Folder) error {
	if err := q.notInDirectory("at_timestamp"); err != nil {
		return err
	}
	shown, err := q.listing()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), q.timeout())
	defer cancel()
	page := directory.Page{Prefix: shown.page.Prefix, After: shown.page.After, Limit: shown.page.Limit, Offset: shown.page.Offset, Reverse: shown.page.Reverse}
	if shown.counted {
		const most = 1 << 31
		total, err := folder.Count(ctx, page.Prefix, most)
		if err != nil {
			return err
		}
		shown.total = int64(total)
	}
	shown.begin(q)
	shown.more, err = folder.List(ctx, &page, func(file *directory.Listed) {
		shown.item(q, []byte(file.Key))
		if !shown.keysOnly {
			q.text("content_type", file.ContentType)
			q.number("size", file.Size)
			q.number("created_at", secondsDown(file.ModifiedAt))
			q.number("updated_at", secondsDown(file.ModifiedAt))
			q.etagText(file.Version)
		}
		q.out = append(q.out, '}')
	})
	if err != nil {
		return err
	}
	shown.end(q)
	q.out = append(q.out, `,"change_cursor":null`...)
	q.end()
	return nil
}
