package server

import (
	"github.com/urlite/urlite/catalog"
	"github.com/urlite/urlite/past"
	"github.com/urlite/urlite/refusal"
)

var errNothingKept = refusal.New(refusal.InvalidParameters, "keep_entries or keep_seconds is required")

// keepSecondsMax is some three thousand years, as long as a lifetime may be.
const keepSecondsMax = 100_000_000_000

// putSettings settles how much of the past of the table is kept.
func putSettings(q *request) error {
	keep := &catalog.Keep{EntriesSet: q.has("keep_entries"), SecondsSet: q.has("keep_seconds")}
	var err error
	if keep.Entries, err = q.notNegative("keep_entries", 0); err != nil {
		return err
	}
	if keep.Seconds, err = q.notNegative("keep_seconds", 0); err != nil {
		return err
	}
	switch {
	case !keep.EntriesSet && !keep.SecondsSet:
		return errNothingKept
	case keep.Seconds > keepSecondsMax:
		return refusal.Newf(refusal.InvalidParameters, "keep_seconds must be at most %d", keepSecondsMax)
	}
	return q.write(func(call *catalog.Call) { call.Keep = keep })
}

// getSettings answers how much of the past of the table is kept, and since when it can be
// told.
func getSettings(q *request) error {
	name, err := q.table()
	if err != nil {
		return err
	}
	keep := past.Keep{Entries: q.server.config.KeepEntries, Seconds: q.server.config.KeepSeconds}
	horizon := int64(0)
	err = q.read(func(reader *catalog.Reader) error {
		return reader.SnapshotFor(q.timeout(), func() error {
			set, err := reader.Keep(name)
			if err != nil {
				return err
			}
			keep = set.Or(keep)
			source, err := reader.Past(name)
			if err != nil {
				return err
			}
			horizon, err = source.Horizon()
			return err
		})
	})
	if err != nil {
		return err
	}
	q.out = past.AppendKept(q.out[:0], name, keep)
	q.out = q.out[:len(q.out)-1]
	if horizon > 0 {
		q.number("oldest_timestamp", secondsDown(horizon))
	} else {
		q.null("oldest_timestamp")
	}
	q.end()
	return nil
}
