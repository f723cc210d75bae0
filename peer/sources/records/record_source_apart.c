/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a record source that is not at work, or of its collection. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/adapters/key_text.h"
#include "peer/adapters/record_types.h"
#include "peer/adapters/sqlite/database_schema.h"
#include "peer/log/catalog_schema.h"
#include "peer/sources/records/database_made.h"
#include "peer/sources/records/medium_folder.h"
#include "peer/sources/records/record_cleared.h"

/* By a clock of the future nothing is fresh. */
static const uint64_t FUTURE_MS = INT64_MAX / 1000000;
enum { READ_TRIES = 9 }; /* more than a database that is taken has, until that is said */

/* None of what is there is a record, nor will be by itself. */
static bool is_senseless(const cf_record_file *file)
{
    bool senseless = !file->count && !file->cut;

    for (size_t i = 0; i < file->trouble_count; i++)
        senseless &= !file->troubles[i].passes && !file->troubles[i].harmless;
    return senseless;
}

cf_status cf_record_source_check(cf_files *files, cf_binding *binding, bool *there, bool *senseless,
                                 cf_error *error)
{
    cf_medium *medium = cf_medium_new(files, NULL, binding);
    cf_medium_content content = {0};

    medium->only_looks = true;
    cf_status status = cf_medium_check(medium, error);
    if (!status)
        status = cf_medium_read(medium, FUTURE_MS, &content, error);
    *there = content.there;
    *senseless = !status && is_senseless(&content.file);
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    return status;
}

/* "; article has id, guid, title", of `--natural-key article.gid`; nothing where there is no such
 * table. */
static void append_columns(const cf_database_schema *schema, cf_bytes option, cf_buffer *out)
{
    const uint8_t *space = memchr(option.data, ' ', option.size);
    const uint8_t *point = memrchr(option.data, '.', option.size);

    if (!schema || !space || !point || point < space)
        return;
    const cf_bytes name = cf_bytes_of(space + 1, (size_t)(point - space) - 1);
    const cf_database_table *table = cf_database_table_named(schema, name);
    if (table)
        cf_buffer_append_text(out, "; %.*s has", (int)name.size, (const char *)name.data);
    for (size_t i = 0; table && i < table->count; i++)
        cf_buffer_append_text(out, "%s %.*s", i ? "," : "", (int)table->columns[i].name.size,
                              (const char *)table->columns[i].name.data);
}

/* The first of the options that the database reports as trouble, with the reason. */
static cf_status check_columns(const cf_medium_content *content, cf_error *error)
{
    const cf_record_file *file = &content->file;
    const cf_bytes mark = cf_bytes_of_text("--");
    cf_buffer text = {0};

    for (size_t i = 0; i < file->trouble_count && !text.size; i++) {
        const cf_bytes where = file->troubles[i].where;

        if (where.size < mark.size || memcmp(where.data, mark.data, mark.size) != 0)
            continue;
        cf_buffer_append_text(&text, "%.*s: %s", (int)where.size, (const char *)where.data,
                              file->troubles[i].text);
        append_columns(content->joins, where, &text);
    }
    const cf_status status =
        text.size ? cf_fail(error, CF_USAGE, "%.*s", (int)text.size, (const char *)text.data)
                  : CF_OK;
    cf_buffer_release(&text);
    return status;
}

cf_status cf_record_source_check_columns(cf_files *files, cf_binding *binding, cf_error *error)
{
    cf_medium *medium = cf_medium_new(files, NULL, binding);
    cf_medium_content content = {0};
    cf_error ignored;

    medium->only_looks = true;
    cf_status status = cf_medium_read(medium, FUTURE_MS, &content, &ignored);
    status = status ? CF_OK : check_columns(&content, error);
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    return status;
}

cf_status cf_record_source_counts_up(cf_files *files, cf_binding *binding, bool *counts_up,
                                     bool *rows, cf_error *error)
{
    cf_medium *medium = cf_medium_new(files, NULL, binding);
    cf_medium_content content = {0};

    cf_status status = cf_medium_read(medium, FUTURE_MS, &content, error);
    *counts_up = cf_record_keys_count_up(content.file.rows, content.file.count);
    *rows = content.file.count > 0;
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    return status;
}

