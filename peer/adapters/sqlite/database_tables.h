/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a database while they are found out about: their columns, their keys, and why some
 * of them are not synced. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_TABLES_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_TABLES_H
#include "peer/adapters/sqlite/database_schema.h"

/* Names of columns that no two rows have the same values in. */
typedef struct {
    cf_bytes *columns;
    cf_collation *collations; /* of each column */
    size_t count;
} cf_found_unique;

/* A table while it is found out about. */
typedef struct {
    cf_database_table table;
    bool rowid;    /* INTEGER PRIMARY KEY, another name of the row's number */
    bool followed; /* a trigger that is followed writes it */
    cf_found_unique *unique;
    size_t unique_count, unique_capacity;
    bool virtual;        /* what a module makes of other tables */
    bool keyless;        /* it has no primary key */
    bool unwanted;       /* nobody asks for it here: it only tells what the keys of others are */
    const char *refused; /* why it isn't synced; NULL */
} cf_found_table;

typedef struct {
    sqlite3 *database;
    cf_database_schema *schema; /* takes the notices, and what they and the tables hold */
    cf_found_table *tables;
    size_t count, capacity;
} cf_schema_reading;

/* Does `visit` with each row of the statement, in which ?1 is the table. */
typedef cf_status cf_row_visit(cf_schema_reading *self, sqlite3_stmt *row, void *context,
                               cf_error *error);
cf_status cf_schema_each(cf_schema_reading *self, const char *sql, cf_bytes table,
                         cf_row_visit *visit, void *context, cf_error *error);
cf_bytes cf_schema_keep(cf_schema_reading *self, sqlite3_stmt *row, int column);
/* Says so once for each name. */
void cf_schema_notice(cf_schema_reading *self, cf_notice_kind kind, cf_bytes name,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
cf_found_table *cf_schema_found(const cf_schema_reading *self, cf_bytes table);
/* Names of SQL differ by more than the case of A to Z. */
bool cf_sql_name_equal(cf_bytes a, cf_bytes b);
/* Where it is among the columns; their count: nowhere. */
size_t cf_found_column(const cf_found_table *found, cf_bytes name);

/* Each table there is, with what can't be synced refused. */
cf_status cf_schema_find_tables(cf_schema_reading *self, const cf_database_choice *choice,
                                cf_error *error);

#endif
