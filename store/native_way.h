#ifndef URLITE_NATIVE_WAY_H
#define URLITE_NATIVE_WAY_H

#include "native_sqlite.h"

// A way is what the long queries of a process share: how busy everything else in it is.
// Times are nanoseconds; those of the processor are counted over all threads.
typedef struct {
	int processors;
	sqlite3_int64 queries; // processor time that long queries have taken
	// When it was last looked at, and the processor time of the process and of the long
	// queries then.
	sqlite3_int64 looked, process_then, queries_then;
	int share; // thousandths of the processors that everything else took since
	sqlite3_int64 pauses; // that queries have made
} urlite_way;

// A walk is one request's use of a way. Without a way it gives none.
typedef struct {
	urlite_way *way;
	sqlite3_int64 ran;     // since the request began, in SQLite
	sqlite3_int64 entered; // SQLite, this time
	sqlite3_int64 slice;   // processor time of the thread when the slice began, once it is long
} urlite_walk;

// urlite_walk_in begins what runs on this thread, and urlite_walk_out ends it; in between,
// urlite_give_way is called now and then.
void urlite_walk_in(urlite_walk*);
void urlite_walk_out(urlite_walk*);
void urlite_give_way(urlite_walk*);

#endif
