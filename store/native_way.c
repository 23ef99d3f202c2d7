#include "native_way.h"

#include <time.h>

// A query that has run for long runs in slices, and sleeps after each the longer the more
// the rest of the process has to do: writers commit for everybody, and a query that takes a
// processor from them makes everybody wait for one. Alone it never sleeps.

#define MILLISECOND 1000000ll

enum {
	LONG_AFTER = 20 * MILLISECOND, // what most queries never come to
	SLICE = MILLISECOND / 4,       // as long as a commit may have to wait for a processor
	PAUSE_MAX = 20 * MILLISECOND,  // an interrupt is not heard meanwhile
	LOOK_AFTER = 10 * MILLISECOND, // time enough for a share to mean something
	LOOK_WITHIN = 100 * MILLISECOND, // a longer look back would tell of what is over
	SHARE_FREE = 150,              // thousandths: so much of the machine in use disturbs nobody
	PAUSE_SHARE = 12,              // hundredths of a slice that a pause is longer for each thousandth beyond that
};

static sqlite3_int64 read_clock(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1000 * MILLISECOND + t.tv_nsec;
}

// look learns how busy the rest of the process was, if nobody has just done so.
static void look(urlite_way *way, sqlite3_int64 now) {
	sqlite3_int64 then = __atomic_load_n(&way->looked, __ATOMIC_RELAXED);
	if (now - then < LOOK_AFTER || !__atomic_compare_exchange_n(&way->looked, &then, now, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return;
	sqlite3_int64 process = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	sqlite3_int64 queries = __atomic_load_n(&way->queries, __ATOMIC_RELAXED);
	sqlite3_int64 others = process - __atomic_load_n(&way->process_then, __ATOMIC_RELAXED) -
		(queries - __atomic_load_n(&way->queries_then, __ATOMIC_RELAXED));
	__atomic_store_n(&way->process_then, process, __ATOMIC_RELAXED);
	__atomic_store_n(&way->queries_then, queries, __ATOMIC_RELAXED);
	if (now - then > LOOK_WITHIN) return; // it tells of what was long ago
	if (others < 0) others = 0;
	__atomic_store_n(&way->share, (int)(others * 1000 / ((now - then) * way->processors)), __ATOMIC_RELEASE);
}

// pause sleeps as long as the share of the others asks for.
static void pause_for(urlite_way *way) {
	int over = __atomic_load_n(&way->share, __ATOMIC_ACQUIRE) - SHARE_FREE;
	if (over <= 0) return;
	sqlite3_int64 pause = SLICE * over * PAUSE_SHARE / 100;
	if (pause > PAUSE_MAX) pause = PAUSE_MAX;
	__atomic_fetch_add(&way->pauses, 1, __ATOMIC_RELAXED);
	nanosleep(&(struct timespec){.tv_nsec = pause}, NULL);
}

void urlite_walk_in(urlite_walk *w) {
	if (w->way == NULL) return;
	w->entered = read_clock(CLOCK_MONOTONIC);
	w->slice = w->ran < LONG_AFTER ? 0 : read_clock(CLOCK_THREAD_CPUTIME_ID);
}

// end_slice counts what was run since the slice began.
static sqlite3_int64 end_slice(urlite_walk *w) {
	sqlite3_int64 now = read_clock(CLOCK_THREAD_CPUTIME_ID), took = now - w->slice;
	w->slice = now;
	__atomic_fetch_add(&w->way->queries, took, __ATOMIC_RELAXED);
	return took;
}

void urlite_give_way(urlite_walk *w) {
	if (w->way == NULL) return;
	sqlite3_int64 now = read_clock(CLOCK_MONOTONIC);
	if (w->slice == 0) {
		if (w->ran + now - w->entered < LONG_AFTER) return;
		w->slice = read_clock(CLOCK_THREAD_CPUTIME_ID);
	}
	if (now - w->entered < SLICE) return;
	w->ran += now - w->entered;
	end_slice(w);
	look(w->way, now);
	pause_for(w->way);
	w->entered = read_clock(CLOCK_MONOTONIC);
}

void urlite_walk_out(urlite_walk *w) {
	if (w->way == NULL) return;
	sqlite3_int64 now = read_clock(CLOCK_MONOTONIC);
	w->ran += now - w->entered;
	if (w->slice == 0) return;
	if (end_slice(w) < SLICE / 2) return; // a block of rows is about a slice
	look(w->way, now);
	pause_for(w->way);
}
