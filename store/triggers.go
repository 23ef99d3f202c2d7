package store

import (
	"strings"

	"crawshaw.io/sqlite"
)

// Triggers notice the rows that plain SQL changes, from whatever program: such a row
// gets a version of its own, so that its ETag is another, and its chain an UNRECORDED
// entry, so that history does not claim what it did not see. Our own writes give a
// row a new version themselves, which is how a trigger tells them apart
// (docs/decisions/0007-triggers.md).
//
// Where SQL takes a row away, its chain has to outlive it in the table of the deleted.
// There a version of -1, or of -2 for a chain with an open gap, marks a chain that is
// set aside while its row may be about to be replaced.

const (
	// triggerNow is the time in ms.
	triggerNow = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
	// takeNumbers takes two numbers of the sequence: entryNumber and rowNumber.
	takeNumbers = `UPDATE _urlite_meta SET value = value + 2 WHERE name = 'sequence';`
	rowNumber   = `(SELECT value FROM _urlite_meta WHERE name = 'sequence')`
	entryNumber = `(SELECT value - 1 FROM _urlite_meta WHERE name = 'sequence')`
)

// triggers are by name, below the table's own.
var triggers = []struct{ name, body string }{
	// Rows that are ours are written with their version, which is never 0.
	{"replacing", `BEFORE INSERT ON "$table" WHEN NEW.version = 0
		AND EXISTS (SELECT 1 FROM "$table" WHERE key = NEW.key AND head <> 0) BEGIN ` + setAside + ` END`},
	{"inserted", `AFTER INSERT ON "$table" WHEN NEW.version = 0 BEGIN ` + takeNumbers + takeOver + ` END`},
	{"updated", `AFTER UPDATE ON "$table" WHEN NEW.version = OLD.version AND NEW.key = OLD.key BEGIN ` + takeNumbers + `
		INSERT INTO "$table_history"(id, key, op_number, op, at, prev)
			SELECT ` + entryNumber + `, NEW.key, NEW.op_number + 1, 11, ` + triggerNow + `, NEW.head WHERE NEW.head <> 0 AND NEW.version = NEW.head;
		UPDATE "$table" SET version = ` + rowNumber + `,
			op_number = op_number + (NEW.head <> 0 AND NEW.version = NEW.head),
			head = CASE WHEN NEW.head <> 0 AND NEW.version = NEW.head THEN ` + entryNumber + ` ELSE head END
			WHERE key = NEW.key;
		DELETE FROM "_urlite_$table_deleted" WHERE key = NEW.key; END`},
	{"deleted", `AFTER DELETE ON "$table" WHEN OLD.head <> 0
		AND NOT EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = OLD.key AND version >= 0) BEGIN ` + takeNumbers + bury + ` END`},
	{"moving", `BEFORE UPDATE OF key ON "$table" WHEN NEW.key <> OLD.key
		AND EXISTS (SELECT 1 FROM "$table" WHERE key = NEW.key AND head <> 0) BEGIN ` + setAside + ` END`},
	{"moved", `AFTER UPDATE OF key ON "$table" WHEN NEW.key <> OLD.key BEGIN ` + takeNumbers + takeOver + `
		` + takeNumbers + bury + ` END`},
}

const (
	// setAside keeps the chain of the row that may be replaced. It deletes first: the
	// conflict clause of the outer statement would count for an INSERT OR REPLACE.
	setAside = `DELETE FROM "_urlite_$table_deleted" WHERE key = NEW.key;
		INSERT INTO "_urlite_$table_deleted"(key, updated_at, version, op_number, head)
			SELECT key, updated_at, CASE WHEN version = head THEN -1 ELSE -2 END, op_number, head FROM "$table" WHERE key = NEW.key;`
	// takeOver lets a row go on with the chain that its key has among the deleted.
	takeOver = `
		INSERT INTO "$table_history"(id, key, op_number, op, at, prev)
			SELECT ` + entryNumber + `, key, op_number + 1, 11, ` + triggerNow + `, head
			FROM "_urlite_$table_deleted" WHERE key = NEW.key AND version IN (-1, head);
		UPDATE "$table" SET version = ` + rowNumber + `,
			op_number = coalesce((SELECT op_number + (version IN (-1, head)) FROM "_urlite_$table_deleted" WHERE key = NEW.key), 0),
			head = coalesce((SELECT CASE WHEN version IN (-1, head) THEN ` + entryNumber + ` ELSE head END FROM "_urlite_$table_deleted" WHERE key = NEW.key), 0)
			WHERE key = NEW.key;
		DELETE FROM "_urlite_$table_deleted" WHERE key = NEW.key;`
	// bury keeps the chain of a row that is gone.
	bury = `
		INSERT INTO "$table_history"(id, key, op_number, op, at, prev)
			SELECT ` + entryNumber + `, OLD.key, OLD.op_number + 1, 11, ` + triggerNow + `, OLD.head WHERE OLD.head <> 0 AND OLD.version = OLD.head;
		DELETE FROM "_urlite_$table_deleted" WHERE key = OLD.key;
		INSERT INTO "_urlite_$table_deleted"(key, updated_at, version, op_number, head)
			SELECT OLD.key, ` + triggerNow + `, ` + rowNumber + `, OLD.op_number + (OLD.version = OLD.head),
				CASE WHEN OLD.version = OLD.head THEN ` + entryNumber + ` ELSE OLD.head END WHERE OLD.head <> 0;`
)

// createTriggers makes the triggers of a KV table anew: one of the name may be left on
// a table that was renamed.
func createTriggers(conn *sqlite.Conn, table string) error {
	for _, t := range triggers {
		name := `main."_urlite_$table_` + t.name + `"`
		if err := run(conn, forTable("DROP TRIGGER IF EXISTS "+name, table), forTable("CREATE TRIGGER "+name+" "+t.body, table)); err != nil {
			return err
		}
	}
	return nil
}

// hasTriggers tells whether the table has them all.
func hasTriggers(conn *sqlite.Conn, table string) (bool, error) {
	stmt, _, err := conn.PrepareTransient(`SELECT count(*) FROM main.sqlite_master
		WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE AND name GLOB '_urlite_*'`)
	if err != nil {
		return false, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	if _, err := stmt.Step(); err != nil {
		return false, err
	}
	return stmt.ColumnInt(0) == len(triggers), nil
}

// isOwnTrigger tells whether the authorizer is asked on behalf of one of them. They may
// write what their author may not.
func isOwnTrigger(name string) bool {
	if !isOwn(name) {
		return false
	}
	for _, t := range triggers {
		if strings.HasSuffix(name, "_"+t.name) {
			return true
		}
	}
	return false
}
