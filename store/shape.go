package store

// Shape is what whoever writes rows needs to know of a table.
type Shape struct {
	// IsView says that it is one.
	IsView bool
	// Columns are the names of those that can be written, and Types how they were declared.
	Columns, Types []string
}

// Shape describes a table or view; nil if there is none of that name, which may be lent.
func (r *ReadConn) Shape(name string) (*Shape, error) {
	var shape *Shape
	err := r.Snapshot(func() error {
		found, err := shapeOf(r, name)
		shape = found
		return refuse(r.conn, err)
	})
	return shape, err
}

func shapeOf(r *ReadConn, name string) (*Shape, error) {
	// Generated columns are hidden ones of the kinds 2 and 3; those of virtual tables, 1.
	const columns = "SELECT name, type FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0 ORDER BY cid"
	stmt, _, err := r.conn.PrepareTransient(columns)
	if err != nil {
		return nil, err
	}
	defer stmt.Finalize()
	bindText(stmt, 1, name)
	found := &Shape{}
	for {
		row, err := stmt.Step()
		if err != nil {
			return nil, err
		}
		if !row {
			break
		}
		found.Columns = append(found.Columns, string(columnBytes(stmt, 0)))
		found.Types = append(found.Types, string(columnBytes(stmt, 1)))
	}
	if len(found.Columns) == 0 {
		return nil, nil
	}
	found.IsView, err = isView(r.conn, name)
	return found, err
}
