package server

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/refusal"
	"github.com/urlite/urlite/spool"
	"github.com/urlite/urlite/sqltx"
	"github.com/urlite/urlite/tabular"
)

const (
	// importBatchRows and importBatchBytes cut the batches of an import, each of which is a
	// commit: large enough that the commit costs little, small enough that nobody behind it
	// waits long.
	importBatchRows  = 1000
	importBatchBytes = 4 << 20
)

// imported is what an import has done so far.
type imported struct {
	rows, skipped int64
	errors        []sqltx.RowError // whose rows count from 1
}

// inOneCommit spools the rows, and has all of them inserted when the last has come. Until
// then it holds nothing that anybody else might want.
func (i *importing) inOneCommit() error {
	rows := spool.New(i.folder, i.q.server.config.ImportBytesMax)
	defer rows.Close()
	found := tabular.Inference{Texts: i.isCSV}
	var packed []byte
	for {
		values, err := i.source.Next()
		if err == io.EOF {
			break
		}
		var fault *tabular.RowFault
		if errors.As(err, &fault) {
			return refusal.New(refusal.InvalidParameters, fault.Error())
		}
		if err != nil {
			return err
		}
		if i.shape == nil {
			found.Add(values)
		}
		packed = sqltx.AppendPacked(packed[:0], values)
		if err := rows.Append(packed); err != nil {
			return err
		}
	}
	if err := rows.Seal(); err != nil {
		return err
	}
	if len(i.source.Columns()) == 0 {
		i.answer() // an empty list
		return nil
	}
	wanted := &sqltx.Request{}
	i.addMaking(wanted, &found)
	insert := wanted.AddItem()
	insert.SQL, insert.Batch, insert.Tally = i.insertion(&found), rows, &sqltx.Tally{FirstRow: 1}
	return i.commit(wanted)
}

// answer answers what was done.
func (i *importing) answer() {
	i.q.note.rows = i.done.rows
	i.q.out = sqltx.AppendImported(i.q.out[:0], i.done.rows, i.done.skipped, i.done.errors)
	i.q.json()
}

// commit has the one call of an import done, and answers it.
func (i *importing) commit(wanted *sqltx.Request) error {
	q := i.q
	call, err := i.call(wanted)
	if err != nil {
		return err
	}
	defer call.Release()
	if i.sum != nil {
		if err := q.bindOnceOf(call, i.sum.Sum(nil)); err != nil {
			return err
		}
	}
	if err := i.do(call, i.createDB && i.shape == nil); err != nil { // else it was there
		return err
	}
	q.answerCall(call)
	return nil
}

// inBatches inserts the rows as they come. Those that can't be inserted are left out.
func (i *importing) inBatches() error {
	found := tabular.Inference{Texts: i.isCSV}
	batch := &sqltx.PackedRows{}
	for {
		values, err := i.source.Next()
		var fault *tabular.RowFault
		switch {
		case errors.As(err, &fault):
			batch.Rows = sqltx.AppendFault(batch.Rows, fault.Text)
			batch.Count++
		case err != nil && err != io.EOF:
			return i.broken(err)
		case err == nil:
			if i.shape == nil {
				found.Add(values)
			}
			batch.Rows = sqltx.AppendPacked(batch.Rows, values)
			batch.Count++
		}
		last := err == io.EOF
		if last || batch.Count == importBatchRows || len(batch.Rows) >= importBatchBytes {
			if err := i.insertBatch(batch, &found); err != nil {
				return i.broken(err)
			}
			batch.Rows, batch.Count = batch.Rows[:0], 0
		}
		if last {
			i.answer()
			return nil
		}
	}
}

// insertBatch commits one batch, and the table before the first.
func (i *importing) insertBatch(batch *sqltx.PackedRows, found *tabular.Inference) error {
	wanted := &sqltx.Request{}
	first := i.shape == nil
	if first {
		i.addMaking(wanted, found)
	}
	before := i.done.rows + i.done.skipped
	tally := sqltx.Tally{FirstRow: int(before) + 1}
	if batch.Count > 0 {
		insert := wanted.AddItem()
		insert.SQL, insert.Batch, insert.Tally, insert.NoFail = i.insertion(found), batch, &tally, true
	}
	if len(wanted.Items) == 0 {
		return nil
	}
	call, err := i.call(wanted)
	if err != nil {
		return err
	}
	defer call.Release()
	if err := i.do(call, first && i.createDB); err != nil {
		return err
	}
	if first {
		columns := i.source.Columns()
		i.shape = &catalog.Shape{Columns: columns, Types: found.Types(len(columns))}
	}
	for _, fault := range tally.Errors {
		if len(i.done.errors) < sqltx.TallyErrorsMax {
			fault.Row += int(before) + 1
			i.done.errors = append(i.done.errors, fault)
		}
	}
	i.done.rows += tally.Rows
	i.done.skipped += tally.Failed
	return nil
}

// addMaking adds the making of the table, if it is to be made.
func (i *importing) addMaking(wanted *sqltx.Request, found *tabular.Inference) {
	if i.shape == nil {
		columns := i.source.Columns()
		wanted.AddItem().SQL = tabular.CreateTable(i.table, columns, found.Types(len(columns)))
	}
}

// insertion is the statement that inserts a row.
func (i *importing) insertion(found *tabular.Inference) string {
	columns := i.source.Columns()
	types := found.Types(len(columns))
	if i.shape != nil {
		declared := make(map[string]string, len(i.shape.Columns))
		for at, name := range i.shape.Columns {
			declared[sqltx.FoldName(name)] = i.shape.Types[at]
		}
		for at, name := range columns {
			types[at] = declared[sqltx.FoldName(name)]
		}
	}
	return tabular.Insert(i.table, columns, types, i.isCSV)
}

// call makes the call of a part of the import, which has what is left of its time.
func (i *importing) call(wanted *sqltx.Request) (*catalog.Call, error) {
	left := time.Until(i.end)
	if left <= 0 {
		return nil, errImportLate
	}
	call := catalog.NewCall()
	call.Actor = i.q.actor()
	call.Deadline = i.q.server.config.Now() + left.Milliseconds() + 1
	call.SQL = wanted
	return call, nil
}

// do has a call committed. The database is let go after it.
func (i *importing) do(call *catalog.Call, create bool) error {
	db, err := i.q.database(create)
	if err != nil {
		return err
	}
	defer i.q.letGo()
	err = db.Do(call)
	var item *sqltx.ItemError
	if errors.As(err, &item) {
		return item.Refusal // a client has sent no items
	}
	return err
}

// broken tells of an import in batches that came to no good end how much of it is in.
func (i *importing) broken(err error) error {
	why := *refusal.Of(err)
	why.Text = fmt.Sprintf("%s; %d rows were imported before", why.Text, i.done.rows)
	why.Facts += fmt.Sprintf(`,"rows":%d,"skipped":%d`, i.done.rows, i.done.skipped)
	return &why
}