cf_status cf_record_source_make(cf_peer *peer, const cf_binding_options *source, bool rehearses,
                                cf_error *error)
{
    cf_arena arena = {0};
    cf_bytes layout;

    cf_status status =
        cf_catalog_layout(peer, &source->collection, source->format, &arena, &layout, error);
    if (!status)
        status = cf_database_made(peer->env->files, source->path, layout, rehearses, error);
    cf_arena_release(&arena);
    return status;
}

/* Counts a row that is different from the one with its key elsewhere: also those whose keys are
 * counted up, so that they may be other rows, and of these the ones that a natural key names. */
static void count_different(const cf_record_run *run, const cf_row *row, cf_comparison *out)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);

    out->different++;
    out->meeting += table && table->serial;
    out->named += table && table->serial && run->content.joins &&
                  cf_database_has_natural_key(run->content.joins, row->table);
}

/* What isn't asked for here counts on neither side. */
static void compare(cf_record_run *run, const cf_binding *binding, cf_comparison *out)
{
    for (size_t i = 0; i < cf_row_view_count(run->view); i++)
        out->only_there += cf_record_selected(&run->selection, cf_row_view_at(run->view, i));
    for (size_t i = 0; i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        const cf_row *shown = cf_record_run_shown(run, row->table, row->key);
        cf_row old;

        if (!shown && !cf_record_includes(binding, &run->content.format, row))
            continue;
        if (!shown)
            *(cf_record_run_is_deleted(run, row, &old) ? &out->deleted : &out->only_here) += 1;
        else if (cf_record_run_shows(run, row, shown))
            out->equal++;
        else if (cf_record_run_is_old(run, row, shown, &old))
            out->older++;
        else
            count_different(run, row, out);
    }
    out->only_there -= out->equal + out->older + out->different;
    for (size_t i = 0; i < run->content.file.trouble_count; i++)
        out->left_out += run->content.file.troubles[i].harmless;
}

/* ---- A run without a source at work ---- */

typedef struct {
    cf_record_source source;
    cf_record_run run;
    cf_medium *medium;
} apart;

static bool is_database(const cf_binding *binding)
{
    return cf_adapter_of(binding->format)->storage == CF_STORAGE_DATABASE;
}

/* A folder that nobody has added yet, as `add -n` asks about; it gets no mark of ours by that. */
static bool is_unmarked_folder(cf_files *files, const cf_binding *binding)
{
    const bool may_be = cf_adapter_of(binding->format)->storage == CF_STORAGE_FILE_OR_FOLDER;
    cf_folder *root = NULL;
    cf_error ignored;

    bool is_folder = may_be && !cf_binding_is_folder(binding) &&
                     files->open_root(files, binding->path, &root, &ignored) == CF_OK;
    files->close_folder(files, &root);
    return is_folder;
}

/* The binding of a folder that nobody has added yet doesn't say that it is one. */
static cf_medium *new_medium(cf_peer *peer, cf_binding *binding, bool compares)
{
    cf_files *files = peer->env->files;

    return compares && is_unmarked_folder(files, binding)
               ? cf_medium_folder_new(files, peer, binding)
               : cf_medium_new(files, peer, binding);
}

/* Reads until it is known whether a program that has the database in hand lets go of that. */
static cf_status read_patiently(cf_medium *medium, cf_medium_content *out, cf_error *error)
{
    cf_status status = cf_medium_read(medium, FUTURE_MS, out, error);

    for (int i = 0; i < READ_TRIES && status == CF_CHANGED; i++) {
        cf_medium_content_release(out);
        status = cf_medium_read(medium, FUTURE_MS, out, error);
    }
    return status == CF_LOCKED && medium->peer
               ? cf_fail(error, CF_LOCKED,
                         "another program holds the database for itself: close that program, and "
                         "say this again")
               : status;
}

