package past

// Page is which keys of a table to tell about.
type Page struct {
	Prefix string
	After  string // the key after which to begin, if not empty
	Offset int    // how many to pass over
	Limit  int    // negative: all
	Values bool
	// Counted says that the total is wanted.
	Counted bool
}

// Found is a key that was there, with its state. Size is that of the value, which is
// only told if the page asks for it. Of keys that have not changed since, At is 0.
type Found struct {
	Key  string
	Size int64
	*State
}

// Snapshot tells what the table was at the moment until: it hands each key of the page
// that was there to each, in the order of their bytes, and each key that it looked at and
// can't tell about to gap. total, if wanted, is how many keys were there that can be told
// about, on any page. A moment before the horizon is refused.
//
// It looks at the page, and at every key that changed since the moment: up to the end of
// the page, or all of them if the total is wanted.
func (t *Table) Snapshot(until int64, page *Page, each func(*Found) error, gap func(key string)) (total int64, err error) {
	if err := t.withinHorizon(until); err != nil {
		return 0, err
	}
	s := snapshot{t: t, until: until, page: page, each: each, gap: gap}
	s.found.State = &s.state
	if s.full() && !page.Counted {
		return 0, nil
	}
	if err := s.merge(); err != nil || !page.Counted {
		return 0, err
	}
	rows, err := t.source.Count(page.Prefix, until)
	return rows + s.correction, err
}

// snapshot is a walk over a table as it was: over the rows that are there now, and the
// keys that may have been something else.
type snapshot struct {
	t     *Table
	until int64
	page  *Page
	each  func(*Found) error
	gap   func(key string)

	passed, handed int
	// correction is by how many keys the count of the rows now is wrong.
	correction int64

	found Found
	state State
}

// full says that the page needs no more keys.
func (s *snapshot) full() bool { return s.page.Limit >= 0 && s.handed >= s.page.Limit }

// merge hands out the page, and then looks at what is left to be counted.
func (s *snapshot) merge() error {
	changed, err := s.changed()
	if err != nil {
		return err
	}
	defer changed.Close()
	key, isKey, err := changed.Next()
	if err != nil {
		return err
	}
	if !s.full() {
		if key, isKey, err = s.mergeRows(changed, key, isKey); err != nil {
			return err
		}
	}
	for s.page.Counted && isKey {
		if err := s.look(key); err != nil {
			return err
		}
		if key, isKey, err = changed.Next(); err != nil {
			return err
		}
	}
	return nil
}

// changed are the keys to be asked one by one. For the total, those before the page are
// among them.
func (s *snapshot) changed() (Keys, error) {
	span, err := s.t.since(s.until)
	if err != nil {
		return nil, err
	}
	if span.Prefix = s.page.Prefix; !s.page.Counted {
		span.After = s.page.After
	}
	return s.t.source.Changed(&span)
}

// mergeRows walks over both in the order of their keys until the page is full, and
// answers the changed key that it has not looked at.
func (s *snapshot) mergeRows(changed Keys, key *ChangedKey, isKey bool) (_ *ChangedKey, _ bool, err error) {
	rows, err := s.t.source.Rows(&Walk{Prefix: s.page.Prefix, After: s.page.After, Values: s.page.Values})
	if err != nil {
		return key, isKey, err
	}
	defer rows.Close()
	row, isRow, err := rows.Next()
	for err == nil && !s.full() && (isKey || isRow) {
		if isRow && (!isKey || row.Key < key.Key) {
			if err = s.tellRow(row); err == nil {
				row, isRow, err = rows.Next()
			}
			continue
		}
		same := isRow && row.Key == key.Key
		if err = s.look(key); err != nil {
			break
		}
		if same {
			if row, isRow, err = rows.Next(); err != nil {
				break
			}
		}
		key, isKey, err = changed.Next()
	}
	return key, isKey, err
}

// tellRow tells of a row that has not changed since the moment.
func (s *snapshot) tellRow(row *WalkedRow) error {
	if row.Head == 0 {
		s.gap(row.Key)
		return nil
	}
	if !row.Live(s.until - 1) {
		return nil
	}
	s.state.reset(There)
	s.state.take(&row.Row)
	s.state.OpNumber = row.OpNumber
	return s.hand(row.Key, row.Size)
}

// look asks what a key was that may have been something else.
func (s *snapshot) look(changed *ChangedKey) error {
	key := changed.Key
	known, err := s.t.tellFrom(key, changed.Before, s.until, &s.state)
	if err == nil && !known {
		err = s.t.At(key, s.until, &s.state)
	}
	if err != nil {
		return err
	}
	if changed.Counted {
		s.correction--
	}
	switch s.state.Fate {
	case Unknown, Folded:
		s.gap(key)
	case There:
		s.correction++
		if !s.full() && (s.page.After == "" || key > s.page.After) {
			return s.hand(key, int64(s.state.Row.Value.Size()))
		}
	}
	return nil
}

// hand hands out a key, unless the page begins after it.
func (s *snapshot) hand(key string, size int64) error {
	if s.passed < s.page.Offset {
		s.passed++
		return nil
	}
	s.handed++
	s.found.Key, s.found.Size = key, size
	return s.each(&s.found)
}
