/* SPDX-License-Identifier: Apache-2.0 */
/* What the files share that read and write the rows of a database. */
#ifndef CF_PEER_ADAPTERS_SQLITE_DATABASE_INSIDE_H
#define CF_PEER_ADAPTERS_SQLITE_DATABASE_INSIDE_H
#include "peer/adapters/sqlite/database_rows.h"

/* ---- A row as it comes out (database_read.c) ---- */

/* Appends the value, nothing for NULL; false: there is none for it. `wide`: the database has its
 * texts in UTF-16. */
bool cf_database_value(sqlite3_stmt *statement, int column, bool wide, cf_buffer *out);
/* Appends the columns of the table in their order, as a SELECT lists them. */
void cf_database_list_columns(const cf_database_table *table, cf_buffer *sql);

typedef struct {
    const cf_database_table *table;
    const cf_bytes *names; /* of the fields, in the order of the columns */
    bool wide;             /* the database has its texts in UTF-16 */
    cf_arena *arena;       /* of the rows */
    cf_buffer values;
    size_t *ends;
} cf_row_reading;

/* `*trouble`: what is wrong with it, NULL for nothing; `*known`: its key is not. The key of a tuple
 * is nothing yet. */
void cf_database_row_of(cf_row_reading *self, sqlite3_stmt *statement, cf_row *out,
                        const char **trouble, bool *known);

/* Adds the rows of the table at this place of the schema which the clause leaves; nothing: all. The
 * key of a tuple is nothing yet. */
cf_status cf_database_table_read(sqlite3 *database, const cf_database_schema *schema, size_t place,
                                 cf_bytes where, cf_record_file *out, cf_error *error);

/* Which rows other tables refer to that aren't synced (database_pins.c). `base` NULL: only whether
 * they are others than they were is asked, the hash. */
cf_status cf_database_pins_read(sqlite3 *database, const cf_database_schema *schema,
                                const cf_rows *base, cf_record_file *out, cf_error *error);

/* ---- Statements (database_statements.c) ---- */

/* What the row says for the column; nothing: NULL. */
cf_bytes cf_row_column(const cf_database_table *table, const cf_row *row,
                       const cf_database_column *column);
/* What a row doesn't say, the database does: its default. */
bool cf_row_is_left_out(const cf_database_table *table, const cf_row *row, size_t column);
/* Whether it leaves any out. */
bool cf_row_leaves_out(const cf_database_table *table, const cf_row *row);
/* A row in whose key something is missing would get one. */
bool cf_row_has_key(const cf_database_table *table, const cf_row *row);

typedef void cf_row_statement_text(const cf_database_table *table, const cf_row *row,
                                   cf_buffer *sql);
cf_row_statement_text cf_row_write_select, cf_row_write_insert, cf_row_write_update,
    cf_row_write_remove;
/* `kept`: where the statement stays for the next row; one that leaves columns out serves once.
 * `row` NULL: it says everything. */
cf_status cf_row_statement(sqlite3 *database, const cf_database_table *table, const cf_row *row,
                           cf_row_statement_text *write, sqlite3_stmt **kept, sqlite3_stmt **out,
                           cf_error *error);
void cf_row_statement_end(sqlite3_stmt *statement, sqlite3_stmt *kept);

/* False: a database can't hold a value. Each column has the parameter of its place, those of the
 * key in WHERE begin at `first`. */
bool cf_row_bind_columns(const cf_database_table *table, const cf_row *row,
                         sqlite3_stmt *statement);
bool cf_row_bind_keys(const cf_database_table *table, const cf_row *row, sqlite3_stmt *statement,
                      size_t first);

/* ---- Changing rows (database_change.c) ---- */

typedef struct {
    const cf_row *before, *after; /* one of them may be NULL */
    size_t place;                 /* of the table */
    const char *refused;          /* why it is not done; NULL */
    bool open;                    /* not done yet */
} cf_row_change;

/* Statements of one table, made when they are needed first. */
typedef struct {
    sqlite3_stmt *select, *insert, *update, *remove;
    cf_row_reading reading;
} cf_table_statements;

/* A row that refers to nothing. */
typedef struct cf_dangling {
    struct cf_dangling *next;
    size_t place;
    const cf_foreign_key *key;
    cf_row row;
} cf_dangling;

typedef struct {
    sqlite3 *database;
    const cf_database_schema *schema;
    const cf_rows *base;          /* which record is where */
    const cf_record_file *before; /* what was read */
    cf_row_change *changes;
    size_t count;
    cf_table_statements *statements; /* of each table */
    cf_dangling *dangling;           /* before anything was done */
    cf_arena arena;
    bool again; /* something was refused for which others were done already */
} cf_row_writing;

void cf_row_writing_open(cf_row_writing *self);
void cf_row_writing_close(cf_row_writing *self);

/* Where the database doesn't show what the change is made from: CF_CHANGED. */
cf_status cf_row_change_verify(cf_row_writing *self, const cf_row_change *change, cf_error *error);
/* Refuses a change; the reason is copied. */
void cf_row_change_refuse(cf_row_writing *self, cf_row_change *change, const char *reason);

typedef enum {
    CF_ROW_DONE,
    CF_ROW_REFUSED, /* it is now */
    CF_ROW_IN_WAY,  /* another row has what it needs to be unique */
} cf_row_result;
/* Deletes the row before, inserts the row after, or makes one of the other. */
cf_status cf_row_remove(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error);
cf_status cf_row_insert(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error);
cf_status cf_row_update(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error);
/* Whether the database now shows the row as it is wanted. */
cf_status cf_row_is_shown(cf_row_writing *self, const cf_row_change *change, bool *shown,
                          cf_error *error);

/* ---- Places that keep their row (database_change.c) ---- */

/* Whether the row that is there is another record than the one that is to come. */
bool cf_row_change_is_of_another(const cf_row_writing *self, const cf_row_change *change);
/* Refuses to show under another key what stays where it is because of a refusal. */
void cf_row_writing_keep_places(cf_row_writing *self);

/* ---- Foreign keys (database_foreign.c) ---- */

/* Before anything is done: which rows refer to nothing already. */
cf_status cf_row_writing_look_up(cf_row_writing *self, cf_error *error);
/* Refuses rows that refer to what was refused, or that would refer to nothing and did not. */
cf_status cf_row_writing_check(cf_row_writing *self, cf_error *error);

/* ---- Keys of tables that join others (database_tuples.c) ---- */

/* Gives the rows of tables whose key is a tuple the key that the base has for it; new ones a hash
 * of what the tuple refers to, the same on all devices as far as they know the same rows. */
void cf_database_give_keys(const cf_database_schema *schema, const cf_rows *base,
                           cf_record_file *file);

#endif
