package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"time"

	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/store"
)

// storeLoop inserts rows through the store alone: what is left of a request without HTTP,
// JSON and the writer. It is all that the harness has to do with the store's own seam.
type storeLoop struct {
	conn    *store.WriteConn
	request sqltx.Request
	results sqltx.Results
}

// loopCheckpointFrames is when the loop copies its log into the file: the server's default.
const loopCheckpointFrames = 16_000

// openStoreLoop makes a database beside the server's, with a table like the server's.
func openStoreLoop(folder string) (*storeLoop, error) {
	path := filepath.Join(folder, "loop.db")
	if err := store.Create(path, "", nil); err != nil {
		return nil, err
	}
	conn, err := store.OpenWriter(path, store.Options{Synchronous: store.Full})
	if err != nil {
		return nil, err
	}
	l := &storeLoop{conn: conn}
	create := sqltx.Request{Items: []sqltx.Item{{SQL: insertTableSQL}}}
	if err := l.commit(&create); err != nil {
		return nil, errors.Join(err, l.close())
	}
	for row := range batchRows {
		item := l.request.AddItem()
		item.SQL = insertRowSQL
		item.Values = append(item.Values,
			sqltx.Value{Kind: sqltx.Integer, Int: int64(firstID + row)},
			sqltx.Value{Kind: sqltx.Text, Bytes: []byte(insertText)})
	}
	return l, nil
}

// insertBatch inserts and commits as many rows as a request does, each by an item of its
// own: the statement is prepared once, its values are there.
func (l *storeLoop) insertBatch() error {
	if err := l.commit(&l.request); err != nil {
		return err
	}
	if l.conn.Frames() < loopCheckpointFrames {
		return nil
	}
	_, err := l.conn.Checkpoint(store.Passive)
	return err
}

// rows counts what was inserted.
func (l *storeLoop) rows() (uint64, error) {
	count := sqltx.Request{Items: []sqltx.Item{{SQL: "SELECT count(*) FROM " + insertTable}}}
	if err := l.commit(&count); err != nil {
		return 0, err
	}
	var answer struct {
		Results [1]struct {
			Rows [1][1]uint64 `json:"resultSetList"`
		}
	}
	l.results.End()
	err := json.Unmarshal(l.results.Bytes(), &answer)
	return answer.Results[0].Rows[0][0], err
}

func (l *storeLoop) commit(request *sqltx.Request) error {
	if _, err := l.conn.Begin(); err != nil {
		return err
	}
	l.results.Begin(sqltx.FormatList)
	err := l.run(request)
	if err == nil {
		err = l.conn.Commit()
	}
	if err != nil {
		return errors.Join(err, l.conn.Rollback())
	}
	return nil
}

func (l *storeLoop) run(request *sqltx.Request) error {
	if err := l.conn.BeginSQL(time.Minute); err != nil {
		return err
	}
	for i := range request.Items {
		if err := l.conn.RunItem(&request.Items[i], 1, &l.results); err != nil {
			return err // the transaction is rolled back
		}
	}
	why, err := l.conn.EndSQL(false)
	if err == nil && why != nil {
		err = why
	}
	return err
}

func (l *storeLoop) close() error { return l.conn.Close() }
