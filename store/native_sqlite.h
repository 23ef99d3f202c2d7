#ifndef URLITE_NATIVE_SQLITE_H
#define URLITE_NATIVE_SQLITE_H

// What the C of this package uses of SQLite. The functions are in the object that the
// binding links, wherever that comes from; weak, so that the package's own trial link
// passes without it. The bundled engine lacks a few: those are asked for before use.

#include <stdint.h>

typedef struct sqlite3 sqlite3;
typedef struct sqlite3_stmt sqlite3_stmt;
typedef struct sqlite3_context sqlite3_context;
typedef struct sqlite3_value sqlite3_value;
typedef struct sqlite3_snapshot sqlite3_snapshot;
typedef long long sqlite3_int64;

#define LINKED __attribute__((weak))

enum { OK = 0, NOMEM = 7, INTERRUPT = 9, FULL = 13, MISUSE = 21, ROW = 100, DONE = 101 };
enum { INTEGER = 1, FLOAT = 2, TEXT = 3, BLOB = 4, NULL_VALUE = 5 };

// A value that is BORROWED is the caller's memory, and must not stay bound.
#define BORROWED ((void(*)(void*))0)
#define COPIED ((void(*)(void*))-1)

extern LINKED int sqlite3_config(int, ...);
extern LINKED int sqlite3_db_config(sqlite3*, int, ...);
extern LINKED int sqlite3_file_control(sqlite3*, const char*, int, void*);
extern LINKED const char *sqlite3_errmsg(sqlite3*);
extern LINKED void sqlite3_interrupt(sqlite3*);
extern LINKED int sqlite3_set_authorizer(sqlite3*,
	int(*)(void*, int, const char*, const char*, const char*, const char*), void*);
extern LINKED void *sqlite3_update_hook(sqlite3*, void(*)(void*, int, const char*, const char*, sqlite3_int64), void*);
extern LINKED void *sqlite3_wal_hook(sqlite3*, int(*)(void*, sqlite3*, const char*, int), void*);
extern LINKED int sqlite3_snapshot_get(sqlite3*, const char*, sqlite3_snapshot**);
extern LINKED void sqlite3_snapshot_free(sqlite3_snapshot*);
extern LINKED int sqlite3_prepare_v3(sqlite3*, const char*, int, unsigned, sqlite3_stmt**, const char**);
extern LINKED int sqlite3_step(sqlite3_stmt*);
extern LINKED int sqlite3_reset(sqlite3_stmt*);
extern LINKED int sqlite3_finalize(sqlite3_stmt*);
extern LINKED int sqlite3_clear_bindings(sqlite3_stmt*);
extern LINKED sqlite3 *sqlite3_db_handle(sqlite3_stmt*);
extern LINKED int sqlite3_stmt_readonly(sqlite3_stmt*);
extern LINKED int sqlite3_stmt_busy(sqlite3_stmt*);
extern LINKED int sqlite3_stmt_status(sqlite3_stmt*, int, int);
extern LINKED sqlite3_stmt *sqlite3_next_stmt(sqlite3*, sqlite3_stmt*);
extern LINKED int sqlite3_changes(sqlite3*);
extern LINKED int sqlite3_total_changes(sqlite3*);
extern LINKED int sqlite3_get_autocommit(sqlite3*);
extern LINKED sqlite3_int64 sqlite3_last_insert_rowid(sqlite3*);
extern LINKED void sqlite3_set_last_insert_rowid(sqlite3*, sqlite3_int64);
extern LINKED int sqlite3_bind_parameter_count(sqlite3_stmt*);
extern LINKED const char *sqlite3_bind_parameter_name(sqlite3_stmt*, int);
extern LINKED int sqlite3_bind_null(sqlite3_stmt*, int);
extern LINKED int sqlite3_bind_int64(sqlite3_stmt*, int, sqlite3_int64);
extern LINKED int sqlite3_bind_double(sqlite3_stmt*, int, double);
extern LINKED int sqlite3_bind_text(sqlite3_stmt*, int, const char*, int, void(*)(void*));
extern LINKED int sqlite3_bind_blob(sqlite3_stmt*, int, const void*, int, void(*)(void*));
extern LINKED int sqlite3_column_count(sqlite3_stmt*);
extern LINKED const char *sqlite3_column_name(sqlite3_stmt*, int);
extern LINKED int sqlite3_column_type(sqlite3_stmt*, int);
extern LINKED int sqlite3_column_bytes(sqlite3_stmt*, int);
extern LINKED const void *sqlite3_column_blob(sqlite3_stmt*, int);
extern LINKED sqlite3_int64 sqlite3_column_int64(sqlite3_stmt*, int);
extern LINKED double sqlite3_column_double(sqlite3_stmt*, int);
extern LINKED int sqlite3_is_interrupted(sqlite3*); // since 3.41

extern LINKED int sqlite3_create_function_v2(sqlite3*, const char*, int, int, void*,
	void(*)(sqlite3_context*, int, sqlite3_value**), void(*)(sqlite3_context*, int, sqlite3_value**),
	void(*)(sqlite3_context*), void(*)(void*));
extern LINKED void *sqlite3_user_data(sqlite3_context*);
extern LINKED sqlite3 *sqlite3_context_db_handle(sqlite3_context*);
extern LINKED int sqlite3_value_type(sqlite3_value*);
extern LINKED int sqlite3_value_bytes(sqlite3_value*);
extern LINKED const unsigned char *sqlite3_value_text(sqlite3_value*);
extern LINKED const void *sqlite3_value_blob(sqlite3_value*);
extern LINKED sqlite3_value *sqlite3_value_dup(const sqlite3_value*);
extern LINKED void sqlite3_value_free(sqlite3_value*);
extern LINKED void sqlite3_result_int(sqlite3_context*, int);
extern LINKED void sqlite3_result_text(sqlite3_context*, const char*, int, void(*)(void*));
extern LINKED void sqlite3_result_blob(sqlite3_context*, const void*, int, void(*)(void*));
extern LINKED void sqlite3_result_error_nomem(sqlite3_context*);
extern LINKED void sqlite3_result_error_toobig(sqlite3_context*);
extern LINKED void sqlite3_result_error_code(sqlite3_context*, int);
extern LINKED void sqlite3_progress_handler(sqlite3*, int, int(*)(void*), void*);
extern LINKED int sqlite3_limit(sqlite3*, int, int);
extern LINKED void *sqlite3_malloc64(unsigned long long);
extern LINKED void sqlite3_free(void*);

#endif
