package past

import (
	"strconv"
	"time"

	"github.com/urlite/urlite/refusal"
)

var (
	entryNotFound  = refusal.New(refusal.HistoryEntryNotFound, "History entry not found")
	nothingToUndo  = refusal.New(refusal.HistoryEntryNotFound, "No history entries to roll back")
	undoneIntoGap  = refusal.New(refusal.TimeTravelChainGap, "TIME_TRAVEL_CHAIN_GAP: the state to return to lies in a gap of unrecorded writes")
	returnsIntoGap = refusal.New(refusal.TimeTravelChainGap, "time-travel: chain gap straddles target timestamp")
)

// Beyond refuses a moment before oldestMillis, from which on the past is kept.
func Beyond(oldestMillis int64) *refusal.Refusal {
	seconds := oldestMillis / 1000
	if oldestMillis%1000 < 0 {
		seconds--
	}
	from := time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	return refusal.Newf(refusal.TimeTravelChainGap, "the past before %s is no longer kept", from).
		With(`,"oldest_timestamp":` + strconv.FormatInt(seconds, 10))
}

// withinHorizon refuses a moment at which keys may have been there that have left no
// trace.
func (t *Table) withinHorizon(until int64) error {
	horizon, err := t.horizon()
	if err != nil {
		return err
	}
	if until <= horizon {
		return Beyond(horizon)
	}
	return nil
}
