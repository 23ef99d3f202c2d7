package sqltx

import (
	"strconv"

	"github.com/urlite/urlite/internal/jsontext"
)

// Columns are the names of a result's columns, encoded once, so that a row costs its
// values and no memory of its own. They may be set anew for the next result.
type Columns struct {
	// names holds `"name":` of one column after the other; ends[i] is where column i
	// ends in it.
	names []byte
	ends  []int
	taken DistinctNames
}

// Set takes the names of the columns of the rows to come.
func (c *Columns) Set(names []string) {
	c.names, c.ends = c.names[:0], c.ends[:0]
	for _, name := range names {
		c.names = jsontext.AppendString(c.names, c.taken.Next(name))
		c.names = append(c.names, ':')
		c.ends = append(c.ends, len(c.names))
	}
	c.taken.Reset()
}

// AppendList appends the names as a list of JSON.
func (c *Columns) AppendList(dst []byte) []byte {
	dst = append(dst, '[')
	start := 0
	for i, end := range c.ends {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, c.names[start:end-1]...)
		start = end
	}
	return append(dst, ']')
}

// AppendObject appends a row of as many values as there are columns as an object of
// JSON. With wrapBlobs a blob is {"value_base64":…} instead of a bare string.
func (c *Columns) AppendObject(dst []byte, values []Value, wrapBlobs bool) []byte {
	dst = append(dst, '{')
	start := 0
	for i := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		end := c.ends[i]
		dst = append(dst, c.names[start:end]...)
		dst = appendValue(dst, &values[i], wrapBlobs)
		start = end
	}
	return append(dst, '}')
}

// reset lets go of memory too large to keep.
func (c *Columns) reset() {
	if cap(c.names) > keepBytesMax {
		c.names = nil
	}
}

// DistinctNames tells columns of one name apart. It is empty between results.
type DistinctNames struct {
	// taken counts how often a name occurred.
	taken map[string]int
}

// Next returns name the first time, then name:2, name:3 and so on, past those that are
// the names of columns before it.
func (d *DistinctNames) Next(name string) string {
	if d.taken == nil {
		d.taken = map[string]int{}
	}
	count, again := d.taken[name]
	if !again {
		d.taken[name] = 1
		return name
	}
	for {
		count++
		candidate := name + ":" + strconv.Itoa(count)
		if _, again = d.taken[candidate]; !again {
			d.taken[name] = count
			d.taken[candidate] = 1
			return candidate
		}
	}
}

// Reset begins a result anew.
func (d *DistinctNames) Reset() { clear(d.taken) }
