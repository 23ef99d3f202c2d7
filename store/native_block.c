#include "native_block.h"

#include <string.h>

// The kinds of a packed cell.
enum { PACKED_NULL, PACKED_INTEGER, PACKED_FLOAT, PACKED_TEXT, PACKED_BLOB };
enum { CELL_HEAD = 1, NUMBER = 8, SIZE = 4, ROW_HEAD = 8 };
#define PACKED_FAULT 0xffffffffu

static int paid(int code) {
	urlite_payer = NULL;
	return code;
}

int urlite_prepare(urlite_account *payer, sqlite3 *db, const char *sql, int size, urlite_prepared *out) {
	const char *tail = sql;
	urlite_payer = payer;
	// With the NUL at its end counted, the text is not copied before it is read.
	int code = sqlite3_prepare_v3(db, sql, size + 1, 0, &out->stmt, &tail);
	out->used = (int)(tail - sql);
	out->params = out->stmt != NULL ? sqlite3_bind_parameter_count(out->stmt) : 0;
	return paid(code);
}

// bind_cell binds the cell at *at, and moves on to the next.
static int bind_cell(sqlite3_stmt *stmt, int param, const char **at, void (*keep)(void*)) {
	const char *cell = *at + CELL_HEAD;
	sqlite3_int64 integer;
	double real;
	uint32_t size;
	switch (**at) {
	case PACKED_INTEGER:
		memcpy(&integer, cell, NUMBER);
		*at = cell + NUMBER;
		return sqlite3_bind_int64(stmt, param, integer);
	case PACKED_FLOAT:
		memcpy(&real, cell, NUMBER);
		*at = cell + NUMBER;
		return sqlite3_bind_double(stmt, param, real);
	case PACKED_TEXT:
		memcpy(&size, cell, SIZE);
		*at = cell + SIZE + size;
		return sqlite3_bind_text(stmt, param, cell + SIZE, (int)size, keep);
	case PACKED_BLOB:
		memcpy(&size, cell, SIZE);
		*at = cell + SIZE + size;
		return sqlite3_bind_blob(stmt, param, cell + SIZE, (int)size, keep);
	}
	*at = cell;
	return sqlite3_bind_null(stmt, param);
}

static const char *after_cell(const char *at) {
	uint32_t size;
	switch (*at) {
	case PACKED_INTEGER:
	case PACKED_FLOAT:
		return at + CELL_HEAD + NUMBER;
	case PACKED_TEXT:
	case PACKED_BLOB:
		memcpy(&size, at + CELL_HEAD, SIZE);
		return at + CELL_HEAD + SIZE + size;
	}
	return at + CELL_HEAD;
}

int urlite_bind(urlite_account *payer, sqlite3_stmt *stmt, const char *cells, int count) {
	int code = OK;
	urlite_payer = payer;
	for (int i = 0; i < count && code == OK; i++) code = bind_cell(stmt, i + 1, &cells, COPIED);
	return paid(code);
}

// bytes_of is a text or BLOB of the row that the statement stands on. The length is asked
// for first: that turns the text of a UTF-16 file into UTF-8.
static int bytes_of(sqlite3_stmt *stmt, int column, const void **bytes, int *size) {
	*size = sqlite3_column_bytes(stmt, column);
	*bytes = sqlite3_column_blob(stmt, column);
	return *size > 0 && *bytes == NULL ? NOMEM : OK;
}

// pack_row packs the row that the statement stands on. Without the room for it, end is null.
static int pack_row(sqlite3_stmt *stmt, int columns, char *at, int room, char **end) {
	char *row = at, *limit = at + room;
	*end = NULL;
	if (room < ROW_HEAD + columns * (CELL_HEAD + NUMBER)) return OK; // none is smaller without texts
	at += ROW_HEAD;
	for (int i = 0; i < columns; i++) {
		int type = sqlite3_column_type(stmt, i);
		sqlite3_int64 integer;
		double real;
		const void *bytes;
		int size, code;
		switch (type) {
		case INTEGER:
			integer = sqlite3_column_int64(stmt, i);
			*at = PACKED_INTEGER;
			memcpy(at + CELL_HEAD, &integer, NUMBER);
			at += CELL_HEAD + NUMBER;
			break;
		case FLOAT:
			real = sqlite3_column_double(stmt, i);
			*at = PACKED_FLOAT;
			memcpy(at + CELL_HEAD, &real, NUMBER);
			at += CELL_HEAD + NUMBER;
			break;
		case TEXT:
		case BLOB:
			if ((code = bytes_of(stmt, i, &bytes, &size)) != OK) return code;
			// What comes after it needs its room, too.
			if (limit - at < (sqlite3_int64)CELL_HEAD + SIZE + size + (columns - i - 1) * (CELL_HEAD + NUMBER)) return OK;
			*at = type == TEXT ? PACKED_TEXT : PACKED_BLOB;
			memcpy(at + CELL_HEAD, &(uint32_t){(uint32_t)size}, SIZE);
			if (size > 0) memcpy(at + CELL_HEAD + SIZE, bytes, size);
			at += CELL_HEAD + SIZE + size;
			break;
		default:
			*at++ = PACKED_NULL;
		}
	}
	memcpy(row, &(uint32_t){(uint32_t)(at - row - SIZE)}, SIZE);
	memcpy(row + SIZE, &(uint32_t){(uint32_t)columns}, SIZE);
	*end = at;
	return OK;
}