/* `compares`: the source may be a folder that nobody has added yet. */
static cf_status open_apart(apart *self, cf_peer *peer, const cf_binding *binding, bool compares,
                            cf_error *error)
{
    cf_record_run *run = &self->run;

    self->source.binding = (cf_binding *)binding; /* only who may put into it does */
    run->source = &self->source;
    self->medium = new_medium(peer, self->source.binding, compares);
    cf_status status = cf_peer_collection(peer, &binding->collection, &run->collection, error);
    if (!status)
        status = cf_catalog_schema(peer, &binding->collection, &run->arena, &run->schema, error);
    if (!status)
        status = cf_record_run_know_past(run, CF_MEETS_OLD, peer, error);
    self->medium->schema = &run->schema;
    self->medium->only_looks = true;
    if (!status)
        status = read_patiently(self->medium, &run->content, error);
    if (status == CF_MISSING && compares && is_database(binding))
        status = CF_OK; /* one that would be made has no row */
    if (status)
        return status;
    run->view = cf_row_view_new(run->collection->state, &run->schema);
    cf_medium_meet(self->medium, run->view, &run->content);
    if (run->content.map)
        cf_record_map_give(run->content.map, &run->content.file, binding->rows, run->view);
    if (run->content.keyed)
        cf_record_keys_give(&run->content.file, binding->rows, run->view);
    if (run->content.texts)
        cf_record_types_give(&run->content.file, &run->content.format, binding->rows, run->view);
    cf_record_values_reduce(&(cf_values_look){.peer = peer, .collection = &binding->collection},
                            &run->content.file, &run->arena, &run->as_read);
    cf_record_select(binding, &run->content.format, &run->schema, run->view, &run->arena,
                     &run->selection);
    return CF_OK;
}

static void close_apart(apart *self)
{
    cf_past_destroy(&self->run.past);
    cf_row_view_destroy(&self->run.view);
    cf_medium_content_release(&self->run.content);
    cf_medium_destroy(&self->medium);
    cf_arena_release(&self->run.arena);
}

cf_status cf_record_source_compare(cf_peer *peer, const cf_binding *binding, cf_comparison *out,
                                   cf_error *error)
{
    apart self = {0};

    *out = (cf_comparison){0};
    cf_status status = open_apart(&self, peer, binding, true, error);
    if (!status)
        compare(&self.run, binding, out);
    close_apart(&self);
    return status;
}

/* ---- The log wins ---- */

/* The base takes a row that will go, or be overwritten, as it is here: as the row that is shown in
 * its place, or else as a row that nobody has. */
static cf_row overwritten(cf_record_run *run, cf_peer *peer, const cf_row *row, const cf_row *shown)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, row->table);
    cf_row base = *row;
    cf_row_ref *refs = NULL;
    size_t count = 0;
    cf_buffer packed = {0};
    cf_error ignored;

    if (shown) {
        const cf_row agreed = cf_row_view_agree(run->view, shown, &run->arena);

        base.item = shown->item;
        if (cf_row_refs_read(&agreed, &run->arena, &refs, &count, &ignored))
            count = 0;
    } else {
        peer->env->random(peer->env->context, base.item.bytes, sizeof base.item.bytes);
        base.item.bytes[0] = table ? table->kind : CF_KIND_ROW;
    }
    cf_row_refs_pack(&packed, &base, refs, count);
    base.refs = cf_arena_copy(&run->arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return base;
}

/* What the base takes of a row that is here when the log wins: the next look brings what the log
 * has instead, and publishes nothing. `*is_own`: no version in the log is as this row.
 *
 *     here (Ann, 13), the log has (Ann, 12): base (Ann, 13) of that item, 12 is written, own
 *     here (Ann, 11), once in the log:       the same, not own
 *     Zoe, whom the log never had:           base Zoe of an item that nobody has: she goes, own */
