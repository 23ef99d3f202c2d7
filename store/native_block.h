#ifndef URLITE_NATIVE_BLOCK_H
#define URLITE_NATIVE_BLOCK_H

#include "native_account.h"

// Foreign SQL, each function one crossing. Rows go through them packed, as sqltx/packed.go
// says. All of them charge the account.

typedef struct {
	sqlite3_stmt *stmt;
	int used; // bytes of the text
	int params;
} urlite_prepared;

typedef struct {
	int rows, bytes; // what lies in the buffer
	int stands;      // on a row that is not in it: there was no room, or enough rows
	sqlite3_int64 changed;
} urlite_block;

typedef struct {
	int rows;             // that ran
	int misfit;           // the row after them has not what the statement takes
	sqlite3_int64 bytes;  // that they are
} urlite_batch;

typedef struct {
	int kind; // of SQLite's types
	int size;
	const void *bytes;
	sqlite3_int64 integer;
	double real;
} urlite_column;

int urlite_prepare(urlite_account*, sqlite3*, const char *sql, int size, urlite_prepared*);
int urlite_bind(urlite_account*, sqlite3_stmt*, const char *cells, int count);
int urlite_step_block(urlite_account*, sqlite3_stmt*, char *buffer, int room, int rows_max, urlite_block*);
int urlite_read_column(urlite_account*, sqlite3_stmt*, int column, urlite_column*);
int urlite_run_batch(urlite_account*, sqlite3_stmt*, const char *rows, int count, int cells, const int *places,
	uint32_t *starts, sqlite3_int64 *changed, urlite_batch*);
// urlite_walk_on has the queries of the account's connection give way from now on.
void urlite_walk_on(urlite_account*, urlite_way*);
int urlite_finish(urlite_account*, sqlite3_stmt*, int finalize);

#endif
