/* SPDX-License-Identifier: Apache-2.0 */
/* What all steps of a run ask: whether two rows say the same, which rows are shown, what is listed
 * and kept, and what keeps from publishing. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/sources/context/lock_guard.h"

#include <stdarg.h>
#include <stdio.h>

void cf_record_run_path(const cf_record_run *run, const cf_row_place *place, cf_buffer *path)
{
    const cf_schema_table *table = cf_schema_find(&run->schema, place->table);

    cf_binding_row_path(run->source->binding, table ? table->kind : CF_KIND_ROW, place->table,
                        place->key, path);
}

void cf_record_note(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                    const char *format, ...)
{
    char reason[CF_ERROR_TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    cf_record_note_text(run, kind, place, reason);
}

void cf_record_note_text(cf_record_run *run, cf_pending_kind kind, const cf_row_place *place,
                         const char *reason)
{
    cf_buffer path = {0};

    cf_record_run_path(run, place, &path);
    cf_pendings_add(&run->source->found, kind, cf_buffer_view(&path), reason);
    cf_buffer_release(&path);
}

void cf_record_note_whole(cf_record_run *run, cf_pending_kind kind, const char *reason)
{
    cf_pendings_add(&run->source->found, kind,
                    cf_bytes_of_text(cf_binding_file_name(run->source->binding)), reason);
}

void cf_record_run_trouble(cf_record_run *run, cf_status status, const char *text)
{
    cf_record_source *source = run->source;

    if (status && source->trouble != status)
        cf_report(source->context->peer->env, CF_REPORT_WARNING, "%s", text);
    if (!status && source->trouble && source->context->watch)
        cf_report(source->context->peer->env, CF_REPORT_NOTICE, "%s is there again",
                  source->binding->path);
    source->trouble = status;
    snprintf(source->trouble_text, sizeof source->trouble_text, "%s", text);
}

bool cf_record_run_troubles(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    return cf_rows_find(run->troubled, table, key) != NULL;
}

void cf_record_run_view(cf_record_run *run)
{
    cf_row_view_destroy(&run->view);
    run->view = cf_row_view_new(run->collection->state, &run->schema);
    cf_record_select(run->source->binding, &run->content.format, &run->schema, run->view,
                     &run->arena, &run->selection);
}

const cf_row *cf_record_run_tied(cf_record_run *run, const cf_row_tie *tie, const cf_row *row)
{
    const cf_record_file *file = &run->content.file;

    if (!run->tied.format) {
        run->tied.format = &run->content.format;
        for (size_t i = 0; i < file->count; i++)
            cf_tied_rows_add(&run->tied, &file->rows[i], &run->arena);
    }
    return cf_tied_rows_find(&run->tied, tie, row);
}

const cf_row *cf_record_run_shown(const cf_record_run *run, cf_bytes table, cf_bytes key)
{
    const cf_row *shown = cf_row_view_find(run->view, table, key);

    return shown && cf_record_selected(&run->selection, shown) ? shown : NULL;
}

bool cf_record_run_hides(const cf_record_run *run, const cf_row *viewed)
{
    return !cf_format_holds_table(&run->content.format, viewed->table) ||
           (!cf_record_selected(&run->selection, viewed) &&
            !cf_rows_of_item(run->source->binding->rows, &viewed->item));
}

/* Both rows say the same by the rules of their table: without volatile fields, whatever the order
 * in sets. */
static bool says_same(const cf_record_run *run, const cf_row *disk, const cf_row *shown)
{
    static const cf_schema_table plain;
    const cf_schema_table *table = cf_schema_find(&run->schema, disk->table);

    return cf_row_same(table ? table : &plain, disk, shown);
}

bool cf_record_run_same(cf_record_run *run, const cf_row *disk, const cf_row *base)
{
    cf_arena arena = {0};
    cf_row shown;

    if (!disk || !base)
        return !disk && !base;
    if (cf_row_fields_equal(disk, base) && cf_format_holds_table(&run->content.format, base->table))
        return true; /* what the format can't hold, the disk doesn't have */
    bool same =
        cf_row_show(&run->content.format, base, &arena, &shown) && says_same(run, disk, &shown);
    cf_arena_release(&arena);
    return same;
}