// urlite_step_block packs rows until the buffer is full, there are rows_max, or no more. It
// begins with the row that the block stands on, if it does. ROW is that there is one more.
// Below 0, rows_max is for a statement to be run through, whose rows are nobody's.
int urlite_step_block(urlite_account *payer, sqlite3_stmt *stmt, char *buffer, int room, int rows_max, urlite_block *out) {
	sqlite3 *db = sqlite3_db_handle(stmt);
	int before = sqlite3_total_changes(db), code, columns = 0;
	char *end = buffer;
	urlite_payer = payer;
	urlite_walk_in(&payer->walk);
	out->rows = out->bytes = 0;
	for (;;) {
		code = out->stands ? ROW : sqlite3_step(stmt);
		if (code == ROW && rows_max < 0) continue;
		out->stands = code == ROW;
		if (code != ROW || out->rows == rows_max) break;
		if (columns == 0) columns = sqlite3_column_count(stmt); // a step may compile it anew
		char *next;
		int fault = pack_row(stmt, columns, buffer + out->bytes, room - out->bytes, &next);
		if (fault != OK) {
			code = fault;
			break;
		}
		if (next == NULL) break;
		end = next;
		out->bytes = (int)(end - buffer);
		out->rows++;
		out->stands = 0;
	}
	// SQLite's count of changes is that of the latest statement that changed anything,
	// which need not be this one.
	if (sqlite3_total_changes(db) != before) out->changed = sqlite3_changes(db);
	urlite_walk_out(&payer->walk);
	return paid(code);
}

// give_way is SQLite's progress handler: of a client's SQL, not of ours on the same connection.
static int give_way(void *payer) {
	if (urlite_payer == payer) urlite_give_way(&((urlite_account*)payer)->walk);
	return 0;
}

void urlite_walk_on(urlite_account *payer, urlite_way *way) {
	enum { INSTRUCTIONS = 1000 }; // some ten microseconds
	payer->walk.way = way;
	sqlite3_progress_handler(payer->db, INSTRUCTIONS, give_way, payer);
}

int urlite_read_column(urlite_account *payer, sqlite3_stmt *stmt, int column, urlite_column *out) {
	int code = OK;
	urlite_payer = payer;
	out->kind = sqlite3_column_type(stmt, column);
	switch (out->kind) {
	case INTEGER:
		out->integer = sqlite3_column_int64(stmt, column);
		break;
	case FLOAT:
		out->real = sqlite3_column_double(stmt, column);
		break;
	case TEXT:
	case BLOB:
		code = bytes_of(stmt, column, &out->bytes, &out->size);
	}
	return paid(code);
}

// bind_row binds the cells at: one after the other, or the places of a named batch, which
// are as many as the statement has parameters.
static int bind_row(sqlite3_stmt *stmt, const char *at, int cells, const int *places, int params, uint32_t *starts) {
	int code = OK;
	if (places == NULL) {
		for (int i = 0; i < cells && code == OK; i++) code = bind_cell(stmt, i + 1, &at, BORROWED);
		return code;
	}
	const char *cell = at;
	for (int i = 0; i < cells; i++, cell = after_cell(cell)) starts[i] = (uint32_t)(cell - at);
	for (int i = 0; i < params && code == OK; i++) {
		cell = at + starts[places[i]];
		code = bind_cell(stmt, i + 1, &cell, BORROWED);
	}
	return code;
}

// run_row runs the statement through. Its rows, if it has any, are nobody's.
static int run_row(sqlite3 *db, sqlite3_stmt *stmt, sqlite3_int64 *changed) {
	int before = sqlite3_total_changes(db), code;
	while ((code = sqlite3_step(stmt)) == ROW) {}
	*changed = sqlite3_total_changes(db) != before ? sqlite3_changes(db) : 0;
	int late = sqlite3_reset(stmt);
	return code == DONE ? late : code;
}

// urlite_run_batch runs the statement with each of so many packed rows, up to the first that
// fails. The rows are bound where they lie, so nothing stays bound.
int urlite_run_batch(urlite_account *payer, sqlite3_stmt *stmt, const char *rows, int count, int cells, const int *places,
	uint32_t *starts, sqlite3_int64 *changed, urlite_batch *out) {
	sqlite3 *db = sqlite3_db_handle(stmt);
	int code = OK, params = sqlite3_bind_parameter_count(stmt);
	const char *at = rows;
	urlite_payer = payer;
	out->rows = out->misfit = 0;
	for (; out->rows < count; out->rows++) {
		uint32_t head[2];
		memcpy(head, at, sizeof head);
		if (head[1] == PACKED_FAULT || head[1] != (uint32_t)cells) {
			out->misfit = 1;
			break;
		}
		if ((code = bind_row(stmt, at + ROW_HEAD, cells, places, params, starts)) != OK) break;
		if ((code = run_row(db, stmt, &changed[out->rows])) != OK) break;
		at += SIZE + head[0];
	}
	out->bytes = at - rows;
	sqlite3_clear_bindings(stmt);
	return paid(code);
}

// urlite_finish makes a statement ready for its next use, or lets it go. The values that
// were bound may be large.
int urlite_finish(urlite_account *payer, sqlite3_stmt *stmt, int finalize) {
	urlite_payer = payer;
	if (finalize) return paid(sqlite3_finalize(stmt));
	int code = sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return paid(code);
}
