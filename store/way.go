package store

/*
#include <stdlib.h>
#include "native_way.h"
*/
import "C"

// Way has the long queries of clients give way: one that has run for a while sleeps between
// short slices, the longer the busier everything else in this process is. Queries that have
// the machine to themselves run as if there were none. The readers of all databases share
// one, for as long as the process lives.
type Way struct{ c *C.urlite_way }

// NewWay makes a way for a machine with so many processors.
func NewWay(processors int) *Way {
	w := &Way{c: (*C.urlite_way)(C.calloc(1, C.sizeof_urlite_way))}
	w.c.processors = C.int(processors)
	return w
}

// believe has others take so many thousandths of the machine, for good. It and pauses are
// for tests, which can't reach into C.
func (w *Way) believe(share int) {
	w.c.looked, w.c.share = 1<<62, C.int(share)
}

func (w *Way) pauses() int64 { return int64(w.c.pauses) }
