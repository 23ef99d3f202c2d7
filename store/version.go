package store

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"sync"

	"crawshaw.io/sqlite"
)

// Version is a state of the data of a database. It is another one after each commit, by
// whatever program, but for those of ours that wrote nothing but the query history; and
// it may be another one where nothing was written (docs/decisions/0016-data-version.md).
type Version [24]byte

// Versions tells the versions of a database apart, for as long as somebody holds it open.
// Its readers share one.
type Versions struct {
	mu sync.Mutex
	// epoch is drawn anew whenever commits may be counted from the beginning again.
	epoch [16]byte
	// newest is the largest count of commits that was seen.
	newest uint32
}

// NewVersions begins an epoch: what is counted is counted since the file was opened.
func NewVersions() *Versions {
	v := &Versions{}
	v.begin()
	return v
}

func (v *Versions) begin() { rand.Read(v.epoch[:]) } // never fails, since Go 1.24

// readsServer tells of a read that a version says nothing about: of the query history, of
// our own tables, or of a pragma, which may ask for how the file lies on the disk.
func readsServer(action sqlite.OpType, table string) bool {
	if action == sqlite.SQLITE_PRAGMA {
		return true
	}
	return action == sqlite.SQLITE_READ &&
		(isOwn(table) || strings.HasPrefix(strings.ToLower(table), "pragma_"))
}

// readQuiet is how many commits wrote nothing but the query history.
const readQuiet = `SELECT value FROM main._urlite_meta WHERE name = 'quiet'`

// version is the version of what is read within the snapshot, which it is the first to read
// from. known is false where SQLite can't tell, as for a file without a write-ahead log.
func (r *ReadConn) version() (version Version, known bool, err error) {
	if r.versions == nil {
		return Version{}, false, nil
	}
	epoch, commits, known, err := r.versions.observe(r.conn)
	if err != nil || !known {
		return Version{}, false, err
	}
	quiet, err := r.quietCommits()
	if err != nil {
		return Version{}, false, err
	}
	copy(version[:], epoch[:])
	binary.BigEndian.PutUint64(version[len(epoch):], uint64(int64(commits)-quiet))
	return version, true, nil
}

// observe begins the read transaction of conn and counts the commits that it sees. One by
// one, so that who begins later sees no less: a smaller count says that the wal-index was
// made anew, after a program died while it wrote there.
func (v *Versions) observe(conn *sqlite.Conn) (epoch [16]byte, commits uint32, known bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	commits, err = commitsOf(conn)
	switch primary(err) {
	case sqlite.SQLITE_OK:
	case sqlite.SQLITE_ERROR: // nobody has committed since, or there is no log
		if known, err = hasLog(conn); err != nil || !known {
			return epoch, 0, false, err
		}
	case sqlite.SQLITE_INTERNAL: // an engine that can't tell
		return epoch, 0, false, nil
	default:
		return epoch, 0, false, err
	}
	if commits < v.newest {
		v.begin()
	}
	v.newest = commits
	return v.epoch, commits, true, nil
}

// hasLog tells whether the file has a write-ahead log.
func hasLog(conn *sqlite.Conn) (bool, error) {
	mode, err := queryText(conn, "PRAGMA main.journal_mode")
	return mode == "wal", err
}

// quietCommits reads the number of quiet commits, 0 where nobody counted any.
func (r *ReadConn) quietCommits() (int64, error) {
	if r.quiet == nil {
		stmt, _, err := r.conn.PrepareTransient(readQuiet)
		if primary(err) == sqlite.SQLITE_ERROR {
			return 0, nil // a file that we have never written to
		}
		if err != nil {
			return 0, err
		}
		r.quiet = stmt
	}
	found, err := r.quiet.Step()
	if err != nil {
		r.quiet.Finalize()
		if r.quiet = nil; primary(err) == sqlite.SQLITE_ERROR {
			return 0, nil // the table was dropped
		}
		return 0, err
	}
	var quiet int64
	if found {
		quiet = r.quiet.ColumnInt64(0)
	}
	return quiet, r.quiet.Reset()
}
