// Package directory serves a folder of plain files as keys: directory mode.
//
// A key is the path of a file below the folder, and its slashes make folders. A
// table is the subfolder of its name, the default table is the folder itself; so
// the key x of table t is also the key t/x of the default table. There are no
// rows, lifetimes or history here: what a key is, its file says.
//
// Only regular files are keys. Symbolic links are never followed, wherever they
// lead: they are neither listed nor read, and no key is written in their place or
// through them. Pipes, sockets and devices are passed over in the same way, and so
// is whatever has a name that no key can have; hidden files are the most common.
// What a list does not show, a read does not find. A hard link can't be told from
// a file and is one; a write puts a new file in its place and leaves the other name
// what it was.
//
// Two keys are the same only if their bytes are. Unicode knows several spellings of
// one text ("é" is one letter, or an e and an accent): they are different keys here
// as they are different names to Linux. Nothing is normalised, as a key must come
// back as it was sent. Where a file system takes upper and lower case for the same,
// a file answers only to the name that it has, and a write to another spelling of
// it is refused. Not noticed is a file system that does the same to spellings
// without any letter that has case.
//
// The files of databases are files like others here, even of those that this process
// has open. That is for the caller to rule out, key by key (Path tells the file):
// replacing such a file parts the database from its name, and the mere end of a read
// drops all locks that the process holds on it, as POSIX has it.
//
// The jail is os.Root and one rule on top: each folder is opened within the one
// before it, and then compared with what lies under its name. What others do to the
// tree in the meantime leads to a refusal or to one of the states before and after,
// never outside.
package directory
