package store

import (
	"fmt"

	"crawshaw.io/sqlite"
)

const (
	// pageBytes is the page size of files that we create. A group of random keys
	// writes about a page a key into the log, so smaller pages halve its bytes
	// (docs/decisions/0004-page-size.md).
	pageBytes = 2048
	// lengthMax bounds a single value or row, so that randomblob(1e9) does not take a
	// gigabyte. It leaves room for the largest value and response that may be set.
	lengthMax = 64 << 20
	// writeCacheKiB and readCacheKiB bound each connection's page cache. A miss is
	// a copy from the kernel's cache, not a disk access; memory is the user's.
	writeCacheKiB = 8192
	readCacheKiB  = 8192
)

// openConn opens path for one kind of use. It never creates a file.
func openConn(path string, flags sqlite.OpenFlags, options Options) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(path, flags|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		return nil, err
	}
	if err := harden(conn); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetBusyTimeout(options.busyWait())
	// Old files and habits: "text" that names no column is a string in DML.
	if err := conn.EnableDoubleQuotedStringLiterals(true, false); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// run executes fixed statements of ours that answer nothing we need.
func run(conn *sqlite.Conn, statements ...string) error {
	for _, sql := range statements {
		stmt, _, err := conn.PrepareTransient(sql)
		if err != nil {
			return err
		}
		_, err = stmt.Step()
		stmt.Finalize()
		if err != nil {
			return err
		}
	}
	return nil
}

// queryInt answers the first column of the first row, 0 without one.
func queryInt(conn *sqlite.Conn, sql string) (int64, error) {
	stmt, _, err := conn.PrepareTransient(sql)
	if err != nil {
		return 0, err
	}
	defer stmt.Finalize()
	row, err := stmt.Step()
	if err != nil || !row {
		return 0, err
	}
	return stmt.ColumnInt64(0), nil
}

// queryText answers the first column of the first row, "" without one.
func queryText(conn *sqlite.Conn, sql string) (string, error) {
	stmt, _, err := conn.PrepareTransient(sql)
	if err != nil {
		return "", err
	}
	defer stmt.Finalize()
	row, err := stmt.Step()
	if err != nil || !row {
		return "", err
	}
	return stmt.ColumnText(0), nil
}

func cachePragma(kib int) string { return fmt.Sprintf("PRAGMA cache_size = -%d", kib) }

// EngineVersion is the version of the SQLite library in this program.
func EngineVersion() (string, error) {
	conn, err := sqlite.OpenConn(":memory:", sqlite.SQLITE_OPEN_READWRITE|sqlite.SQLITE_OPEN_CREATE|sqlite.SQLITE_OPEN_NOMUTEX)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return queryText(conn, "SELECT sqlite_version()")
}
