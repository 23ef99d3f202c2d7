package directory

import "syscall"

// changedAt is when anything about the file changed last, in nanoseconds.
func changedAt(stat *syscall.Stat_t) int64 { return stat.Ctim.Nano() }
