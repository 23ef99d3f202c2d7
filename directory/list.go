package directory

import (
	"context"
	"os"

	"github.com/urlite/urlite/refusal"
)

// Page is which keys to list.
type Page struct {
	// Prefix is what the keys begin with, byte for byte.
	Prefix string
	// After is the key to go on after, in the order of the list; "" for the first.
	After string
	// Limit bounds the keys in the page, Offset is how many are left out before.
	Limit, Offset int
	// Reverse begins with the last key.
	Reverse bool
}

// Listed is a key of a list. It is lent to the function that is called with it.
type Listed struct {
	Key, ContentType string
	// Size is in bytes, ModifiedAt in Unix milliseconds; Version is that of File.
	Size, ModifiedAt, Version int64
}

var errTimedOut = refusal.New(refusal.RequestTimeout, "the request timed out while it listed the directory")

// List calls each for the keys of a page, in the order of their bytes, and reports
// whether there are more. The order is not that of a tree: a.txt comes before a/b,
// as a dot comes before a slash. Only folders are entered that can hold keys of the
// page; what is held in memory does not grow with the tree.
//
// A list is no snapshot: a key that is written or removed meanwhile may be in it or
// not. Folders that the server may not read are passed over.
func (f *Folder) List(ctx context.Context, page *Page, each func(*Listed)) (more bool, err error) {
	if page.Limit <= 0 {
		return false, nil
	}
	l := &listing{walk: walk{folder: f, ctx: ctx}, skip: page.Offset, left: page.Limit, each: each}
	span := span{prefix: page.Prefix, edge: page.After, edged: page.After != "", reverse: page.Reverse}
	err = l.start(span, l.list)
	return l.more, err
}

// listing is a list under way.
type listing struct {
	walk
	skip, left int
	more       bool
	each       func(*Listed)
	item       Listed
}

// list takes the keys of dir, whose own keys begin with path, in order.
func (l *listing) list(dir *os.Root, path string, span span) error {
	last := ""
	// As many as the page may need. A folder that has to be read again, because most of
	// what was held are folders without keys, is read in larger steps.
	held := max(l.skip+l.left+1, entriesHeldMin)
	for ; ; held *= 2 {
		held = min(held, l.folder.entriesHeld)
		batch, more, err := l.first(dir, span, last, held)
		if err != nil {
			return err
		}
		for i := range batch {
			entry := &batch[i]
			last = entry.order
			if entry.folder {
				err = l.descend(dir, path, entry.order, span, l.list)
			} else {
				l.take(path, entry)
			}
			if l.more || err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// take is called with one key after another.
func (l *listing) take(path string, entry *entry) {
	key := path + entry.order
	switch {
	case checkKey(key, &l.folder.limits) != nil:
	case l.skip > 0:
		l.skip--
	case l.left == 0:
		l.more = true
	default:
		l.left--
		l.item = Listed{
			Key:         key,
			ContentType: ContentType(key),
			Size:        entry.state.size,
			ModifiedAt:  entry.modifiedAt,
			Version:     entry.state.version(),
		}
		l.each(&l.item)
	}
}
