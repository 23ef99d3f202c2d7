#ifndef URLITE_NATIVE_ACCOUNT_H
#define URLITE_NATIVE_ACCOUNT_H

#include "native_sqlite.h"
#include "native_way.h"

// An account is what the SQL of one request may take, and has taken: memory of SQLite's,
// net, and bytes written to temporary files, in all.
typedef struct {
	sqlite3_int64 memory, memory_max;
	sqlite3_int64 spilled, spilled_max;
	int exceeded; // OVER_MEMORY, OVER_FILES
	sqlite3 *db;
	urlite_walk walk; // of the request, where queries give way
} urlite_account;

enum { OVER_MEMORY = 1, OVER_FILES = 2 };

// urlite_payer is whose SQL runs on this thread, null for our own. A function sets it for
// as long as it is in SQLite, and no longer: the thread is anybody's afterwards.
extern __thread urlite_account *urlite_payer;

// urlite_install puts accounts under SQLite's memory and temporary files. It must be called
// before anything else of SQLite is.
int urlite_install(void);

#endif
