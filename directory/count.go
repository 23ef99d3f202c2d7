package directory

import (
	"context"
	"os"
)

// Count counts the keys that begin with prefix, and stops at max.
func (f *Folder) Count(ctx context.Context, prefix string, max int) (int, error) {
	c := &counting{walk: walk{folder: f, ctx: ctx}, max: max}
	if err := c.start(span{prefix: prefix}, c.count); err != nil && err != errEnough {
		return 0, err
	}
	return c.found, nil
}

type counting struct {
	walk
	found, max int
}

// count needs no order, and so reads each folder only once.
func (c *counting) count(dir *os.Root, path string, span span) error {
	return c.entries(dir, &window{span: span}, func(e entry) error {
		switch {
		case c.found >= c.max:
			return errEnough
		case e.folder:
			return c.descend(dir, path, e.order, span, c.count)
		case checkKey(path+e.order, &c.folder.limits) == nil:
			c.found++
		}
		return nil
	})
}
