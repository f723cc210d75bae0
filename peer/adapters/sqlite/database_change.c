/* SPDX-License-Identifier: Apache-2.0 */
/* One row of a database, deleted, inserted or updated, always with bound values. */
#include "codec/hash_table.h"
#include "peer/adapters/sqlite/database_inside.h"

#include <stdlib.h>

void cf_row_writing_open(cf_row_writing *self)
{
    self->statements = cf_allocate(self->schema->count, sizeof *self->statements);
    for (size_t i = 0; i < self->schema->count; i++) {
        const cf_database_table *table = &self->schema->tables[i];
        cf_bytes *names = cf_arena_allocate(&self->arena, table->count, sizeof *names);

        for (size_t k = 0; k < table->count; k++)
            names[k] = table->columns[k].field;
        self->statements[i].reading = (cf_row_reading){
            .table = table,
            .names = names,
            .ends = cf_arena_allocate(&self->arena, table->count + 1, sizeof(size_t))};
    }
}

void cf_row_writing_close(cf_row_writing *self)
{
    for (size_t i = 0; i < self->schema->count; i++) {
        cf_table_statements *of = &self->statements[i];

        sqlite3_finalize(of->select);
        sqlite3_finalize(of->insert);
        sqlite3_finalize(of->update);
        sqlite3_finalize(of->remove);
        cf_buffer_release(&of->reading.values);
    }
    free(self->statements);
    cf_arena_release(&self->arena);
}

void cf_row_change_refuse(cf_row_writing *self, cf_row_change *change, const char *reason)
{
    if (!change->refused)
        change->refused = cf_arena_text(&self->arena, cf_bytes_of_text(reason));
    change->open = false;
}

static const cf_database_table *table_of(const cf_row_writing *self, const cf_row_change *change)
{
    return &self->schema->tables[change->place];
}

/* ---- Which item a row is of ---- */

static const cf_row *based(const cf_row_writing *self, const cf_row_change *change)
{
    return change->before ? cf_rows_find(self->base, change->before->table, change->before->key)
                          : NULL;
}

bool cf_row_change_is_of_another(const cf_row_writing *self, const cf_row_change *change)
{
    const cf_row *base = based(self, change);

    return base && change->after && !cf_id_equal(&base->item, &change->after->item);
}

/* ---- What is there ---- */

/* The row that has this one's key; `*there`: there is one, and nothing is wrong with it. */
static cf_status find(cf_row_writing *self, const cf_row_change *change, const cf_row *row,
                      cf_arena *arena, bool *there, cf_row *out, cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_table_statements *of = &self->statements[change->place];
    sqlite3_stmt *statement;
    const char *trouble;
    bool known;

    *there = false;
    cf_status status = cf_row_statement(self->database, table, NULL, cf_row_write_select,
                                        &of->select, &statement, error);
    if (!status && cf_row_bind_keys(table, row, statement, 1))
        status = cf_database_step(statement, there, error);
    if (!status && *there) {
        of->reading.arena = arena;
        cf_database_row_of(&of->reading, statement, out, &trouble, &known);
        *there = !trouble;
    }
    cf_row_statement_end(statement, of->select);
    return status;
}

/* The row there says what is wanted in each column that the write touches. */
static bool same_fields(const cf_database_table *table, const cf_row *there, const cf_row *wanted)
{
    for (size_t i = 0; i < table->count; i++) {
        const cf_database_column *column = &table->columns[i];
        const cf_row_field *is = cf_row_field_named(there, column->field);
        const cf_row_field *should = cf_row_field_named(wanted, column->field);

        if (!column->field.size || (!is && !should) || cf_row_is_left_out(table, wanted, i))
            continue;
        if (!is || !should || !cf_row_field_equal(is, should))
            return false;
    }
    return true;
}

