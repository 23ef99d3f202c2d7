package directory

import (
	"context"
	"os"
	"slices"
	"strings"
)

// walk goes through a tree of folders, within one call.
type walk struct {
	folder *Folder
	ctx    context.Context
	depth  int // of the folder it is in
}

// visit is what a walk does with a folder whose keys begin with path. The span is
// which of them are wanted, and knows them without the path.
type visit func(dir *os.Root, path string, span span) error

// start visits the innermost folder that holds all keys of the span.
func (w *walk) start(span span, do visit) error {
	dir, _, err := w.folder.reach(w.folder.base, enter)
	if err != nil {
		return passOver(err)
	}
	defer func() { w.folder.leave(dir) }()
	path := ""
	for {
		name, _, deeper := strings.Cut(span.prefix, "/")
		if !deeper {
			return do(dir, path, span)
		}
		order := name + "/"
		if w.depth == foldersMax || !canBeSegment(name) || !span.admits(order, true) {
			return nil
		}
		next, err := enter(dir, name)
		if err != nil {
			return passOver(err)
		}
		w.folder.leave(dir)
		w.depth++
		dir, path, span = next, path+order, span.within(order)
	}
}

// descend visits a folder in dir; order is its name with a slash.
func (w *walk) descend(dir *os.Root, path, order string, span span, do visit) error {
	if w.depth == foldersMax {
		return nil
	}
	name := strings.TrimSuffix(order, "/")
	info, err := lstat(dir, name)
	if err != nil {
		return passOver(err)
	}
	folder, err := openFolder(dir, name, info)
	if err != nil {
		return passOver(err)
	}
	defer folder.Close()
	w.depth++
	defer func() { w.depth-- }()
	return do(folder, path+order, span.within(order))
}

// entry is a file or folder in a folder.
type entry struct {
	// order is the name, and for a folder a slash. Sorted by it, all keys that lie
	// under one entry come before all that lie under the next.
	order      string
	folder     bool
	modifiedAt int64 // Unix milliseconds
	state      state
}

// entries calls do for what lies in dir within the window, in no order, until it
// returns an error.
func (w *walk) entries(dir *os.Root, window *window, do func(entry) error) error {
	err := eachNames(dir, func(names []string) error {
		for _, name := range names {
			// Most can be told by the name alone, which costs no system call.
			if !canBeSegment(name) || !window.has(name, false) && !window.has(name+"/", true) {
				continue
			}
			entry, ok, err := entryOf(dir, name)
			if err != nil {
				return err
			}
			if !ok || !window.has(entry.order, entry.folder) {
				continue
			}
			if err := do(entry); err != nil {
				return err
			}
		}
		if w.ctx.Err() != nil {
			return errTimedOut
		}
		return nil
	})
	if w.depth > 0 {
		return passOver(err)
	}
	return err // the directory itself has to be readable
}

// entryOf answers what lies under name; not ok is what is neither a folder nor a file,
// or is gone.
func entryOf(dir *os.Root, name string) (e entry, ok bool, err error) {
	info, err := lstat(dir, name)
	switch {
	case err != nil:
		return e, false, passOver(err)
	case info.IsDir():
		return entry{order: name + "/", folder: true}, true, nil
	case info.Mode().IsRegular():
		return entry{order: name, modifiedAt: info.ModTime().UnixMilli(), state: stateOf(info)}, true, nil
	}
	return e, false, nil
}

// first answers the first entries of dir in the span's order that come after last,
// or the very first if that is "", up to held, and whether there are more.
func (w *walk) first(dir *os.Root, span span, last string, held int) (batch []entry, more bool, err error) {
	window := window{span: span, last: last}
	cut := func() {
		slices.SortFunc(batch, func(a, b entry) int { return span.compare(a.order, b.order) })
		if len(batch) > held {
			clear(batch[held:]) // lets go of the names
			batch, more = batch[:held], true
			window.bound = batch[held-1].order
		}
	}
	err = w.entries(dir, &window, func(e entry) error {
		if len(batch) == 2*held {
			cut()
		}
		batch = append(batch, e)
		return nil
	})
	cut()
	return batch, more, err
}

// passOver makes nothing of what is only in the way.
func passOver(err error) error {
	if err != nil && isObstacle(err) {
		return nil
	}
	return err
}
