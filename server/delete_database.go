package server

// deleteDatabase removes a database file and those beside it.
func deleteDatabase(q *request) error {
	if err := q.takesNothing(); err != nil {
		return err
	}
	name, err := q.databaseName()
	if err != nil {
		return err
	}
	files, err := q.server.catalog.Remove(name, q.timeout())
	if err != nil {
		return err
	}
	q.begin()
	q.text("message", "Database deleted")
	q.text("path", name)
	q.number("files_removed", int64(files))
	q.end()
	return nil
}

// databaseName is a copy of the name of the request's database, for what outlives the
// request's memory or opens nothing.
func (q *request) databaseName() (string, error) {
	name := string(q.argument("db"))
	if name == "" {
		return "", errNoDatabase
	}
	return name, nil
}
