package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// pages counts the pages that tables and indexes have in a database file, by the file
// format that SQLite documents. The engine's own way to ask, dbstat, is an option that
// a server need not be built with.
type pages struct {
	file      *os.File
	pageBytes int64
	usable    int64 // of a page
	inFile    int64
	counted   int64
}

// The pages of a B-tree, by their first byte.
const (
	innerIndex = 2
	innerTable = 5
	leafIndex  = 10
	leafTable  = 13
)

const (
	fileHeaderBytes = 100
	leafHeaderBytes = 8
	// innerHeaderBytes are more by the page of what is greater than all its cells.
	innerHeaderBytes = leafHeaderBytes + 4
	varintMax        = 9
)

var errNoTree = errors.New("a page of the database file is no part of a B-tree")

func openPages(path string) (*pages, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &pages{file: file}
	header := make([]byte, fileHeaderBytes)
	if _, err := file.ReadAt(header, 0); err != nil {
		p.close()
		return nil, err
	}
	p.pageBytes = int64(binary.BigEndian.Uint16(header[16:]))
	if p.pageBytes == 1 {
		p.pageBytes = 65_536
	}
	p.usable = p.pageBytes - int64(header[20])
	p.inFile = int64(binary.BigEndian.Uint32(header[28:]))
	if p.pageBytes < 512 || p.inFile == 0 {
		p.close()
		return nil, fmt.Errorf("%s is no database", path)
	}
	return p, nil
}

func (p *pages) close() { _ = p.file.Close() }

// bytes is the size of all pages counted so far.
func (p *pages) bytes() int64 { return p.counted * p.pageBytes }

// addTree counts the pages of the table or index that begins with a page.
func (p *pages) addTree(root uint32) error { return p.add(root, 0) }

func (p *pages) add(number uint32, depth int) error {
	if p.counted++; p.counted > p.inFile || depth > treeDepthMax || number == 0 {
		return errNoTree // or one that bites its tail
	}
	page := make([]byte, p.pageBytes+varintMax) // a cell at the end of a page may be cut
	if _, err := p.file.ReadAt(page[:p.pageBytes], int64(number-1)*p.pageBytes); err != nil {
		return err
	}
	header := page
	if number == 1 {
		header = page[fileHeaderBytes:]
	}
	kind, cells := header[0], int(binary.BigEndian.Uint16(header[3:]))
	var pointers []byte
	switch kind {
	case innerIndex, innerTable:
		pointers = header[innerHeaderBytes:]
		if err := p.add(binary.BigEndian.Uint32(header[leafHeaderBytes:]), depth+1); err != nil {
			return err
		}
	case leafIndex, leafTable:
		pointers = header[leafHeaderBytes:]
	default:
		return errNoTree
	}
	if len(pointers) < 2*cells {
		return errNoTree
	}
	for cell := range cells {
		at := int64(binary.BigEndian.Uint16(pointers[2*cell:]))
		if at+4 > p.pageBytes {
			return errNoTree
		}
		if err := p.addCell(kind, page[at:], depth); err != nil {
			return err
		}
	}
	return nil
}

// addCell counts what hangs on a cell: the pages below it, and those that the end of a
// long payload lies on.
func (p *pages) addCell(kind byte, cell []byte, depth int) error {
	if kind == innerIndex || kind == innerTable {
		if err := p.add(binary.BigEndian.Uint32(cell), depth+1); err != nil {
			return err
		}
		cell = cell[4:]
	}
	if kind != innerTable {
		p.counted += p.overflow(kind, varint(cell))
	}
	return nil
}

// overflow is how many further pages a payload takes.
func (p *pages) overflow(kind byte, payload int64) int64 {
	most := p.usable - 35
	if kind != leafTable {
		most = (p.usable-12)*64/255 - 23
	}
	if payload <= most {
		return 0
	}
	least := (p.usable-12)*32/255 - 23
	local := least + (payload-least)%(p.usable-4)
	if local > most {
		local = least
	}
	return (payload - local + p.usable - 5) / (p.usable - 4)
}

// varint reads a number of up to nine bytes, the first of its groups of seven bits first.
func varint(from []byte) (n int64) {
	for i, b := range from[:varintMax] {
		if i == varintMax-1 {
			return n<<8 | int64(b)
		}
		n = n<<7 | int64(b&0x7f)
		if b < 0x80 {
			break
		}
	}
	return n
}
