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
// Before SQL takes a row from under its key, the row's chain is set aside in the table
// of the deleted; after it, the row that is there then adopts the chain, or it is buried.
// A client's triggers run between ours, and may do anything to any row, this one
// included. So each statement looks at what is there, and numbers are read where they
// are written; and since RAISE(FAIL) may end any statement that a trigger of theirs hangs
// on, without taking back what was done, the row comes last. A version of -1, or of -2
// for a chain with an open gap, marks a chain that is set aside. It is out of date, and
// harmless, if its row was left as it was after all.

const (
	// triggerNow is the time in ms.
	triggerNow = `CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)`
	// take takes numbers of the sequence; taken is the last of them.
	tick  = `UPDATE _urlite_meta SET value = max(value, ` + triggerNow + `) WHERE name = 'clock';`
	take  = `UPDATE _urlite_meta SET value = value + 1 WHERE name = 'sequence';`
	take2 = `UPDATE _urlite_meta SET value = value + 2 WHERE name = 'sequence';`
	taken = `(SELECT value FROM _urlite_meta WHERE name = 'sequence')`
	// clock is the time of an entry: that of the one before it, if time went back since.
	clock = `(SELECT value FROM _urlite_meta WHERE name = 'clock')`

	// hasChain holds for a row whose head is an entry of its key. One that SQL moved or
	// copied here has the head of another.
	hasChain = `r.head <> 0 AND EXISTS (SELECT 1 FROM "$table_history" AS h WHERE h.id = r.head AND h.key = r.key)`
	// uncount says that nobody knows how many rows there are.
	uncount = `
		UPDATE _urlite_tables SET rows = NULL WHERE name = '$table' AND rows IS NOT NULL;`

	rowThere = `EXISTS (SELECT 1 FROM "$table" WHERE key = $key)`
	chainSet = `EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = $key)`
)

// asideWithoutGap is the version of a chain that is set aside with its latest entry told.
const asideWithoutGap = -1

const (
	// setAside keeps the chain of the row of $key, unless what is kept is further on.
	// It deletes first: the conflict clause of the outer statement would count for an
	// INSERT OR REPLACE.
	setAside = `
		DELETE FROM "_urlite_$table_deleted" WHERE key = $key AND op_number <=
			(SELECT r.op_number FROM "$table" AS r WHERE r.key = $key AND ` + hasChain + `);
		INSERT INTO "_urlite_$table_deleted"(key, updated_at, version, op_number, head)
			SELECT r.key, 0, CASE (SELECT op FROM "$table_history" WHERE id = r.head AND r.version <> r.head) WHEN 11 THEN -2 ELSE -1 END, r.op_number, r.head
			FROM "$table" AS r WHERE r.key = $key AND ` + hasChain + ` AND NOT ` + chainSet + `;`

	// openGap writes the UNRECORDED entry of a chain that was set aside. The entry
	// before it is remembered in updated_at.
	openGap = `
		` + tick + `
		INSERT INTO "$table_history"(id, key, op_number, op, at, prev)
			SELECT d.head, d.key, d.op_number, 11, ` + clock + `, d.updated_at FROM "_urlite_$table_deleted" AS d
			WHERE d.key = $key AND d.version = -2 AND d.updated_at <> 0 AND NOT EXISTS (SELECT 1 FROM "$table_history" WHERE id = d.head);`

	// reopen takes back the end of a gap that goes on, which our sweep may just have told.
	reopen = `
		UPDATE "$table_history" SET arg = NULL, content_type = NULL, expire_at = NULL, value = NULL
			WHERE id = (SELECT head FROM "_urlite_$table_deleted" WHERE key = $key AND version = -2) AND op = 11;`

	// adopt gives the row of $key a new version, and the chain that its key has.
	adopt = `
		` + take + `
		UPDATE "_urlite_$table_deleted" SET updated_at = head, head = ` + taken + `, op_number = op_number + 1, version = -2
			WHERE key = $key AND (version = -1 OR version = head) AND ` + rowThere + `;` + openGap + reopen + take + `
		UPDATE "$table" SET version = ` + taken + `,
			op_number = coalesce((SELECT op_number FROM "_urlite_$table_deleted" WHERE key = $key), 0),
			head = coalesce((SELECT head FROM "_urlite_$table_deleted" WHERE key = $key), 0)
			WHERE key = $key AND (` + chainSet + ` OR NOT EXISTS (SELECT 1 FROM "$table" AS r WHERE r.key = $key AND ` + hasChain + `));
		DELETE FROM "_urlite_$table_deleted" WHERE key = $key AND head = (SELECT head FROM "$table" WHERE key = $key);`

	// bury leaves the chain of $key to those of deleted keys, if there is no row.
	bury = `
		` + take2 + `
		UPDATE "_urlite_$table_deleted" SET updated_at = head, head = ` + taken + ` - 1, op_number = op_number + 1, version = -2
			WHERE key = $key AND version = -1 AND NOT ` + rowThere + `;` + openGap + reopen + `
		UPDATE "_urlite_$table_deleted" SET version = ` + taken + `, updated_at = ` + triggerNow + `
			WHERE key = $key AND version < 0 AND NOT ` + rowThere + `;`
)

