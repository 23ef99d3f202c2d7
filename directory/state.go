package directory

import (
	"encoding/binary"
	"hash/fnv"
	"io/fs"
	"syscall"
)

// inode is which file or folder something is, whatever its name.
type inode struct{ device, number uint64 }

// state is what can be seen of a file without reading it. While it stays, so does
// the content, as far as the file system's clock can tell.
type state struct {
	inode    inode
	size     int64
	modified int64 // nanoseconds; anybody may set it
	changed  int64 // nanoseconds; nobody may
}

func stateOf(info fs.FileInfo) state {
	s := state{size: info.Size(), modified: info.ModTime().UnixNano()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = inode{device: uint64(stat.Dev), number: stat.Ino}
		s.changed = changedAt(stat)
	}
	return s
}

// version is a number that is different after every change of the state.
func (s state) version() int64 {
	var bytes [40]byte
	for i, part := range [...]uint64{s.inode.device, s.inode.number, uint64(s.size), uint64(s.modified), uint64(s.changed)} {
		binary.LittleEndian.PutUint64(bytes[8*i:], part)
	}
	sum := fnv.New64a()
	sum.Write(bytes[:])
	return int64(sum.Sum64() >> 1) // never negative: it is shown
}