static cf_row base_of(cf_record_run *run, cf_peer *peer, const cf_row *row, bool *is_own)
{
    const cf_row *shown = cf_record_run_shown(run, row->table, row->key);
    cf_row base;

    *is_own = false;
    if (shown && cf_record_run_shows(run, row, shown)) {
        base = cf_record_run_based_here(run, shown, row);
        return cf_row_view_agree(run->view, &base, &run->arena);
    }
    if (shown ? cf_record_run_is_old(run, row, shown, &base)
              : cf_record_run_is_deleted(run, row, &base))
        return base;
    *is_own = true;
    return overwritten(run, peer, row, shown);
}

static void forget_rows(cf_binding *binding, cf_kv_list *records)
{
    const cf_row *row;

    while ((row = cf_rows_next(binding->rows, NULL))) {
        cf_arena arena = {0};
        cf_bytes table = cf_arena_copy(&arena, row->table);

        cf_binding_drop_row(binding, table, cf_arena_copy(&arena, row->key), records);
        cf_arena_release(&arena);
    }
}

/* Whether the last line had an end when the file was last agreed: one without is cut only then. To
 * be asked before the base is forgotten. */
static bool had_end(cf_peer *peer, const cf_binding *binding)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_buffer kept = {0};
    cf_error ignored;

    bool ended = cf_adapter_of(binding->format)->cutting != CF_CUTTING_LINE ||
                 (store->get(store, cf_peer_user(peer),
                             cf_key_source(&arena, CF_TABLE_ENDED, binding->number), &kept,
                             &ignored) == CF_OK &&
                  kept.size > 0);
    cf_buffer_release(&kept);
    cf_arena_release(&arena);
    return ended;
}

/* What is cut short is taken away first, so that all that is left can be read, and written to. */
static cf_status mend(cf_peer *peer, cf_binding *binding, const cf_refill_visitor *visitor,
                      cf_kv_list *records, cf_error *error)
{
    const cf_medium_keeping keeping = {visitor->keep, visitor->context};
    cf_medium *medium = cf_medium_new(peer->env->files, peer, binding);
    cf_medium_content content = {0};
    cf_arena arena = {0};

    medium->only_looks = true;
    cf_status status = cf_catalog_layout(peer, &binding->collection, binding->format, &arena,
                                         &medium->layout, error);
    if (!status)
        status = read_patiently(medium, &content, error);
    if ((!status || status == CF_MALFORMED) && had_end(peer, binding))
        status = cf_medium_mend(medium, &keeping, error);
    else if (status == CF_MALFORMED)
        status = CF_OK; /* the next read tells why */
    /* What files of a folder held is forgotten; which database it is the next look learns. */
    if (!cf_binding_is_folder(binding) && !is_database(binding))
        cf_medium_settled(medium, records);
    cf_medium_content_release(&content);
    cf_medium_destroy(&medium);
    cf_arena_release(&arena);
    return status;
}

cf_status cf_record_source_refill(cf_peer *peer, cf_binding *binding,
                                  const cf_refill_visitor *visitor, cf_kv_list *records,
                                  cf_error *error)
{
    apart self = {0};
    cf_record_run *run = &self.run;
    cf_record_cleared *cleared = cf_record_cleared_take(peer, binding);

    if (is_database(binding)) /* no row is missing in what is there */
        forget_rows(binding, records);
    cf_status status = mend(peer, binding, visitor, records, error);
    if (status)
        goto done;
    forget_rows(binding, records);
    status = open_apart(&self, peer, binding, false, error);
    for (size_t i = 0; !status && i < run->content.file.count; i++) {
        const cf_row *row = &run->content.file.rows[i];
        cf_row base;
        bool is_own;

        if (!cf_record_includes(binding, &run->content.format, row))
            continue;
        if (cf_record_cleared_base(cleared, run, row, &base)) {
            cf_binding_put_row(binding, &base, records);
            continue;
        }
        base = base_of(run, peer, row, &is_own);
        if (is_own)
            visitor->own(visitor->context, run->as_read.rows ? &run->as_read.rows[i] : row);
        cf_binding_put_row(binding, &base, records);
    }
    if (!status)
        cf_record_cleared_tell(cleared, visitor);
done:
    cf_record_cleared_destroy(&cleared);
    close_apart(&self);
    return status == CF_MISSING ? CF_OK : status;
}
