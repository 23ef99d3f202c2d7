#include "native_account.h"

#include <pthread.h>
#include <stddef.h>

// SQLite's memory and its temporary files are of the process, and its own limits are too:
// one request's hunger would be everybody's. So both are counted per request here, between
// SQLite and the system, and a request that takes too much is told that there is no more.

__thread urlite_account *urlite_payer;

// https://sqlite.org/c3ref/mem_methods.html
typedef struct {
	void *(*xMalloc)(int);
	void (*xFree)(void*);
	void *(*xRealloc)(void*, int);
	int (*xSize)(void*);
	int (*xRoundup)(int);
	int (*xInit)(void*);
	void (*xShutdown)(void*);
	void *pAppData;
} memory_methods;

static memory_methods memory; // of the system

// may_take tells whether there is so much more. Some functions take a no in silence and go on
// for as long as their rows do, so the statement is stopped as well.
static int may_take(urlite_account *payer, sqlite3_int64 more) {
	if (payer->memory + more <= payer->memory_max) return 1;
	payer->exceeded |= OVER_MEMORY;
	sqlite3_interrupt(payer->db);
	return 0;
}

static void *take(int size) {
	urlite_account *payer = urlite_payer;
	if (payer == NULL) return memory.xMalloc(size);
	if (!may_take(payer, size)) return NULL;
	void *taken = memory.xMalloc(size);
	if (taken != NULL) payer->memory += memory.xSize(taken);
	return taken;
}

static void *retake(void *taken, int size) {
	urlite_account *payer = urlite_payer;
	if (payer == NULL) return memory.xRealloc(taken, size);
	int before = memory.xSize(taken);
	if (!may_take(payer, (sqlite3_int64)size - before)) return NULL;
	void *moved = memory.xRealloc(taken, size);
	if (moved != NULL) payer->memory += memory.xSize(moved) - before;
	return moved;
}

static void give(void *taken) {
	if (urlite_payer != NULL && taken != NULL) urlite_payer->memory -= memory.xSize(taken);
	memory.xFree(taken);
}

// https://sqlite.org/c3ref/vfs.html and https://sqlite.org/c3ref/io_methods.html, the second
// up to what is changed here; the rest of it is copied by its version.
typedef struct io_methods io_methods;
typedef struct { const io_methods *methods; } file;
struct io_methods {
	int iVersion;
	int (*xClose)(file*);
	int (*xRead)(file*, void*, int, sqlite3_int64);
	int (*xWrite)(file*, const void*, int, sqlite3_int64);
	void *rest[15]; // to version 3
};
typedef struct vfs vfs;
struct vfs {
	int iVersion, szOsFile, mxPathname;
	vfs *pNext;
	const char *zName;
	void *pAppData;
	int (*xOpen)(vfs*, const char*, file*, int, int*);
	void *rest[15]; // to version 3
};
extern LINKED vfs *sqlite3_vfs_find(const char*);
extern LINKED int sqlite3_vfs_register(vfs*, int);

static vfs *system_files, counted_files;
static const io_methods *temporary; // of the system
static io_methods counted;
static pthread_mutex_t meeting = PTHREAD_MUTEX_INITIALIZER;

static int write_temporary(file *f, const void *bytes, int size, sqlite3_int64 at) {
	urlite_account *payer = urlite_payer;
	if (payer != NULL && (payer->spilled += size) > payer->spilled_max) {
		payer->exceeded |= OVER_FILES;
		return FULL;
	}
	return temporary->xWrite(f, bytes, size, at);
}

// open_file is the system's, but for the writing to temporary files.
static int open_file(vfs *self, const char *name, file *f, int flags, int *flags_out) {
	const int delete_on_close = 8;
	int code = system_files->xOpen(system_files, name, f, flags, flags_out);
	if (code != OK || (flags & delete_on_close) == 0 || f->methods == NULL) return code;
	pthread_mutex_lock(&meeting);
	if (temporary == NULL && f->methods->iVersion <= 3) {
		counted = *f->methods;
		counted.xWrite = write_temporary;
		temporary = f->methods;
	}
	if (f->methods == temporary) f->methods = &counted;
	pthread_mutex_unlock(&meeting);
	return code;
}

int urlite_install(void) {
	const int set_malloc = 4, get_malloc = 5; // SQLITE_CONFIG_MALLOC, _GETMALLOC
	int code = sqlite3_config(get_malloc, &memory);
	if (code != OK) return code;
	memory_methods ours = memory;
	ours.xMalloc = take;
	ours.xRealloc = retake;
	ours.xFree = give;
	if ((code = sqlite3_config(set_malloc, &ours)) != OK) return code;
	if ((system_files = sqlite3_vfs_find(NULL)) == NULL || system_files->iVersion > 3) return MISUSE;
	counted_files = *system_files;
	counted_files.zName = "urlite";
	counted_files.xOpen = open_file;
	return sqlite3_vfs_register(&counted_files, 1);
}
