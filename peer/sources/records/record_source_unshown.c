/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that can't be shown here, and why: those that the view holds back, and those that the medium
 * refused when it was last written. The latter is kept, since only a write finds it out and
 * `status` never writes: [[table, key, hash of the row that was refused, reason]…].
 *
 * A format that has no words for a value keeps it where its source shows it already. That can be
 * what the rest of the row leaves no place for, such as the time zone of an event that lasts all
 * day now; only a write finds that out, too. Such a row is tried once more, without what is plain
 * of it: the log keeps that. An occurrence or an alarm stays, rather than be missed here. */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/log/record_names.h"
#include "peer/records/row_same.h"

#include <stdlib.h>

enum { REFUSED_MAX = 1000 };

/* ---- By the view ---- */

static bool has_value(const cf_row *row, cf_bytes field)
{
    return cf_row_field_named(row, field) != NULL;
}

static void note_lacking(cf_record_run *run, const cf_row *row, const cf_row_place *place)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    cf_buffer names = {0};

    for (size_t i = 0; table && i < table->required_count; i++) {
        if (has_value(row, table->required[i]))
            continue;
        if (names.size)
            cf_buffer_append_text(&names, ", ");
        cf_record_field_text(table->required[i], &names);
    }
    if (!names.size)
        cf_buffer_append_text(&names, "key that its table can have");
    cf_record_note(run, CF_PENDING_SKIPPED, place,
                   "it has no %.*s, without which it can't be shown", (int)names.size,
                   (const char *)names.data);
    cf_buffer_release(&names);
}

static void add_same(cf_record_run *run, const cf_row_place *place, cf_buffer *reason)
{
    const cf_record_source *source = run->source;
    cf_buffer path = {0};

    cf_record_run_path(run, place, &path);
    cf_buffer_append_text(
        reason, "; `counterfoil conflicts resolve '%s//%.*s' --same` says that both are one",
        cf_catalog_name(source->workshop->peer, &source->binding->collection, &run->arena),
        (int)path.size, (const char *)path.data);
    cf_buffer_release(&path);
}

/* Another row has its key, or what only one row can have. */
static void note_beaten(cf_record_run *run, const cf_row_held *held, const cf_row_place *place)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, held->row.table);
    cf_buffer names = {0}, rival = {0}, reason = {0};

    if (!held->unique || !held->rival) {
        cf_record_note(run, CF_PENDING_SKIPPED, place, "another one has the same key");
        return;
    }
    for (size_t i = 0; i < held->unique->count; i++) {
        if (i)
            cf_buffer_append_text(&names, ", ");
        cf_record_field_text(held->unique->names[i], &names);
    }
    cf_record_path(held->rival->item.bytes[0], held->rival->table, held->rival->key, &rival);
    cf_buffer_append_text(&reason,
                          "only one row can have the same %.*s, and that is %.*s: change it in "
                          "that one, or delete that one, and sync",
                          (int)names.size, (const char *)names.data, (int)rival.size,
                          (const char *)rival.data);
    if (table && cf_table_has_same(table))
        add_same(run, place, &reason);
    cf_buffer_append(&reason, "", 1);
    cf_record_note_text(run, CF_PENDING_SKIPPED, place, (const char *)reason.data);
    cf_buffer_release(&reason);
    cf_buffer_release(&names);
    cf_buffer_release(&rival);
}

void cf_record_run_note_held_back(cf_record_run *run)
{
    size_t count;
    const cf_row_held *held = cf_row_view_held(run->view, &count);

    for (size_t i = 0; i < count; i++) {
        const cf_row *row = &held[i].row;
        const cf_row_place place = {row->table, row->key};

        if (held[i].why == CF_HELD_REQUIRED)
            note_lacking(run, row, &place);
        else if (held[i].why == CF_HELD_UNIQUE)
            note_beaten(run, &held[i], &place);
        else
            cf_record_note(run, CF_PENDING_SKIPPED, &place, "what it refers to can't be shown");
    }
}

/* ---- By the medium ---- */