bool cf_record_run_shows(cf_record_run *run, const cf_row *disk, const cf_row *viewed)
{
    cf_arena arena = {0};
    cf_row shown;

    if (!disk || !viewed)
        return !disk && !viewed;
    if (cf_row_fields_equal(disk, viewed) &&
        cf_format_holds_table(&run->content.format, viewed->table))
        return true;
    bool same = cf_row_express(&run->content.format, viewed, disk, &arena, &shown, NULL) &&
                says_same(run, disk, &shown);
    cf_arena_release(&arena);
    return same;
}

cf_row cf_record_run_based(cf_record_run *run, const cf_row *viewed, const cf_row *expressed)
{
    return cf_format_speaks(&run->content.format, viewed->table) ? *expressed : *viewed;
}

cf_row cf_record_run_based_here(cf_record_run *run, const cf_row *viewed, const cf_row *here)
{
    cf_row shown = *viewed;

    if (cf_format_speaks(&run->content.format, viewed->table))
        cf_row_express(&run->content.format, viewed, here, &run->arena, &shown, NULL);
    return shown;
}

void cf_record_run_put(cf_record_run *run, const cf_row *row)
{
    cf_binding_put_row(run->source->binding, row, &run->records);
    cf_record_values_keep(run->source->values, row, &run->records);
}

cf_status cf_record_run_commit(cf_record_run *run, cf_error *error)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_status status = CF_OK;

    if (!run->look_only)
        cf_medium_settled(run->source->medium, &run->records);
    if (run->records.count)
        status = store->write(store, cf_peer_user(peer), run->records.at, run->records.count, true,
                              error);
    cf_kv_list_release(&run->records);
    return status;
}

cf_bytes cf_record_run_kept(cf_record_run *run, cf_table_letter table)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_bytes key = cf_key_source(&run->arena, table, run->source->binding->number);
    cf_buffer kept = {0};
    cf_error ignored;

    if (store->get(store, cf_peer_user(peer), key, &kept, &ignored))
        cf_buffer_clear(&kept);
    cf_bytes copy = cf_arena_copy(&run->arena, cf_buffer_view(&kept));
    cf_buffer_release(&kept);
    return copy;
}

bool cf_record_run_keep(cf_record_run *run, cf_table_letter table, cf_bytes now,
                        cf_kv_list *records)
{
    cf_bytes key = cf_key_source(&run->arena, table, run->source->binding->number);

    if (cf_bytes_equal(now, cf_record_run_kept(run, table)))
        return false;
    if (now.size)
        cf_kv_list_put(records, key, now);
    else
        cf_kv_list_delete(records, key);
    return true;
}

/* ---- What keeps from publishing ---- */

/* What keeps a source from publishing: that it only receives, that the broker is to be asked first,
 * what another device has locked. */
const char *cf_record_run_silence(cf_record_run *run, cf_pending_kind *kind)
{
    cf_record_source *source = run->source;
    cf_source_context *context = source->context;
    static const cf_id whole;
    const cf_id *collection = &source->binding->collection;
    cf_hash epoch;
    cf_error why;

    *kind = CF_PENDING_UNSENT;
    if (cf_peer_epoch(context->peer, &epoch, &why))
        return cf_arena_text(&run->arena, cf_bytes_of_text(why.text));
    if (source->binding->mode == CF_MODE_RECEIVE)
        return "this source only receives";
    const cf_lease *lease = cf_locks_own(context->locks, collection, &whole)
                                ? NULL
                                : cf_locks_of_other(context->locks, collection, &whole);
    if (lease) {
        source->held_back = true;
        *kind = CF_PENDING_LOCKED;
        return cf_lock_guard_text(context->peer, lease, &run->arena);
    }
    return run->look_only ? NULL : context->silent;
}

/* NULL: no other device has the row locked. */
static const cf_lease *lease_of(const cf_record_run *run, const cf_row *base)
{
    return cf_locks_of_other(run->source->context->locks, &run->source->binding->collection,
                             &base->item);
}

bool cf_record_run_any_locked(const cf_record_run *run)
{
    return cf_locks_any_inside(run->source->context->locks, &run->source->binding->collection);
}

bool cf_record_run_is_locked(const cf_record_run *run, const cf_row *base)
{
    return cf_record_run_any_locked(run) && lease_of(run, base);
}

void cf_record_run_note_locked(cf_record_run *run, const cf_row *base)
{
    run->source->held_back = true;
    cf_record_note(
        run, CF_PENDING_LOCKED, &(cf_row_place){base->table, base->key}, "%s",
        cf_lock_guard_text(run->source->context->peer, lease_of(run, base), &run->arena));
}
