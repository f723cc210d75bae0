/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction that makes rows others. What was read must be there as it was (CF_CHANGED); then
 * changes are made in passes until none gets further, and where a row is refused for which others
 * were changed, all is done anew without that row. What a program's rules refuse is told, and never
 * forced. */
#include <stdlib.h>

#include "peer/adapters/rewrite.h"
#include "peer/adapters/sqlite/database_inside.h"

enum { ROUNDS = 64 }; /* each refuses a row at least for which others were done */

void cf_database_outcome_release(cf_database_outcome *outcome)
{
    free(outcome->refusals);
    cf_arena_release(&outcome->arena);
    *outcome = (cf_database_outcome){0};
}

static void note_refusal(cf_database_outcome *out, const cf_row *row, const char *reason)
{
    *cf_one_more(out->refusals, out->count, out->capacity) = (cf_database_refusal){
        row->table, row->key, cf_arena_text(&out->arena, cf_bytes_of_text(reason))};
}

/* ---- What is to be done ---- */

static bool same_row(const cf_row *a, const cf_row *b)
{
    bool same = a->field_count == b->field_count;

    for (size_t i = 0; same && i < a->field_count; i++)
        same = cf_bytes_equal(a->fields[i].name, b->fields[i].name) &&
               cf_row_field_equal(&a->fields[i], &b->fields[i]);
    return same;
}

static void add_change(cf_row_writing *self, const cf_row *before, const cf_row *after,
                       cf_database_outcome *out)
{
    const cf_row *row = after ? after : before;
    const cf_database_table *table = cf_database_table_named(self->schema, row->table);

    if (!table)
        note_refusal(out, row, "there is no such table here");
    else
        self->changes[self->count++] =
            (cf_row_change){before, after, (size_t)(table - self->schema->tables), NULL, false};
}

static void compare(cf_row_writing *self, const cf_record_file *before, const cf_row *wanted,
                    size_t count, cf_database_outcome *out)
{
    cf_rewrite rewrite = cf_rewrite_of(before, wanted, count, NULL);
    cf_rewrite_step step;

    self->changes = cf_allocate(before->count + count, sizeof *self->changes);
    while (cf_rewrite_next(&rewrite, &step))
        if (!step.is || !step.wanted || !same_row(step.is, step.wanted))
            add_change(self, step.is, step.wanted, out);
    cf_rewrite_release(&rewrite);
}

/* ---- Making the changes ---- */

static cf_status undo(sqlite3 *database, cf_error *error)
{
    return cf_database_run(database, "ROLLBACK TO apply", error);
}

/* A row that isn't synced may refer since to one that is to be changed. */
static cf_status verify_pins(cf_row_writing *self, cf_error *error)
{
    cf_record_file now = {0};
    bool matters = false;
    cf_status status = CF_OK;

    for (size_t i = 0; i < self->count; i++)
        matters |= self->changes[i].before != NULL;
    if (matters)
        status = cf_database_pins_read(self->database, self->schema, NULL, &now, error);
    if (!status && matters && now.pins_hash != self->before->pins_hash)
        status = cf_fail(error, CF_CHANGED, "what refers to its rows was changed just now");
    cf_record_file_release(&now);
    return status;
}

static cf_status verify(cf_row_writing *self, cf_error *error)
{
    int64_t version;
    cf_status status =
        cf_database_number(self->database, "PRAGMA main.schema_version", &version, error);

    if (!status && version != self->schema->version)
        status = cf_fail(error, CF_CHANGED, "its schema was changed just now");
    for (size_t i = 0; !status && i < self->count; i++)
        status = cf_row_change_verify(self, &self->changes[i], error);
    if (!status)
        status = verify_pins(self, error);
    return status ? status : cf_row_writing_look_up(self, error);
}

static cf_status remove_rows(cf_row_writing *self, cf_error *error)
{
    cf_status status = CF_OK;
    cf_row_result result;

    for (size_t i = 0; !status && i < self->count; i++) {
        cf_row_change *change = &self->changes[i];

        if (!change->after && !change->refused)
            status = cf_row_remove(self, change, &result, error);
        change->open = change->after && !change->refused;
    }
    return status;
}

/* One pass over what is open; `*progress`: something was done. */
static cf_status pass(cf_row_writing *self, bool *progress, cf_error *error)
{
    cf_status status = CF_OK;

    *progress = false;
    for (size_t i = 0; !status && i < self->count; i++) {
        cf_row_change *change = &self->changes[i];
        cf_row_result result;

        if (!change->open)
            continue;
        status = change->before ? cf_row_update(self, change, &result, error)
                                : cf_row_insert(self, change, &result, error);
        if (!status && result == CF_ROW_DONE)
            change->open = false;
        *progress |= !change->open;
    }
    return status;
}

static size_t count_open(const cf_row_writing *self, bool updates)
{
    size_t count = 0;

    for (size_t i = 0; i < self->count; i++)
        count += self->changes[i].open && (!updates || self->changes[i].before);
    return count;
}

static cf_status take_out(cf_row_writing *self, cf_error *error)
{
    cf_status status = CF_OK;
    cf_row_result result;

    for (size_t i = 0; !status && i < self->count; i++)
        if (self->changes[i].open && self->changes[i].before)
            status = cf_row_remove(self, &self->changes[i], &result, error);
    return status;
}

/* A value that only one row can have, and another one has here, as an index of some rows alone says
 * it, of which a schema knows nothing. */
