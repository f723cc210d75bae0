/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that can't be shown here, and why: those that the view holds back, and those that the medium
 * refused when it was last written. The latter is kept (record_refusals.h), since only a write
 * finds it out.
 *
 *     each person has one badge, and two devices made one for Ann: badges/1~desktop is held back
 *     a note on that badge:  "what it refers to can't be shown: badges/1~desktop"
 *     a CHECK of this database alone refuses phone 4 as "+1": it stays as it was here
 *
 * A format that has no words for a value keeps it where its source shows it already. That can be
 * what the rest of the row leaves no place for, such as the time zone of an event that lasts all
 * day now; only a write finds that out, too. Such a row is tried once more, without what is plain
 * of it: the log keeps that. An occurrence or an alarm stays, rather than be missed here. */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"
#include "peer/bindings/pendings.h"
#include "peer/log/hidden_rows.h"
#include "peer/log/record_names.h"
#include "peer/records/row_said.h"

#include <stdlib.h>

enum { REFUSED_MAX = 1000 };

/* ---- By the view ---- */

static bool has_value(const cf_row *row, cf_bytes field)
{
    return cf_row_field_named(row, field) != NULL;
}

static void note(cf_record_run *run, const cf_hidden_row *hidden, const char *reason)
{
    const cf_row *row = &hidden->held->row;
    cf_buffer path = {0};

    cf_record_run_path(run, &(cf_row_place){row->table, row->key}, &path);
    cf_buffer_append(&path, hidden->suffix.data, hidden->suffix.size);
    cf_pendings_add(&run->source->found, CF_PENDING_SKIPPED, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
}

/* Lists the hidden row with the text so far as the reason. */
static void note_text(cf_record_run *run, const cf_hidden_row *hidden, cf_buffer *reason)
{
    cf_buffer_append(reason, "", 1);
    note(run, hidden, (const char *)reason->data);
    cf_buffer_release(reason);
}

/* Lists a row that lacks what it can't be without: these columns, or a key. */
static void note_lacking(cf_record_run *run, const cf_hidden_row *hidden)
{
    const cf_row *row = &hidden->held->row;
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    cf_buffer names = {0}, reason = {0};

    for (size_t i = 0; table && i < table->required_count; i++) {
        if (has_value(row, table->required[i]))
            continue;
        if (names.size)
            cf_buffer_append_text(&names, ", ");
        cf_record_field_text(table->required[i], &names);
    }
    if (!names.size)
        cf_buffer_append_text(&names, "key that its table can have");
    cf_buffer_append_text(&reason, "it has no %.*s, without which it can't be shown",
                          (int)names.size, (const char *)names.data);
    note_text(run, hidden, &reason);
    cf_buffer_release(&names);
}

/* Lists a row of which another has the key, or what only one row can have. How that ends is told
 * with the conflicts (record_clash.h). */
static void note_beaten(cf_record_run *run, const cf_hidden_row *hidden)
{
    const cf_row_held *held = hidden->held;
    cf_buffer reason = {0};

    if (!held->unique || !held->rival) {
        note(run, hidden, "another one has the same key");
        return;
    }
    cf_buffer_append_text(&reason, "only one row can have the same ");
    for (size_t i = 0; i < held->unique->count; i++) {
        if (i)
            cf_buffer_append_text(&reason, ", ");
        cf_record_field_text(held->unique->names[i], &reason);
    }
    cf_buffer_append_text(&reason, ", and that is ");
    cf_record_path(held->rival->item.bytes[0], held->rival->table, held->rival->key, &reason);
    cf_buffer_append_text(&reason, ": both are in conflict");
    note_text(run, hidden, &reason);
}

/* By the hidden rows: the first one that each refers to. */
typedef struct {
    const cf_hidden_rows *rows;
    const cf_hidden_row **parents;
    const cf_hidden_row *parent; /* that is looked at */
} parent_search;

/* The hidden row hangs on the one that is looked at, unless it was found to hang on another one
 * first. */
static void note_parent(void *context, const cf_row *child)
{
    parent_search *self = context;
    const cf_hidden_row *found = cf_hidden_row_of_item(self->rows, &child->item);

    if (found && !self->parents[found - self->rows->at])
        self->parents[found - self->rows->at] = self->parent;
}

/* Of each hidden row the first hidden row that it refers to; NULL: what it refers to is unknown. */
static const cf_hidden_row **find_parents(cf_record_run *run, const cf_hidden_rows *rows)
{
    parent_search self = {
        .rows = rows, .parents = cf_arena_allocate(&run->arena, rows->count, sizeof *self.parents)};

    for (size_t i = 0; i < rows->count; i++) {
        self.parent = &rows->at[i];
        cf_row_view_held_children(run->view, &rows->at[i].held->row, note_parent, &self);
    }
    return self.parents;
}

/* Lists a row that is held back with the row it refers to. Where that one's name has a suffix, as
 * badges/1~desktop, it is told: the row that is called badges/1 may be another, which is shown. */
static void note_orphan(cf_record_run *run, const cf_hidden_row *hidden,
                        const cf_hidden_row *parent)
{
    cf_buffer reason = {0};

    if (!parent || !parent->suffix.size) {
        note(run, hidden, "what it refers to can't be shown");
        return;
    }
    cf_buffer_append_text(&reason, "what it refers to can't be shown: ");
    cf_buffer_append(&reason, parent->path.data, parent->path.size);
    note_text(run, hidden, &reason);
}

void cf_record_run_note_held_back(cf_record_run *run)
{
    const cf_hidden_rows rows = cf_hidden_rows_of(run->source->context->peer, run->collection,
                                                  &run->schema, run->view, &run->arena);
    const cf_hidden_row **parents = rows.count ? find_parents(run, &rows) : NULL;

    for (size_t i = 0; i < rows.count; i++) {
        const cf_hidden_row *hidden = &rows.at[i];

        if (!cf_record_includes_table(run->source->binding, hidden->held->row.table) ||
            cf_forgotten_has(&run->forgotten, hidden->held->row.table, (cf_bytes){0}))
            continue;
        if (hidden->held->why == CF_HELD_REQUIRED)
            note_lacking(run, hidden);
        else if (hidden->held->why == CF_HELD_UNIQUE)
            note_beaten(run, hidden);
        else
            note_orphan(run, hidden, parents[i]);
    }
}

/* ---- By the medium ---- */

/* The hash of the row that is to be shown under this key; 0: none is. */
static uint64_t hash_shown(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    return cf_record_refusal_hash(cf_record_run_shown(run, table, key));
}

void cf_record_run_note_unshown(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                                const char *reason)
{
    const cf_row *shown = cf_record_run_shown(run, place->table, place->key);
    cf_buffer path = {0};
    cf_time time;
    cf_dot made;

    cf_record_run_path(run, place, &path);
    if (shown && cf_row_gives_way(run->view, shown) &&
        cf_row_made(run->collection->state, &shown->item, &made, &time)) {
        const cf_bytes suffix =
            cf_hidden_row_suffix(run->source->context->peer, &made, &run->arena);

        cf_buffer_append(&path, suffix.data, suffix.size);
    }
    cf_pendings_add(&run->source->found, kind, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
}

static void pack_refusal(const cf_record_run *run, const cf_medium_refusal *refusal, cf_buffer *out)
{
    cf_buffer reason = {0};

    cf_buffer_append_text(&reason, "%s%s", refusal->text, cf_record_advice(refusal->why));
    cf_pack_array(out, 4);
    cf_pack_bin(out, refusal->table);
    cf_pack_bin(out, refusal->key);
    cf_pack_uint(out, hash_shown(run, refusal->table, refusal->key));
    cf_pack_bin(out, cf_buffer_view(&reason));
    cf_buffer_release(&reason);
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
    run->source->binding->refusals +=
        cf_record_run_keep(run, CF_TABLE_REFUSED, cf_buffer_view(&now), &run->records);
    cf_buffer_release(&now);
}

void cf_record_run_load_refusals(cf_record_run *run)
{
    run->refusals = cf_record_refusals_read(cf_record_run_kept(run, CF_TABLE_REFUSED), &run->arena);
}

bool cf_record_run_note_refused(cf_record_run *run, cf_bytes table, cf_bytes key)
{
    const cf_record_refusal *found = cf_record_refusals_find(&run->refusals, table, key);

    if (!found || found->hash != hash_shown(run, table, key))
        return false; /* nobody has tried to write it as it is now */
    cf_record_run_note_unshown(run, CF_PENDING_SKIPPED, &(cf_row_place){table, key},
                               cf_arena_text(&run->arena, found->reason));
    return true;
}

/* ---- Beside what is there ---- */

/* The field has one value, and that has no parts. */
static bool is_plain(const cf_row_field *field)
{
    cf_reader reader = cf_reader_of(field->count == 1 ? field->values[0] : (cf_bytes){0});
    cf_type type;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type != CF_TYPE_ARRAY &&
           type != CF_TYPE_MAP;
}

/* The source's row without its plain fields: what can't be said beside these may be said beside the
 * rest, an alarm or an occurrence. */
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

/* The last write was to show just this row of the view, and could not say all of it. */
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
