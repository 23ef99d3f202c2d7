package store

import "os"

// Arrival is a database file on its way in, under a name of the server's own. It is the
// caller's, who discards it unless it took a place.
type Arrival struct{ file *os.File }

// Arrive makes an empty one in the folder where it is to get its place.
func Arrive(folder string) (*Arrival, error) {
	file, err := os.CreateTemp(folder, ".urlite-restore-*")
	if err != nil {
		return nil, fileFault(err)
	}
	return &Arrival{file: file}, nil
}

// Path is where it lies.
func (a *Arrival) Path() string { return a.file.Name() }

// Write appends to it.
func (a *Arrival) Write(p []byte) (int, error) {
	n, err := a.file.Write(p)
	if err != nil {
		return n, fileFault(err)
	}
	return n, nil
}

// Close ends the writing, which has to be before anybody looks at what arrived.
func (a *Arrival) Close() error {
	if err := a.file.Close(); err != nil {
		return fileFault(err)
	}
	return nil
}
