package store

// Shape is what whoever writes rows needs to know of a table.
type Shape struct {
	// IsView says that it is a view, which has no columns that can be written.
	IsView bool
	// Columns are the names of those that can be written, and Types how they were declared.
	Columns, Types []string
}

// Shape describes a table or view; nil if there is none of that name, which may be lent.
func (r *ReadConn) Shape(name string) (shape *Shape, err error) {
	err = r.Snapshot(func() (err error) {
		shape, err = r.shape(name)
		return err
	})
	return shape, err
}

func (r *ReadConn) shape(name string) (*Shape, error) {
	if view, err := isView(r.conn, name); err != nil || view {
		return &Shape{IsView: view}, refuse(r.conn, err)
	}
	columns, err := r.Columns(name)
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	shape := &Shape{}
	for i := range columns {
		if c := &columns[i]; c.Hidden == 0 {
			shape.Columns, shape.Types = append(shape.Columns, c.Name), append(shape.Types, c.Type)
		}
	}
	return shape, nil
}