const (
	// unseen is a row that still has the version that the statement left it with. If it
	// has it when we are done, a client's trigger has kept ours from its work: then the
	// statement fails, since nobody would notice what it did.
	unseen     = `"$table" AS r WHERE r.key = NEW.key AND r.version = NEW.version`
	mustBeSeen = `
		SELECT RAISE(ABORT, 'a trigger kept the row from being written') FROM ` + unseen + `;`

	// findChain finds a chain again that is not set aside any more: a client's trigger
	// has changed the row just before it was deleted, and so left it with an open gap.
	findChain = `
		INSERT INTO "_urlite_$table_deleted"(key, updated_at, version, op_number, head)
			SELECT h.key, 0, -2, h.op_number, h.id FROM "$table_history" AS h WHERE h.key = OLD.key AND h.id >= OLD.head
			AND EXISTS (SELECT 1 FROM "$table_history" WHERE id = OLD.head AND key = OLD.key)
			AND NOT EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = OLD.key) ORDER BY h.id DESC LIMIT 1;`
)

// trigger is one of a KV table. Some are only needed among a client's: our own writes
// pay for each that there is.
type trigger struct {
	name, when, body string
	among            bool
}

func (t *trigger) isBefore() bool { return strings.HasPrefix(t.when, "BEFORE") }

// triggers are by name, below the table's own. Rows that are ours are written with their
// version, which is never 0, and deleted when their chain is among the deleted.
//
// A trigger does not run within itself, and what a client's trigger does when ours
// updates a row may be for it, too. So the likely ones are then there twice. They don't
// run for their own updates, which change none of the columns that they are on.
var triggers = func() []trigger {
	const (
		inserted = `AFTER INSERT ON "$table" WHEN NEW.version = 0 AND (EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = NEW.key)
			OR EXISTS (SELECT 1 FROM ` + unseen + `))`
		updated = `AFTER UPDATE OF key, content_type, created_at, updated_at, expire_at, value ON "$table"
			WHEN NEW.version = OLD.version AND NEW.key = OLD.key AND EXISTS (SELECT 1 FROM ` + unseen + `)`
		moved = `AFTER UPDATE OF key ON "$table" WHEN NEW.key <> OLD.key AND (EXISTS (SELECT 1 FROM ` + unseen + `)
			OR EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = OLD.key AND version < 0))`
	)
	of := func(key, sql string) string { return strings.ReplaceAll(sql, "$key", key) }
	return []trigger{
		{name: "replacing", when: `BEFORE INSERT ON "$table" WHEN NEW.version = 0 AND EXISTS (SELECT 1 FROM "$table" WHERE key = NEW.key AND head <> 0)`, body: of("NEW.key", setAside)},
		{name: "inserted", when: inserted, body: uncount + of("NEW.key", adopt) + mustBeSeen},
		{name: "inserted_again", when: inserted, body: of("NEW.key", adopt) + mustBeSeen, among: true},
		{name: "updated", when: updated, body: of("NEW.key", setAside+adopt) + mustBeSeen},
		{name: "updated_again", when: updated, body: of("NEW.key", setAside+adopt) + mustBeSeen, among: true},
		{name: "leaving", when: `BEFORE DELETE ON "$table" WHEN OLD.head <> 0
			AND NOT EXISTS (SELECT 1 FROM "_urlite_$table_deleted" WHERE key = OLD.key AND version >= 0)`, body: of("OLD.key", setAside)},
		{name: "deleted", when: `AFTER DELETE ON "$table" WHEN coalesce((SELECT version FROM "_urlite_$table_deleted" WHERE key = OLD.key), -OLD.head) < 0
			AND NOT ` + of("OLD.key", rowThere), body: uncount + findChain + of("OLD.key", bury)},
		{name: "moving", when: `BEFORE UPDATE OF key ON "$table" WHEN NEW.key <> OLD.key`,
			body: of("OLD.key", setAside) + of("NEW.key", setAside)},
		{name: "moved", when: moved, body: uncount + of("OLD.key", bury) + of("NEW.key", adopt) + mustBeSeen},
		{name: "moved_again", when: moved, body: of("OLD.key", bury) + of("NEW.key", adopt) + mustBeSeen, among: true},
	}
}()

