/* SPDX-License-Identifier: Apache-2.0 */
/* What a database declares, beside its rows: for the databases that are made of the same
 * collection where there is none. As a value (codec/PROTOCOL.md, section 3) it is
 * [size of a page, encoding, kind of vacuum, is logged, application id, user version,
 * [statement…]]; elements behind these are of newer programs. It comes from other devices, so
 * nothing of it is done but declaring, in memory. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_LAYOUT_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_LAYOUT_H
#include "codec/arena.h"
#include "codec/error.h"
#include "codec/limits.h"

#include <sqlite3.h>

#define CF_DATABASE_STATEMENTS_MAX 2048    /* statements in a value, */
#define CF_DATABASE_MADE_MAX (16 * CF_MIB) /* and bytes of what is made, before its first row */

typedef struct {
    uint64_t page_size;
    const char *encoding;
    uint64_t vacuum;            /* as PRAGMA auto_vacuum says it */
    bool is_logged;             /* writes go through a write-ahead log */
    int64_t application;        /* its program's numbers: application_id, */
    int64_t version;            /* and user_version */
    const cf_bytes *statements; /* in the order in which they were made */
    size_t count;
} cf_database_layout;

/* Appends the value, within a transaction of the caller's. Nothing: it declares nothing, or is over
 * a limit. */
cf_status cf_database_layout_pack(sqlite3 *database, cf_buffer *out, cf_error *error);
/* Whether a database can be made so, here: not where there is a virtual table whose module this
 * SQLite hasn't, or an index by a function that only its own program has. */
bool cf_database_layout_works(cf_bytes value);
/* What is read borrows from the value and the arena. CF_MALFORMED, CF_TOO_LARGE: no database could
 * be made so. */
cf_status cf_database_layout_read(cf_bytes value, cf_arena *arena, cf_database_layout *out,
                                  cf_error *error);
/* Appends the bytes of a database that declares this and has no row. CF_MALFORMED: a statement is
 * no declaration of a table, index, view or trigger of the database itself, or SQLite refuses it;
 * the text says which and why. CF_TOO_LARGE: over CF_DATABASE_MADE_MAX. */
cf_status cf_database_layout_make(const cf_database_layout *layout, cf_buffer *out,
                                  cf_error *error);

/* Appends the bytes of a database in memory, which has no log of any kind; `is_logged`: it is one
 * that has. */
cf_status cf_database_bytes(sqlite3 *made, bool is_logged, cf_buffer *out, cf_error *error);

#endif