static void refuse_taken(cf_row_writing *self, cf_row_change *change)
{
    cf_buffer reason = {0};

    cf_buffer_append_text(&reason,
                          "%s, which another row has here: give one of the two another value, and "
                          "sync",
                          sqlite3_errmsg(self->database));
    cf_row_change_refuse(self, change, cf_arena_text(&self->arena, cf_buffer_view(&reason)));
    cf_buffer_release(&reason);
}

/* Rows that are in each other's way (two that exchange a unique value) are taken out, and put in
 * again. What can't even then be put in is refused, and all is done anew without it. */
static cf_status untangle(cf_row_writing *self, cf_error *error)
{
    bool tangled = count_open(self, true) > 0;
    cf_status status = tangled ? take_out(self, error) : CF_OK;

    for (size_t i = 0; !status && i < self->count; i++) {
        cf_row_change *change = &self->changes[i];
        cf_row_result result;

        if (!change->open)
            continue;
        status = cf_row_insert(self, change, &result, error);
        if (!status && result == CF_ROW_IN_WAY)
            refuse_taken(self, change);
        self->again |= tangled && change->refused;
        change->open = false;
    }
    return status;
}

/* A value that the database alters (another type, a trigger) would come back as a user's change. */
static cf_status check_values(cf_row_writing *self, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < self->count; i++) {
        cf_row_change *change = &self->changes[i];
        bool shown = true;

        if (change->after && !change->refused)
            status = cf_row_is_shown(self, change, &shown, error);
        if (shown)
            continue;
        cf_row_change_refuse(self, change, "this database would make other values of it");
        self->again = true;
    }
    return status;
}

static cf_status apply_once(cf_row_writing *self, cf_error *error)
{
    bool progress = true;

    self->again = false;
    cf_status status = remove_rows(self, error);
    while (!status && progress && count_open(self, false))
        status = pass(self, &progress, error);
    if (!status && count_open(self, false))
        status = untangle(self, error);
    if (!status && !self->again)
        status = check_values(self, error);
    if (!status && !self->again)
        cf_row_writing_keep_places(self);
    if (!status && !self->again)
        status = cf_row_writing_check(self, error);
    return status;
}

static cf_status apply(cf_row_writing *self, cf_error *error)
{
    cf_status status = cf_database_run(self->database, "SAVEPOINT apply", error);

    for (int round = 0; !status && round < ROUNDS; round++) {
        status = apply_once(self, error);
        if (status || !self->again)
            return status;
        status = undo(self->database, error);
    }
    return status ? status : cf_fail(error, CF_IO, "too many rows can't be brought into it");
}

/* ---- Triggers ---- */

/* Of what a followed trigger does, nothing to rows that are synced. */
static int only_unsynced(void *context, int action, const char *table, const char *column,
                         const char *schema, const char *trigger)
{
    const cf_row_writing *self = context;

    (void)column;
    (void)schema;
    if (!trigger || (action != SQLITE_INSERT && action != SQLITE_UPDATE))
        return SQLITE_OK;
    for (size_t i = 0; i < self->schema->count; i++) {
        cf_bytes name = self->schema->tables[i].name;

        if (sqlite3_strnicmp(table, (const char *)name.data, (int)name.size) == 0 &&
            !table[name.size])
            return SQLITE_IGNORE;
    }
    return SQLITE_OK;
}

static cf_status set_triggers(cf_row_writing *self, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < self->schema->follower_count; i++)
        status = cf_database_run(self->database, self->schema->followers[i], error);
    sqlite3_set_authorizer(self->database, only_unsynced, self);
    return status;
}

/* ---- The transaction ---- */

static void tell(cf_row_writing *self, cf_database_outcome *out)
{
    for (size_t i = 0; i < self->count; i++) {
        const cf_row_change *change = &self->changes[i];

        if (change->refused) {
            note_refusal(out, change->after ? change->after : change->before, change->refused);
            continue;
        }
        out->written++;
        out->gave |=
            change->after && cf_row_leaves_out(&self->schema->tables[change->place], change->after);
    }
}

static cf_status write(cf_row_writing *self, cf_database_outcome *out, cf_error *error)
{
    cf_error ignored;
    cf_status status = set_triggers(self, error);

    if (!status)
        status = cf_database_run(self->database, "BEGIN IMMEDIATE", error);
    cf_row_writing_open(self);
    if (!status)
        status = verify(self, error);
    if (!status)
        status = apply(self, error);
    if (!status)
        tell(self, out);
    cf_row_writing_close(self);
    if (!status && out->written)
        status = cf_database_run(self->database, "COMMIT", error);
    if (!sqlite3_get_autocommit(self->database))
        cf_database_run(self->database, "ROLLBACK", &ignored);
    sqlite3_set_authorizer(self->database, NULL, NULL);
    return status;
}

cf_status cf_database_rows_write(const char *path, const cf_database_schema *schema,
                                 const cf_rows *base, const cf_record_file *before,
                                 const cf_row *wanted, size_t count, cf_database_outcome *out,
                                 cf_error *error)
{
    cf_row_writing self = {.schema = schema, .base = base, .before = before};
    cf_status status = CF_OK;
    cf_error ignored;

    *out = (cf_database_outcome){0};
    compare(&self, before, wanted, count, out);
    if (self.count)
        status = cf_database_open(path, true, &self.database, error);
    if (!status && self.count)
        status = write(&self, out, error);
    if (!status && self.count && cf_database_writes(self.database, &out->writes, &ignored))
        out->writes = 0; /* it is learned by the next look */
    cf_database_close(&self.database);
    free(self.changes);
    return status;
}
