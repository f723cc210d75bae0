/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and columns that this source had and has no more, or has though another one says that
 * nobody has them (log/catalog_forgotten.h). What a source never had it says nothing of.
 *
 *     the table tags, of 3 rows, is dropped here: this source says that nobody has it, and the rows
 *       leave its base, so that they don't count as deleted
 *     desktop has it: its next look says the contrary, and the rows stay with desktop
 *     desktop drops it, too: the log keeps the rows, and nobody lists them any more */
#include "peer/sources/records/record_source_inside.h"

#include "peer/log/catalog_forgotten.h"

#include <stdlib.h>

typedef struct {
    cf_record_run *run;
    cf_forgotten_word *words;
    size_t count, capacity;
} telling;

static void say(telling *self, cf_bytes table, cf_bytes field, bool is_forgotten)
{
    cf_forgotten_word *word = cf_one_more(self->words, self->count, self->capacity);

    *word = (cf_forgotten_word){{table, field}, is_forgotten};
}

/* ---- What the source has ---- */

/* Whether any row here says something in the column: of a file with room for everything that is all
 * that tells which columns it has. */
static bool has_said(const cf_record_run *run, cf_bytes table, cf_bytes field)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; i < file->count; i++)
        if (cf_bytes_equal(file->rows[i].table, table) && cf_row_field_named(&file->rows[i], field))
            return true;
    return false;
}

/* The table takes any column that comes: that it holds one says nothing. */
static bool has_room_for_all(const cf_record_run *run, cf_bytes table)
{
    static const uint8_t any[] = "/";

    return run->content.format.whole ||
           cf_format_holds(&run->content.format, table, cf_bytes_of(any, sizeof any - 1));
}

/* The table is in the database and can't be synced: so it is there. */
static bool is_noticed(const cf_record_run *run, cf_bytes table)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; i < file->trouble_count; i++)
        if (cf_bytes_equal(file->troubles[i].where, table))
            return true;
    return false;
}

/* Whether the source has the column; or the table, which only a database says of itself. */
static bool has(const cf_record_run *run, const cf_forgotten_place *place)
{
    if (!run->content.there || !cf_format_holds_table(&run->content.format, place->table))
        return false;
    if (!place->field.size)
        return run->content.schema != NULL;
    return has_room_for_all(run, place->table)
               ? has_said(run, place->table, place->field)
               : cf_format_holds(&run->content.format, place->table, place->field);
}

/* Says of what is called forgotten, and is here, that it is not. */
static void contradict(telling *self)
{
    const cf_forgotten *forgotten = &self->run->forgotten;

    for (size_t i = 0; i < forgotten->count; i++)
        if (has(self->run, &forgotten->at[i]))
            say(self, forgotten->at[i].table, forgotten->at[i].field, false);
}

/* ---- What the source had ---- */

/* The database has no such table, though it is asked for. */
static bool is_away(const cf_record_run *run, cf_bytes table)
{
    return !cf_schema_find(run->content.schema, table) &&
           cf_record_includes_table(run->source->binding, table) && !is_noticed(run, table);
}

/* Says of tables that the database had when it was last agreed, and hasn't now, that nobody has
 * them. */
static void tell_tables(telling *self)
{
    cf_record_run *run = self->run;

    for (size_t i = 0; run->content.schema && i < run->own.count; i++) {
        cf_bytes table = run->own.tables[i].name;

        if (is_away(run, table) && !cf_forgotten_has(&run->forgotten, table, (cf_bytes){0}))
            say(self, table, (cf_bytes){0}, true);
    }
}

/* Says of columns that the source had when it was last agreed, and hasn't now though their table is
 * here, that nobody has them. */
static void tell_columns(telling *self)
{
    cf_record_run *run = self->run;
    const cf_row_format *had = run->source->medium->had, *now = &run->content.format;

    for (size_t i = 0; had && i < had->count; i++) {
        const cf_format_table *table = &had->tables[i];

        if (!cf_format_holds_table(now, table->name))
            continue;
        for (size_t k = 0; k < table->field_count; k++) {
            cf_bytes field = table->fields[k].name;

            if (!cf_format_holds(now, table->name, field) &&
                !cf_forgotten_has(&run->forgotten, table->name, field))
                say(self, table->name, field, true);
        }
    }
}

/* The source's columns have the names that stand in it; what a map makes of them is no column's. */
static bool has_columns(const cf_record_run *run)
{
    return run->content.schema || (cf_record_run_has_columns(run) && run->content.there);
}

/* ---- Telling ---- */

/* Rows of a table that nobody has any more leave the base, so that they never count as deleted. */
static void drop_rows(cf_record_run *run)
{
    cf_binding *binding = run->source->binding;
    const cf_row *row = cf_rows_next(binding->rows, NULL);

    while (row && run->content.schema) {
        const cf_row *next = cf_rows_next(binding->rows, row);

        if (cf_forgotten_has(&run->forgotten, row->table, (cf_bytes){0}) &&
            is_away(run, row->table)) {
            cf_bytes table = cf_arena_copy(&run->arena, row->table);

            cf_binding_drop_row(binding, table, cf_arena_copy(&run->arena, row->key),
                                &run->records);
        }
        row = next;
    }
}

/* Whether this device may say that its source has no such table or column: it publishes, and has
 * read all of the source. */
static bool may_tell(const cf_record_run *run)
{
    const cf_source_context *context = run->source->context;
    cf_error ignored;
    cf_hash epoch;

    return !run->look_only && !run->cut && !context->silent && !cf_record_run_receives(run) &&
           cf_peer_epoch(context->peer, &epoch, &ignored) == CF_OK;
}

cf_status cf_record_run_tell_forgotten(cf_record_run *run, cf_error *error)
{
    const cf_id *collection = &run->source->binding->collection;
    telling self = {.run = run};
    cf_pending_kind kind;
    cf_status status = CF_OK;

    if (may_tell(run)) {
        contradict(&self);
        if (!cf_record_run_silence(run, &kind)) /* else `own` stays, and it is told then */
            tell_tables(&self);
        if (has_columns(run))
            tell_columns(&self);
    }
    if (self.count)
        status = cf_catalog_write_forgotten(run->source->context->peer, collection, self.words,
                                            self.count, run->now_ms, error);
    if (!status && self.count)
        status = cf_record_run_read_schema(run, error);
    if (!status && !run->look_only)
        drop_rows(run);
    free(self.words);
    return status;
}
