package writer

import "time"

// Limits bound what waits and what is committed together.
type Limits struct {
	// InboxCallsMax and InboxBytesMax bound what may wait. Past them a call is
	// refused at once: a queue that only grows helps nobody.
	InboxCallsMax int
	InboxBytesMax int
	// GroupOpsMax and GroupBytesMax cut a group, so that its memory is bounded.
	// 2,048 operations are past the point where sharing an fsync gains anything.
	GroupOpsMax   int
	GroupBytesMax int
	// HoldMax cuts a group whose work has taken this long: those at its head have
	// waited enough. A single call is never cut.
	HoldMax time.Duration
	// CheckpointFrames is the size of the write-ahead log, in pages, at which it is
	// copied into the file. The larger it is, the more often a page that is written
	// again and again is copied once.
	CheckpointFrames int
	// LogFramesMax is the size past which readers that keep the log from being
	// emptied are interrupted.
	LogFramesMax int
	// SweepRows is how many expired rows are removed at a time, in passing at most one
	// for two of a group's calls: many small steps hold up nobody for long.
	SweepRows int
	// RetainEntries is how many entries of history beyond what is kept are taken away at a
	// time.
	RetainEntries int
	// IdleAfter is how long nothing must have been written before the log is
	// emptied in peace.
	IdleAfter time.Duration
}

// DefaultLimits are the limits of a server that nobody configured.
func DefaultLimits() Limits {
	return Limits{
		InboxCallsMax:    65_536,
		InboxBytesMax:    256 << 20,
		GroupOpsMax:      2048,
		GroupBytesMax:    16 << 20,
		HoldMax:          20 * time.Millisecond,
		CheckpointFrames: 16_000,
		LogFramesMax:     128_000,
		SweepRows:        128,
		RetainEntries:    256,
		IdleAfter:        time.Second,
	}
}