/* Of the row that is to be shown there; 0: none is. */
static uint64_t hash_shown(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    const cf_row *shown = cf_record_run_shown(run, table, key);
    cf_buffer packed = {0};

    if (!shown)
        return 0;
    cf_row bare = *shown;
    bare.refs = (cf_bytes){0};
    cf_row_pack(&bare, &packed);
    uint64_t hash = cf_hash_bytes(0, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return hash;
}

static void pack_refusal(const cf_record_run *run, const cf_medium_refusal *refusal, cf_buffer *out)
{
    cf_pack_array(out, 4);
    cf_pack_bin(out, refusal->table);
    cf_pack_bin(out, refusal->key);
    cf_pack_uint(out, hash_shown(run, refusal->table, refusal->key));
    cf_pack_bin(out, cf_bytes_of_text(refusal->text));
}

void cf_record_run_keep_refusals(cf_record_run *run, const cf_medium_outcome *outcome)
{
    cf_buffer now = {0};
    size_t count = 0;

    for (size_t i = 0; i < outcome->count && count < REFUSED_MAX; i++)
        count += outcome->refusals[i].why != CF_CHANGED;
    if (count)
        cf_pack_array(&now, count);
    for (size_t i = 0, packed = 0; packed < count; i++)
        if (outcome->refusals[i].why != CF_CHANGED) {
            pack_refusal(run, &outcome->refusals[i], &now);
            packed++;
        }
    cf_record_run_keep(run, CF_TABLE_REFUSED, cf_buffer_view(&now), &run->records);
    cf_buffer_release(&now);
}

static int by_place(const void *a, const void *b)
{
    const cf_record_refusal *one = a, *other = b;
    int order = cf_bytes_compare(one->table, other->table);

    return order ? order : cf_bytes_compare(one->key, other->key);
}

static cf_status read_refusal(cf_reader *reader, cf_record_refusal *out, cf_error *error)
{
    cf_status status = cf_read_array_of(reader, 4, error);

    if (!status)
        status = cf_read_bin(reader, &out->table, error);
    if (!status)
        status = cf_read_bin(reader, &out->key, error);
    if (!status)
        status = cf_read_uint(reader, &out->hash, error);
    if (!status)
        status = cf_read_bin(reader, &out->reason, error);
    return status;
}

void cf_record_run_load_refusals(cf_record_run *run)
{
    cf_reader reader = cf_reader_of(cf_record_run_kept(run, CF_TABLE_REFUSED));
    size_t count = 0;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        return;
    cf_record_refusal *all = cf_arena_allocate(&run->arena, count, sizeof *all);
    while (run->refusal_count < count &&
           read_refusal(&reader, &all[run->refusal_count], &ignored) == CF_OK)
        run->refusal_count++;
    if (run->refusal_count)
        qsort(all, run->refusal_count, sizeof *all, by_place);
    run->refusals = all;
}

bool cf_record_run_note_refused(cf_record_run *run, cf_bytes table, cf_bytes key)
{
    const cf_record_refusal wanted = {.table = table, .key = key};
    const cf_record_refusal *found =
        run->refusal_count
            ? bsearch(&wanted, run->refusals, run->refusal_count, sizeof wanted, by_place)
            : NULL;

    if (!found || found->hash != hash_shown(run, table, key))
        return false; /* nobody has tried to write it as it is now */
    cf_record_note(run, CF_PENDING_SKIPPED, &(cf_row_place){table, key}, "%.*s",
                   (int)found->reason.size, (const char *)found->reason.data);
    return true;
}

/* ---- Beside what is there ---- */

static bool is_plain(const cf_row_field *field)
{
    cf_reader reader = cf_reader_of(field->count == 1 ? field->values[0] : (cf_bytes){0});
    cf_type type;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type != CF_TYPE_ARRAY &&
           type != CF_TYPE_MAP;
}

static const cf_row *without_plain(const cf_row *here, cf_arena *arena)
{
    cf_row *rest = cf_arena_allocate(arena, 1, sizeof *rest);
    cf_row_field *fields = cf_arena_allocate(arena, here->field_count, sizeof *fields);

    *rest = *here;
    rest->fields = fields;
    rest->field_count = 0;
    for (size_t i = 0; i < here->field_count; i++)
        if (!is_plain(&here->fields[i]))
            fields[rest->field_count++] = here->fields[i];
    return rest;
}

/* The same was to be shown, and could not be said. */
static bool was_unsaid(const cf_record_run *run, const cf_row *viewed)
{
    const cf_row *tried =
        run->source->unsaid ? cf_rows_find(run->source->unsaid, viewed->table, viewed->key) : NULL;

    return tried && cf_row_fields_equal(tried, viewed);
}

const cf_row *cf_record_run_beside(cf_record_run *run, const cf_row *viewed, const cf_row *here)
{
    return here && was_unsaid(run, viewed) ? without_plain(here, &run->arena) : here;
}

void cf_record_run_keep_unsaid(cf_record_run *run, const cf_medium_outcome *outcome)
{
    cf_record_source *source = run->source;
    cf_rows *now = cf_rows_new();

    for (size_t i = 0; i < outcome->count; i++) {
        const cf_medium_refusal *refusal = &outcome->refusals[i];
        const cf_row *shown = cf_record_run_shown(run, refusal->table, refusal->key);

        if (!refusal->unsaid || !shown ||
            !cf_row_index_find(&run->here, refusal->table, refusal->key))
            continue;
        run->unrest |= !was_unsaid(run, shown);
        cf_rows_put(now, shown);
    }
    cf_rows_destroy(&source->unsaid);
    source->unsaid = now;
}
