package server

import (
	"strconv"
	"time"

	"github.com/urlite/urlite/internal/jsontext"
)

// listDatabases tells which databases lie in a folder, newest first.
func listDatabases(q *request) error {
	folder, found, more, err := q.server.catalog.List(string(q.argument("dir")))
	if err != nil {
		return err
	}
	q.begin()
	q.text("dir", folder)
	q.number("count", int64(len(found)))
	q.name("databases")
	for i := range found {
		file := &found[i]
		q.open(int64(i))
		q.out = jsontext.AppendString(append(q.out, `{"name":`...), file.Name)
		q.text("path", file.Path)
		q.number("size", file.Bytes)
		q.text("size_str", sizeText(file.Bytes))
		q.text("modified", time.UnixMilli(file.ModifiedAt).UTC().Format(timeFormat))
		q.number("mod_unix", secondsDown(file.ModifiedAt))
		q.boolean("is_valid", file.Valid)
		q.out = append(q.out, '}')
	}
	q.close(int64(len(found)))
	if more {
		q.boolean("truncated", true)
	}
	q.end()
	return nil
}

// sizeText writes a size for people, such as 1.5 MB, in steps of 1024.
func sizeText(bytes int64) string {
	if bytes < 1024 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	size := float64(bytes)
	unit := 0
	for ; size >= 1023.95 && unit < len(sizeUnits); unit++ { // what would be written as 1024.0
		size /= 1024
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + " " + sizeUnits[unit-1:unit] + "B"
}

const sizeUnits = "KMGTPE"