// text is what the file's schema says of the trigger if it is as we made it.
func (t *trigger) text(table string) string {
	return forTable(`CREATE TRIGGER "_urlite_$table_`+t.name+`" `+t.when+` BEGIN`+t.body+` END`, table)
}

// found is what a KV table has for triggers.
type found struct {
	// right are those of ours that may stay if others are made anew, by text; wrong
	// those that may not, by name.
	right map[string]bool
	wrong []string
	// among says that a client has some, on the table or on its history.
	among bool
	state triggerState
}

// triggerState is how a KV table stands with its triggers.
type triggerState uint8

const (
	triggersMissing triggerState = iota // one is, or is another than ours
	triggersBehind                      // they are right but for a client's
	triggersReady
)

// findTriggers looks at the triggers of a table. The latest run first, among those
// before a change and among those after it. Ours before it should be the last to look,
// so they stay where they are; ours after it have to be the first, since a client's may
// change the row again, or end its statement with RAISE(IGNORE).
func findTriggers(conn *sqlite.Conn, table string) (f found, err error) {
	stmt, _, err := conn.PrepareTransient(`SELECT name, sql, tbl_name = ?1 COLLATE NOCASE FROM main.sqlite_master
		WHERE type = 'trigger' AND (tbl_name = ?1 COLLATE NOCASE OR tbl_name = ?1 || '_history' COLLATE NOCASE) ORDER BY rowid`)
	if err != nil {
		return f, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, table)
	f.right = map[string]bool{}
	missing := map[string]*trigger{}
	for i := range triggers {
		missing[triggers[i].text(table)] = &triggers[i]
	}
	strange, behind := false, false
	for {
		row, err := stmt.Step()
		if err != nil {
			return f, err
		}
		if !row {
			break
		}
		name, text, onTable := stmt.ColumnText(0), stmt.ColumnText(1), stmt.ColumnInt(2) != 0
		t := missing[text]
		delete(missing, text)
		switch {
		case !onTable || !isOwn(name):
			f.among, behind = true, behind || (onTable && len(f.wrong) > 0)
		case t != nil && t.isBefore():
			f.right[text] = true
		default:
			f.wrong, strange = append(f.wrong, name), strange || t == nil
		}
	}
	for _, t := range missing {
		strange, behind = strange || !t.among, behind || f.among
	}
	switch {
	case strange:
		f.state = triggersMissing
	case behind:
		f.state = triggersBehind
	default:
		f.state = triggersReady
	}
	return f, nil
}

