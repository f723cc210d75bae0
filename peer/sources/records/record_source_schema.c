/* SPDX-License-Identifier: Apache-2.0 */
/* The schema that a look goes by: that of the collection, which takes over what the source's own
 * has more, and what its program changed in that since (records/schema_join.h).
 *
 *     the collection: people, name NOT NULL      a source that joins: people, name; notes
 *     it becomes:     people, name; notes        a constraint counts only where all have it
 *     the source drops notes                     the table stays: others may have it */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"
#include "peer/log/catalog_forgotten.h"
#include "peer/log/catalog_schema.h"
#include "peer/records/schema_join.h"

#include <stdlib.h>

/* ---- The collection's schema ---- */

/* All of the catalog that a look goes by, to tell whether it changed. */
static void pack_known(const cf_schema *schema, const cf_forgotten *forgotten, cf_buffer *out)
{
    cf_schema_pack(out, schema);
    for (size_t i = 0; i < forgotten->count; i++) {
        cf_pack_bin(out, forgotten->at[i].table);
        cf_pack_bin(out, forgotten->at[i].field);
    }
}

cf_status cf_record_run_read_schema(cf_record_run *run, cf_error *error)
{
    cf_record_source *source = run->source;
    cf_peer *peer = source->context->peer;
    cf_collection *catalog;

    cf_status status = cf_peer_collection(peer, &cf_catalog_id, &catalog, error);
    if (status)
        return status;
    source->schema_changes = catalog->changes;
    cf_buffer_clear(&source->schema);
    status =
        cf_catalog_schema(peer, &source->binding->collection, &run->arena, &run->schema, error);
    if (!status)
        status = cf_catalog_forgotten(peer, &source->binding->collection, &run->arena,
                                      &run->forgotten, error);
    if (!status)
        pack_known(&run->schema, &run->forgotten, &source->schema);
    return status;
}

/* The row's key is a text of digits, and its table's keys are counted up by now: then `key` is the
 * number. */
static bool is_counted_now(const cf_record_run *run, const cf_row *row, cf_buffer *key)
{
    cf_reader reader = cf_reader_of(row->key);
    const cf_schema_table *table;
    cf_bytes digits;
    cf_error ignored;

    cf_buffer_clear(key);
    return cf_read_text(&reader, &digits, &ignored) == CF_OK && cf_serial_key_pack(digits, key) &&
           (table = cf_schema_find(&run->schema, row->table)) && table->serial;
}

/* Gives rows of the base the numbers that their keys are by now: "7" becomes 7, which the file's
 * row is called, too; else all rows would be missing, and as many new. */
static void count_base(cf_record_run *run)
{
    cf_binding *binding = run->source->binding;
    cf_row *rows = NULL;
    size_t count = 0, capacity = 0;
    cf_buffer key = {0};

    for (const cf_row *row = NULL; (row = cf_rows_next(binding->rows, row));)
        if (is_counted_now(run, row, &key)) {
            *cf_one_more(rows, count, capacity) = cf_row_copy(row, &run->arena);
        }
    for (size_t i = 0; i < count; i++) {
        cf_binding_drop_row(binding, rows[i].table, rows[i].key, &run->records);
        is_counted_now(run, &rows[i], &key);
        rows[i].key = cf_arena_copy(&run->arena, cf_buffer_view(&key));
        cf_binding_put_row(binding, &rows[i], &run->records);
    }
    cf_buffer_release(&key);
    free(rows);
}

bool cf_record_run_know_schema(cf_record_run *run)
{
    cf_error error;

    cf_status status = cf_record_run_read_schema(run, &error);
    if (status)
        cf_record_run_trouble(run, status, error.text);
    else
        count_base(run);
    run->source->medium->schema = &run->schema;
    run->source->medium->forgotten = run->forgotten;
    return !status;
}

bool cf_record_source_schema_changed(cf_record_source *source)
{
    cf_peer *peer = source->context->peer;
    cf_buffer packed = {0};
    cf_arena arena = {0};
    cf_collection *catalog;
    cf_forgotten forgotten;
    cf_schema schema;
    cf_error ignored;

    if (cf_peer_collection(peer, &cf_catalog_id, &catalog, &ignored) ||
        catalog->changes == source->schema_changes)
        return false;
    source->schema_changes = catalog->changes;
    if (cf_catalog_schema(peer, &source->binding->collection, &arena, &schema, &ignored) == CF_OK &&
        cf_catalog_forgotten(peer, &source->binding->collection, &arena, &forgotten, &ignored) ==
            CF_OK)
        pack_known(&schema, &forgotten, &packed);
    bool changed = !cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&source->schema));
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
    return changed;
}

/* ---- What the source had ---- */

