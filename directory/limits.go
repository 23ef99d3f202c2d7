package directory

import "time"

const (
	// segmentBytesMax is what Linux allows a name.
	segmentBytesMax = 255
	// foldersMax bounds how deep a key lies; a list holds one open file for each
	// folder it is in. Files below are no keys.
	foldersMax = 64
	// entriesHeldMax bounds the entries of one folder that a list holds, about a
	// megabyte with usual names. A folder with more is read again for the rest.
	entriesHeldMax = 8192
	// entriesHeldMin is what even a page of one key begins with, as entries may turn
	// out to be folders without keys.
	entriesHeldMin = 256
	// namesReadMax is how many names are read from a folder at once.
	namesReadMax = 1024
	// attemptsMax bounds how often something is tried that others keep replacing; each
	// attempt fails only if they do so within microseconds.
	attemptsMax = 32
	// spellingScansMax bounds how often a folder is read to find how one name in it is
	// spelled.
	spellingScansMax = 3
	// foldersSweptMax bounds the folders of which it is known when they were swept.
	foldersSweptMax = 4096
)

const (
	// sweepEvery is how often writes look for leftovers in a folder at most. It
	// takes reading the whole folder, so not every write can do it.
	sweepEvery = time.Hour
	// leftoverAge is when a temporary file is taken for a leftover of a crash. A
	// write takes seconds, on a bad disk minutes.
	leftoverAge = time.Hour
	// clockStep is the coarsest step of a file system's clock (FAT's two seconds).
	// A file that changed less than this ago could change again unseen.
	clockStep = 2 * time.Second
)