// createTriggers makes the triggers of a KV table anew. One of the name may be left on
// a table that was renamed, and others on this one if it was.
func createTriggers(conn *sqlite.Conn, table string) error {
	f, err := findTriggers(conn, table)
	if err != nil {
		return err
	}
	if err := dropTriggers(conn, f.wrong); err != nil {
		return err
	}
	for i := range triggers {
		t := &triggers[i]
		text := t.text(table)
		if f.right[text] || (t.among && !f.among) {
			continue
		}
		if err := run(conn, forTable(`DROP TRIGGER IF EXISTS main."_urlite_$table_`+t.name+`"`, table),
			strings.Replace(text, "CREATE TRIGGER ", "CREATE TRIGGER main.", 1)); err != nil {
			return err
		}
	}
	return nil
}

func dropTriggers(conn *sqlite.Conn, names []string) error {
	for _, name := range names {
		if err := run(conn, `DROP TRIGGER main."`+strings.ReplaceAll(name, `"`, `""`)+`"`); err != nil {
			return err
		}
	}
	return nil
}

// dropStrayTriggers drops those with a name of ours that are on no KV table: on one that
// was renamed, or in a file that somebody made to have the rights that the name gives.
func dropStrayTriggers(conn *sqlite.Conn) error {
	stmt, _, err := conn.PrepareTransient(`SELECT name FROM main.sqlite_master AS t WHERE type = 'trigger' AND name LIKE '\_urlite%' ESCAPE '\'
		AND NOT EXISTS (SELECT 1 FROM main.sqlite_master WHERE type = 'table' AND name = '_urlite_' || t.tbl_name || '_deleted' COLLATE NOCASE)`)
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	var names []string
	for {
		row, err := stmt.Step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		names = append(names, stmt.ColumnText(0))
	}
	return dropTriggers(conn, names)
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

// What SQL did to a table without our triggers, nobody has noticed: it may have been
// dropped, renamed, or copied together. Then rows may have heads of another table's
// history, and history be of rows that are gone. It is told by what is left of ours.
const (
	forgetStrangeHeads = `UPDATE main."$table" SET head = 0, op_number = 0 WHERE head <> 0 AND NOT EXISTS
		(SELECT 1 FROM main."$table_history" AS h WHERE h.id = head AND h.key = "$table".key AND h.op_number = "$table".op_number)`
	// Rows that SQL has inserted have no version yet; they share one.
	nameStrangers    = `UPDATE main._urlite_meta SET value = value + 1 WHERE name = 'sequence' AND EXISTS (SELECT 1 FROM main."$table" WHERE version = 0)`
	versionStrangers = `UPDATE main."$table" SET version = (SELECT value FROM main._urlite_meta WHERE name = 'sequence') WHERE version = 0`

	forgetStrangeChains = `DELETE FROM main."_urlite_$table_deleted" WHERE version < 0 OR key IN (SELECT key FROM main."$table") OR NOT EXISTS
		(SELECT 1 FROM main."$table_history" AS h WHERE h.id = head AND h.key = "_urlite_$table_deleted".key)`
	forgetStrangePast = `DELETE FROM main."$table_history" WHERE id IN (SELECT h.id FROM main."$table_history" AS h LEFT JOIN
		(SELECT key, head FROM main."$table" WHERE head <> 0 UNION ALL SELECT key, head FROM main."_urlite_$table_deleted") AS c
		ON c.key = h.key WHERE c.head IS NULL OR h.id > c.head)`
)

// forgetStrangers makes rows and history of a table agree before its triggers watch over
// them. known says that its history is ours, and not a table that happens to have the
// name. A table that was dropped takes its past along.
func forgetStrangers(conn *sqlite.Conn, table string, state tableState, known bool) error {
	defer setTriggers(conn, setTriggers(conn, false)) // nobody's trigger runs for it
	statements := []string{nameStrangers, versionStrangers, forgetStrangeHeads, forgetStrangeChains, forgetStrangePast}
	if state == tableMissing {
		statements = []string{`DELETE FROM main."_urlite_$table_undone"`, `DELETE FROM main."_urlite_$table_chunks"`, `DELETE FROM main."_urlite_$table_states"`,
			`DELETE FROM main."_urlite_$table_deleted"`, `DELETE FROM main."$table_history"`}
	}
	if !known {
		statements = statements[:len(statements)-1]
	}
	for _, sql := range statements {
		if err := run(conn, forTable(sql, table)); err != nil {
			return err
		}
	}
	return nil
}
