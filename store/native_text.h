#ifndef URLITE_NATIVE_TEXT_H
#define URLITE_NATIVE_TEXT_H

#include "native_sqlite.h"

// urlite_add_functions puts functions of ours in the place of SQLite's on a connection.
int urlite_add_functions(sqlite3*);

#endif
