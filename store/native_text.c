#define _GNU_SOURCE
#include "native_text.h"

#include <string.h>

// SQLite's own functions of these names take time by the product of what they are given:
// instr() of 30 MB in 60 MB takes hours, and no interrupt reaches into a function. These
// answer the same, in time by the sum; where that is not to be had they look whether they
// are to stop.

// A patience counts the work down to the next look at the connection.
typedef struct {
	sqlite3 *db;
	sqlite3_int64 left;
} patience;

enum { WORK_PER_LOOK = 1 << 20 };

static int out_of_time(patience *p, sqlite3_int64 work) {
	if ((p->left -= work) > 0) return 0;
	p->left = WORK_PER_LOOK;
	return sqlite3_is_interrupted != NULL && sqlite3_is_interrupted(p->db);
}

static int continues(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// find_in is where needle begins in haystack, counted from 1 in characters, or in bytes. A
// character can begin at any byte that does not go on with the one before.
static int find_in(const unsigned char *haystack, int size, const unsigned char *needle, int needle_size, int characters) {
	const unsigned char *found = memmem(haystack, size, needle, needle_size);
	if (found == NULL) return 0;
	if (!characters) return (int)(found - haystack) + 1;
	if (continues(needle[0]) && found != haystack) return 0; // no character begins so
	int place = 1;
	for (const unsigned char *at = haystack + 1; at <= found; at++) place += !continues(*at);
	return place;
}

static void find(sqlite3_context *context, int count, sqlite3_value **values) {
	int kind = sqlite3_value_type(values[0]), needle_kind = sqlite3_value_type(values[1]);
	if (kind == NULL_VALUE || needle_kind == NULL_VALUE) return;
	if (sqlite3_value_bytes(values[1]) == 0) {
		sqlite3_result_int(context, 1);
		return;
	}
	if (kind == BLOB && needle_kind == BLOB) {
		const unsigned char *haystack = sqlite3_value_blob(values[0]), *needle = sqlite3_value_blob(values[1]);
		int size = sqlite3_value_bytes(values[0]), needle_size = sqlite3_value_bytes(values[1]);
		if (needle == NULL || (haystack == NULL && size > 0)) sqlite3_result_error_nomem(context);
		else sqlite3_result_int(context, find_in(haystack, size, needle, needle_size, 0));
		return;
	}
	// A BLOB beside a text is looked at as one, and stays what it is.
	sqlite3_value *text = kind == BLOB ? sqlite3_value_dup(values[0]) : values[0];
	sqlite3_value *needle_text = needle_kind == BLOB ? sqlite3_value_dup(values[1]) : values[1];
	const unsigned char *haystack = sqlite3_value_text(text), *needle = sqlite3_value_text(needle_text);
	if (haystack == NULL || needle == NULL) sqlite3_result_error_nomem(context);
	else sqlite3_result_int(context, find_in(haystack, sqlite3_value_bytes(text), needle, sqlite3_value_bytes(needle_text), 1));
	if (text != values[0]) sqlite3_value_free(text);
	if (needle_text != values[1]) sqlite3_value_free(needle_text);
}

static void replace(sqlite3_context *context, int count, sqlite3_value **values) {
	const unsigned char *text = sqlite3_value_text(values[0]);
	if (text == NULL) return;
	int size = sqlite3_value_bytes(values[0]);
	const unsigned char *old = sqlite3_value_text(values[1]);
	if (old == NULL) return;
	if (old[0] == 0) {
		sqlite3_result_text(context, (const char*)text, size, COPIED);
		return;
	}
	int old_size = sqlite3_value_bytes(values[1]);
	const unsigned char *new = sqlite3_value_text(values[2]);
	if (new == NULL) return;
	int new_size = sqlite3_value_bytes(values[2]);

	const unsigned char *end = text + size, *at, *found;
	sqlite3_int64 result_size = size;
	for (at = text; (found = memmem(at, end - at, old, old_size)) != NULL; at = found + old_size) result_size += new_size - old_size;
	const int limit_length = 0;
	if (result_size > sqlite3_limit(sqlite3_context_db_handle(context), limit_length, -1)) {
		sqlite3_result_error_toobig(context);
		return;
	}
	char *result = sqlite3_malloc64(result_size + 1), *to = result;
	if (result == NULL) {
		sqlite3_result_error_nomem(context);
		return;
	}
	for (at = text; (found = memmem(at, end - at, old, old_size)) != NULL; at = found + old_size) {
		memcpy(to, at, found - at);
		to += found - at;
		memcpy(to, new, new_size);
		to += new_size;
	}
	memcpy(to, at, end - at);
	result[result_size] = 0;
	sqlite3_result_text(context, result, (int)result_size, sqlite3_free);
}

// after_character is where the next character begins.
static const unsigned char *after_character(const unsigned char *at) {
	if (*at++ >= 0xc0) while (continues(*at)) at++;
	return at;
}

// A set is the characters of a text: those below 128 by a table, any others in their order.
typedef struct {
	const unsigned char *text, *end;
	int plain; // all are below 128
	unsigned char has[128];
} set;

static set set_of(const unsigned char *text, size_t size) {
	set s = {.text = text, .end = text + size, .plain = 1};
	for (; text < s.end; text++) {
		if (*text < 128) s.has[*text] = 1;
		else s.plain = 0;
	}
	return s;
}

// edge is the size of the set's first character that the text begins or ends with, 0 for
// none and below 0 when time is up.
static int edge(const set *s, const unsigned char *text, int size, int at_end, patience *p) {
	if (s->plain) {
		unsigned char byte = text[at_end ? size - 1 : 0];
		return byte < 128 && s->has[byte];
	}
	for (const unsigned char *at = s->text, *next; at < s->end; at = next) {
		next = after_character(at);
		int length = (int)(next - at);
		if (length <= size && memcmp(at_end ? text + size - length : text, at, length) == 0) return length;
		if (out_of_time(p, length)) return -1;
	}
	return 0;
}

enum { LEFT = 1, RIGHT = 2 };

static void trim(sqlite3_context *context, int count, sqlite3_value **values) {
	const unsigned char *text = sqlite3_value_text(values[0]);
	if (text == NULL) return;
	int size = sqlite3_value_bytes(values[0]), length = 0;
	const unsigned char *characters = sqlite3_value_text(values[1]);
	if (characters == NULL) return;
	set s = set_of(characters, strlen((const char*)characters)); // no further than a NUL
	patience p = {sqlite3_context_db_handle(context), WORK_PER_LOOK};
	intptr_t sides = (intptr_t)sqlite3_user_data(context);
	if (sides & LEFT) {
		while (size > 0 && (length = edge(&s, text, size, 0, &p)) > 0) {
			text += length;
			size -= length;
		}
	}
	if (sides & RIGHT && length >= 0) {
		while (size > 0 && (length = edge(&s, text, size, 1, &p)) > 0) size -= length;
	}
	if (length < 0) sqlite3_result_error_code(context, INTERRUPT);
	else sqlite3_result_text(context, (const char*)text, size, COPIED);
}

// character reads the code point at *at as SQLite does, and moves on.
static uint32_t character(const unsigned char **at) {
	uint32_t c = *(*at)++;
	if (c < 0xc0) return c;
	c &= c < 0xe0 ? 0x1f : c < 0xf0 ? 0x0f : c < 0xf8 ? 0x07 : c < 0xfc ? 0x03 : c < 0xfe ? 0x01 : 0;
	while (continues(**at)) c = (c << 6) + (*(*at)++ & 0x3f);
	if (c < 0x80 || (c & 0xfffff800) == 0xd800) return 0xfffd;
	return c;
}

// contains is whether a character is in the set, below 0 when time is up.
static int contains(const set *s, uint32_t c, patience *p) {
	if (c < 128) return s->has[c];
	if (s->plain) return 0;
	for (const unsigned char *at = s->text; at < s->end;) {
		if (character(&at) == c) return 1;
		if (out_of_time(p, 1)) return -1;
	}
	return 0;
}

static int digit(unsigned char c) {
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void unhex(sqlite3_context *context, int count, sqlite3_value **values) {
	const unsigned char *text = sqlite3_value_text(values[0]), *between = sqlite3_value_text(values[1]);
	if (text == NULL || between == NULL) return;
	set s = set_of(between, sqlite3_value_bytes(values[1]));
	patience p = {sqlite3_context_db_handle(context), WORK_PER_LOOK};
	unsigned char *bytes = sqlite3_malloc64(sqlite3_value_bytes(values[0]) / 2 + 1), *to = bytes;
	if (bytes == NULL) {
		sqlite3_result_error_nomem(context);
		return;
	}
	while (*text) {
		if (digit(*text) < 0) {
			int passes = contains(&s, character(&text), &p);
			if (passes > 0) continue;
			if (passes < 0) sqlite3_result_error_code(context, INTERRUPT);
			sqlite3_free(bytes);
			return;
		}
		int high = digit(text[0]), low = digit(text[1]);
		if (low < 0) {
			sqlite3_free(bytes);
			return;
		}
		*to++ = (unsigned char)(high << 4 | low);
		text += 2;
	}
	sqlite3_result_blob(context, bytes, (int)(to - bytes), sqlite3_free);
}

int urlite_add_functions(sqlite3 *db) {
	const int utf8 = 1, deterministic = 0x800, innocuous = 0x200000;
	static const struct {
		const char *name;
		int values;
		intptr_t data;
		void (*call)(sqlite3_context*, int, sqlite3_value**);
	} functions[] = {
		{"instr", 2, 0, find},
		{"replace", 3, 0, replace},
		{"trim", 2, LEFT | RIGHT, trim},
		{"ltrim", 2, LEFT, trim},
		{"rtrim", 2, RIGHT, trim},
		{"unhex", 2, 0, unhex},
	};
	for (int i = 0; i < (int)(sizeof functions / sizeof functions[0]); i++) {
		int code = sqlite3_create_function_v2(db, functions[i].name, functions[i].values, utf8 | deterministic | innocuous,
			(void*)functions[i].data, functions[i].call, NULL, NULL, NULL);
		if (code != OK) return code;
	}
	return OK;
}
