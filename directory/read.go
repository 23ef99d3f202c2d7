package directory

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urlite/urlite/refusal"
)

// File is a key as it lies on the disk.
type File struct {
	// ContentType follows from the key's extension.
	ContentType string
	// Bytes is the content; only Get reads it.
	Bytes []byte
	// Size is in bytes, ModifiedAt in Unix milliseconds.
	Size, ModifiedAt int64
	// Hash is the SHA-256 of the content.
	Hash [sha256.Size]byte
	// Version is different after every write that the file system's clock can tell
	// from the one before. It costs no reading, so lists have it as well.
	Version int64
	// Depth is how many slashes the key has.
	Depth int
	// Path is the absolute path of the file.
	Path string
}

// Get reads a key. Its hash is that of the very bytes it returns. What is larger
// than the limit for values is refused with ResponseTooLarge.
func (f *Folder) Get(key string) (File, error) {
	file, info, err := f.open(key)
	if err != nil {
		return File{}, err
	}
	defer file.Close()

	readAt, seen := f.cache.now(), stateOf(info)
	// One more than there should be, so that the end is seen with the last read.
	content := make([]byte, 0, info.Size()+1)
	for {
		n, err := file.Read(content[len(content):cap(content)])
		content = content[:len(content)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return File{}, failed("the file can't be read", err)
		}
		if err := f.checkSize(int64(len(content))); err != nil {
			return File{}, err
		}
		if len(content) == cap(content) { // it is growing
			content = append(content, 0)[:len(content)]
		}
	}
	answer := f.describe(key, info)
	answer.Bytes, answer.Size = content, int64(len(content))
	answer.Hash = sha256.Sum256(content)
	if f.unchanged(file, seen) {
		f.cache.remember(seen, answer.Hash, readAt)
	}
	return answer, nil
}

// Stat is Get without the bytes. A hash that is known is not computed again, unless
// rebuild asks for it.
func (f *Folder) Stat(key string, rebuild bool) (File, error) {
	file, info, err := f.open(key)
	if err != nil {
		return File{}, err
	}
	defer file.Close()

	answer, seen := f.describe(key, info), stateOf(info)
	if !rebuild {
		var known bool
		if answer.Hash, known = f.cache.hash(seen); known {
			return answer, nil
		}
	}
	readAt, hash := f.cache.now(), sha256.New()
	// One more than may be, to tell a file that has grown too large.
	answer.Size, err = io.Copy(hash, io.LimitReader(file, int64(f.limits.ValueBytesMax)+1))
	if err != nil {
		return File{}, failed("the file can't be read", err)
	}
	if err := f.checkSize(answer.Size); err != nil {
		return File{}, err
	}
	hash.Sum(answer.Hash[:0])
	if f.unchanged(file, seen) {
		f.cache.remember(seen, answer.Hash, readAt)
	}
	return answer, nil
}

// open finds the file of a key that is not too large to be read.
func (f *Folder) open(key string) (*os.File, fs.FileInfo, error) {
	if err := checkKey(key, &f.limits); err != nil {
		return nil, nil, err
	}
	dir, name, err := f.reach(f.base+key, enter)
	if err != nil {
		return nil, nil, toReader(err)
	}
	defer f.leave(dir)
	info, err := look(dir, name)
	if err != nil {
		return nil, nil, toReader(err)
	}
	file, info, err := openFile(dir, name, info)
	if err != nil {
		return nil, nil, toReader(err)
	}
	if err := f.checkSize(info.Size()); err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

func (f *Folder) checkSize(size int64) error {
	if size > int64(f.limits.ValueBytesMax) {
		return refusal.Newf(refusal.ResponseTooLarge, "the file is larger than the limit of %d bytes", f.limits.ValueBytesMax)
	}
	return nil
}

// unchanged reports whether the file is still as it was seen before it was read.
func (f *Folder) unchanged(file *os.File, seen state) bool {
	info, err := file.Stat()
	return err == nil && stateOf(info) == seen
}

// describe is what is known of a key without reading its file.
func (f *Folder) describe(key string, info fs.FileInfo) File {
	return File{
		ContentType: ContentType(key),
		Size:        info.Size(),
		ModifiedAt:  info.ModTime().UnixMilli(),
		Version:     stateOf(info).version(),
		Depth:       strings.Count(key, "/"),
		Path:        f.Path(key),
	}
}