static cf_status shows(cf_row_writing *self, const cf_row_change *change, const cf_row *row,
                       bool *shown, cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_arena arena = {0};
    cf_row there;

    cf_status status = find(self, change, row, &arena, shown, &there, error);
    if (!status && *shown)
        *shown = (table->key_kind == CF_KEY_TUPLE || cf_bytes_equal(there.key, row->key)) &&
                 same_fields(table, &there, row);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_row_is_shown(cf_row_writing *self, const cf_row_change *change, bool *shown,
                          cf_error *error)
{
    return shows(self, change, change->after, shown, error);
}

cf_status cf_row_change_verify(cf_row_writing *self, const cf_row_change *change, cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_arena arena = {0};
    cf_row there;
    bool as_read = true, found = false;
    cf_status status = CF_OK;

    if (change->before)
        status = shows(self, change, change->before, &as_read, error);
    else if (table->key_kind != CF_KEY_TUPLE)
        status = find(self, change, change->after, &arena, &found, &there, error);
    if (found) /* to the database 7 is 7.0: that one was there before, or is in the way */
        found = cf_bytes_equal(there.key, change->after->key);
    cf_arena_release(&arena);
    if (status || (as_read && !found))
        return status;
    return cf_fail(error, CF_CHANGED, "%.*s was changed in the last moment", (int)table->name.size,
                   (const char *)table->name.data);
}

/* ---- What is done ---- */

/* Another row has the key or a unique value: one that is still to be changed may make room. */
static bool is_in_way(int code)
{
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
           code == SQLITE_CONSTRAINT_ROWID;
}

/* Whether it is this row's fault: another one may go through. */
static bool is_of_the_row(int code)
{
    return (code & 0xff) == SQLITE_CONSTRAINT || (code & 0xff) == SQLITE_MISMATCH ||
           (code & 0xff) == SQLITE_TOOBIG;
}

static cf_status do_it(cf_row_writing *self, cf_row_change *change, sqlite3_stmt *statement,
                       cf_row_result *result, cf_error *error)
{
    int code = sqlite3_step(statement);

    *result = CF_ROW_DONE;
    if (code == SQLITE_DONE)
        return CF_OK;
    *result = is_in_way(code) ? CF_ROW_IN_WAY : CF_ROW_REFUSED;
    if (!is_of_the_row(code))
        return cf_database_fail(self->database, error);
    if (*result == CF_ROW_REFUSED)
        cf_row_change_refuse(self, change, sqlite3_errmsg(self->database));
    return CF_OK;
}

static void refuse_value(cf_row_writing *self, cf_row_change *change, cf_row_result *result)
{
    *result = CF_ROW_REFUSED;
    cf_row_change_refuse(self, change, "a database can't hold a value of it, or its key");
}

cf_status cf_row_remove(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_table_statements *of = &self->statements[change->place];
    sqlite3_stmt *statement;

    cf_status status = cf_row_statement(self->database, table, NULL, cf_row_write_remove,
                                        &of->remove, &statement, error);
    if (!status && cf_row_bind_keys(table, change->before, statement, 1))
        status = do_it(self, change, statement, result, error);
    else if (!status)
        refuse_value(self, change, result);
    cf_row_statement_end(statement, of->remove);
    return status;
}

cf_status cf_row_insert(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_table_statements *of = &self->statements[change->place];
    sqlite3_stmt *statement;

    cf_status status = cf_row_statement(self->database, table, change->after, cf_row_write_insert,
                                        &of->insert, &statement, error);
    if (!status && cf_row_has_key(table, change->after) &&
        cf_row_bind_columns(table, change->after, statement))
        status = do_it(self, change, statement, result, error);
    else if (!status)
        refuse_value(self, change, result);
    cf_row_statement_end(statement, of->insert);
    return status;
}

/* Whether the row was known with a value that it hasn't any more: that was emptied elsewhere, and
 * no default stands for it.
 *
 *     "old" in the base, nothing is wanted     NULL, which a NOT NULL refuses
 *     nothing in the base                      what the database has there by itself stays */
static bool is_emptied(const cf_row_writing *self, const cf_row_change *change)
{
    const cf_database_table *table = table_of(self, change);
    const cf_row *base = based(self, change);
    bool emptied = false;

    for (size_t i = 0; base && !emptied && i < table->count; i++)
        emptied = cf_row_is_left_out(table, change->after, i) &&
                  cf_row_field_named(base, table->columns[i].field);
    return emptied;
}

/* Another record in the place of one takes nothing over from that: it is made anew, with the
 * defaults of what it doesn't say. */
static cf_status exchange(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                          cf_error *error)
{
    cf_status status = cf_row_remove(self, change, result, error);

    if (!status && *result == CF_ROW_DONE) {
        status = cf_row_insert(self, change, result, error);
        self->again |= *result == CF_ROW_REFUSED; /* the one before is to stay then */
    }
    return status;
}

cf_status cf_row_update(cf_row_writing *self, cf_row_change *change, cf_row_result *result,
                        cf_error *error)
{
    const cf_database_table *table = table_of(self, change);
    cf_table_statements *of = &self->statements[change->place];
    const bool emptied = is_emptied(self, change);
    sqlite3_stmt *statement;

    if (emptied && cf_row_change_is_of_another(self, change))
        return exchange(self, change, result, error);
    cf_status status = cf_row_statement(self->database, table, emptied ? NULL : change->after,
                                        cf_row_write_update, &of->update, &statement, error);
    if (!status && cf_row_has_key(table, change->after) &&
        cf_row_bind_columns(table, change->after, statement) &&
        cf_row_bind_keys(table, change->before, statement, table->count + 1))
        status = do_it(self, change, statement, result, error);
    else if (!status)
        refuse_value(self, change, result);
    cf_row_statement_end(statement, of->update);
    return status;
}

/* ---- Places that keep their row ---- */

/* A place whose change is refused keeps the row that it has. Where that is another record than the
 * one which was to come (two devices counted to the same number, a key was used again), it isn't
 * shown under its new key, too: it would be there twice. */

typedef struct {
    cf_hash_link link;
    cf_row_change *change;
} shown_row;

/* What would show under another key the row that stays in this one's place. */
static cf_row_change *shows_elsewhere(const cf_row_writing *self, const cf_hash_table *shown,
                                      const cf_row_change *change)
{
    const cf_row *base = based(self, change);
    cf_hash_link *link = base ? cf_hash_table_first(shown, cf_hash_id(0, &base->item)) : NULL;

    for (; link; link = cf_hash_table_next(link)) {
        cf_row_change *other = cf_container_of(link, shown_row, link)->change;

        if (other != change && !other->refused && cf_id_equal(&other->after->item, &base->item))
            return other;
    }
    return NULL;
}

/* A row that was to be changed is refused, and stays as it was: with what only it can have. */
static bool any_stays(const cf_row_writing *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->changes[i].refused && self->changes[i].before)
            return true;
    return false;
}

void cf_row_writing_keep_places(cf_row_writing *self)
{
    cf_hash_table shown = {0};

    if (!any_stays(self))
        return;
    shown_row *rows = cf_allocate(self->count, sizeof *rows);
    for (size_t i = 0; i < self->count; i++) {
        rows[i].change = &self->changes[i];
        if (self->changes[i].after)
            cf_hash_table_add(&shown, &rows[i].link, cf_hash_id(0, &self->changes[i].after->item));
    }
    for (size_t i = 0; i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        while (change && change->refused && (change = shows_elsewhere(self, &shown, change))) {
            cf_row_change_refuse(self, change,
                                 "it stays under the key that it has here: what should have that "
                                 "can't be brought here");
            self->again = true;
        }
    }
    cf_hash_table_release(&shown);
    free(rows);
}
