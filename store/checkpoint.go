package store

import "os"

// CheckpointMode is how hard a checkpoint tries.
type CheckpointMode uint8

const (
	// Passive copies what no reader is in the way of, and waits for nobody.
	Passive CheckpointMode = iota
	// Truncate also empties the log file, if no reader needs it.
	Truncate
)

// Frames is the number of pages in the write-ahead log after our last commit.
func (w *WriteConn) Frames() int { return w.frames.get() }

// LogBytes is the size of the write-ahead log's file.
func (w *WriteConn) LogBytes() int64 {
	info, err := os.Stat(w.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// Checkpoint copies the log into the file. whole says that all of it was copied: the
// next commit starts the log from the beginning, if no reader still looks at it.
func (w *WriteConn) Checkpoint(mode CheckpointMode) (whole bool, err error) {
	sql := "PRAGMA main.wal_checkpoint(PASSIVE)"
	if mode == Truncate {
		sql = "PRAGMA main.wal_checkpoint(TRUNCATE)"
		// A reader in the way is no reason to wait: the next idle moment comes.
		w.conn.SetBusyTimeout(0)
		defer w.conn.SetBusyTimeout(w.busyWait)
	}
	stmt, _, err := w.conn.PrepareTransient(sql)
	if err != nil {
		return false, refuse(w.conn, err)
	}
	defer stmt.Finalize()
	row, err := stmt.Step()
	if err != nil || !row {
		return false, refuse(w.conn, err)
	}
	busy, logged, copied := stmt.ColumnInt64(0) != 0, stmt.ColumnInt(1), stmt.ColumnInt(2)
	whole = !busy && logged == copied
	if whole && mode == Truncate {
		w.frames.set(0)
	}
	return whole, nil
}
