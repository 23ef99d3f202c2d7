// Package store is the only room that speaks to SQLite: connections, statements,
// the schema, and the way between a row and its columns.
//
// There are two kinds of connection, and they are different types: WriteConn is
// the one connection of a database that writes, ReadConn one of several that only
// read. A reader can't be handed a writer. Each belongs to one goroutine at a
// time; none of them starts any.
package store