typedef struct {
    cf_arena *arena;
    cf_bytes found;
} search;

static bool take_value(void *context, cf_bytes key, cf_bytes value)
{
    search *self = context;

    (void)key;
    self->found = cf_arena_copy(self->arena, value);
    return true;
}

/* The schema that the source had when it was last agreed. No bytes: it never was. */
static cf_status load_own(cf_record_run *run, cf_bytes *out, cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_bytes key = cf_key_source(&run->arena, CF_TABLE_SCHEMA, run->source->binding->number);
    search self = {.arena = &run->arena};

    cf_status status = store->scan(store, cf_peer_user(peer), key, take_value, &self, error);
    *out = self.found;
    return status;
}

/* Keeps the schema that the source has now, with what is committed next: what its program changes
 * later is told by that. */
static void keep_own(cf_record_run *run, cf_bytes before)
{
    cf_buffer own = {0};

    cf_schema_pack(&own, run->content.schema);
    if (!cf_bytes_equal(cf_buffer_view(&own), before))
        cf_kv_list_put(&run->records,
                       cf_key_source(&run->arena, CF_TABLE_SCHEMA, run->source->binding->number),
                       cf_buffer_view(&own));
    cf_buffer_release(&own);
}

/* ---- What the source has more ---- */

/* The collection's schema takes over what the source's own has more than it had. A run that only
 * looks goes by the schema as it would be, and tells nobody. */
static cf_status grow(cf_record_run *run, cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    const cf_id *collection = &run->source->binding->collection;
    cf_schema had, grown;
    cf_bytes before;
    cf_error ignored;

    cf_status status = load_own(run, &before, error);
    if (status)
        return status;
    bool knows = before.size && cf_schema_read(before, &run->arena, &had, &ignored) == CF_OK;
    if (knows)
        run->own = had;
    grown = cf_schema_grow(&run->schema, knows ? &had : NULL, run->content.schema, &run->arena);
    if (run->look_only) {
        run->schema = grown; /* as it would be */
        return CF_OK;
    }
    status = cf_catalog_write_schema(peer, collection, &grown, run->now_ms, error);
    if (!status)
        status = cf_record_run_read_schema(run, error);
    if (!status)
        keep_own(run, before);
    return status;
}

bool cf_record_run_meet_schema(cf_record_run *run)
{
    cf_pending_kind kind;
    cf_error error;
    cf_status status = CF_OK;

    if (!run->content.schema)
        return true;
    if (run->look_only || !cf_record_run_silence(run, &kind))
        status = grow(run, &error);
    if (status)
        cf_record_run_trouble(run, status, error.text);
    return !status;
}

/* ---- How the collection's files are laid out ---- */

/* How the collection's files are laid out: the first source of a format that has something to say
 * of that tells the others, for the files that they make. Only that source tells it anew when its
 * file is laid out in another way, as by a column that was added: else two files that never agreed
 * would contradict each other for good.
 *
 *   laptop's id;name;tel is told; desktop's name,id,fax, which was there, is not
 *   laptop's becomes id;name;tel;town: that is told
 *   a phone's file, which is made, has id;name;tel;town, and fax behind them */

cf_status cf_record_run_know_layout(cf_record_run *run, cf_error *error)
{
    const cf_binding *binding = run->source->binding;

    return cf_catalog_layout(run->source->context->peer, &binding->collection, binding->format,
                             &run->arena, &run->source->medium->layout, error);
}

/* The layout as this source told it last; nothing: it never did. */
static cf_status read_told(const cf_record_run *run, cf_bytes key, cf_buffer *out, cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);

    cf_status status = store->get(store, cf_peer_user(peer), key, out, error);
    return status == CF_MISSING ? CF_OK : status;
}

cf_status cf_record_run_tell_layout(cf_record_run *run, cf_error *error)
{
    const cf_binding *binding = run->source->binding;
    const cf_bytes known = run->source->medium->layout, own = run->content.layout;
    cf_bytes key = cf_key_source(&run->arena, CF_TABLE_LAYOUT, binding->number);
    cf_buffer told = {0};
    cf_pending_kind kind;

    if (!own.size || cf_bytes_equal(own, known) || run->look_only || run->cut ||
        cf_record_run_silence(run, &kind))
        return CF_OK;
    cf_status status = read_told(run, key, &told, error);
    if (!status && (!known.size || cf_bytes_equal(known, cf_buffer_view(&told)))) {
        status = cf_catalog_write_layout(run->source->context->peer, &binding->collection,
                                         binding->format, own, run->now_ms, error);
        if (!status)
            cf_kv_list_put(&run->records, key, own);
    }
    cf_buffer_release(&told);
    return status;
}
