/* SPDX-License-Identifier: Apache-2.0 */
/* A database in tests of its adapter: made, read, written, and changed by another program. */
#ifndef CF_TESTS_PEER_ADAPTERS_DATABASE_H
#define CF_TESTS_PEER_ADAPTERS_DATABASE_H
#include "peer/adapters/sqlite/database_rows.h"
#include "tests/peer/adapters/rows.h"

typedef struct {
    char folder[96];
    char path[128];
    sqlite3 *other; /* its own program */
    cf_database_schema schema;
    cf_rows *base;
    cf_record_file rows;
    cf_error error;
} database;

database *database_arrive(void);
void database_leave(database **self);
/* What its own program does. */
void database_does(database *self, const char *sql);
/* The first column of the first row, as text. */
void expect_query(database *self, const char *sql, const char *text);

/* Reads schema and rows anew. */
cf_status database_read(database *self);
/* "TABLE(serial|natural|tuple) FIELD[!][>TABLE]… unique(FIELD,…)\n"; "NAME: REASON\n" */
void expect_schema(database *self, const char *text);
void expect_notices(database *self, const char *text);
/* "TABLE KEY NAME=VALUE…\n" of all tables. */
void expect_database(database *self, const char *text);

/* Makes it show what `from` shows. */
cf_status database_write(database *self, const database *from, cf_database_outcome *out);
/* "TABLE KEY REASON\n" */
void expect_refusals(const cf_database_outcome *outcome, const char *text);

#endif
