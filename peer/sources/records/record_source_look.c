/* SPDX-License-Identifier: Apache-2.0 */
/* One run of a source of records, in the order of work(): read the medium, make view and rows, take
 * what an earlier run intended, publish, apply. Where a user was faster (CF_CHANGED), the run ends
 * there and is soon done again, and nothing counts as deleted for that. */
#include "peer/sources/records/record_source_inside.h"

#include "peer/adapters/known_values.h"
#include "peer/adapters/record_types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 30, BUSY_MS = 300, AGAIN_MAX = 12 };

/* ---- What is there ---- */

/* The source is not at rest: it is looked at again twice after 30 ms, ten times after 300 ms, then
 * every five seconds. */
static void look_soon(cf_record_run *run)
{
    cf_record_source *source = run->source;

    if (source->tries++ >= AGAIN_MAX) {
        source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
        return;
    }
    source->look = true;
    source->look_only |= run->look_only;
    source->agrees |= run->agrees;
    source->not_before_ms = run->now_ms + (source->tries < 3 ? AGAIN_MS : BUSY_MS);
}

/* Once after a start, or after a write that failed: the medium puts right what that left. False: it
 * can't, and the run ends. A run that only looks leaves everything as it is. */
static bool recover(cf_record_run *run)
{
    cf_record_source *source = run->source;
    cf_error error;

    if (source->recovered || run->look_only)
        return true;
    cf_status status = cf_medium_recover(source->medium, &error);
    source->recovered = !status;
    if (!status || status == CF_MISSING)
        return true; /* what is missing is told by the look */
    cf_record_note_whole(run, CF_PENDING_SKIPPED, error.text);
    source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    return false;
}

/* A database that is damaged, or none, says itself what to put in its place. */
static bool names_way(const char *why)
{
    return cf_error_hint(why) || strstr(why, ": put back ");
}

/* Says how to have a whole file again. Nothing of one that can't be read is deleted elsewhere. */
static void advise_whole(const cf_binding *binding, cf_error *error)
{
    const bool is_database = cf_adapter_of(binding->format)->storage == CF_STORAGE_DATABASE;
    char why[CF_ERROR_TEXT];
    cf_buffer fill = {0};

    snprintf(why, sizeof why, "%s", error->text);
    cf_binding_refill_word(binding, ", or ", " fills it", &fill);
    const bool fills = fill.size > 0;
    cf_buffer_append(&fill, "", 1);
    if (names_way(why)) {
        cf_fail(error, CF_MALFORMED, "%s%s; nothing of it is synced until then", why,
                (const char *)fill.data);
        cf_buffer_release(&fill);
        return;
    }
    cf_fail(error, CF_MALFORMED, "%s; nothing of it is synced: %s%s", why,
            is_database ? "put back one that is whole"
            : fills     ? "mend it, put it back whole"
                        : "mend it, or put it back whole",
            (const char *)fill.data);
    cf_buffer_release(&fill);
}

/* The reason, with the commands as they are typed; where the path is so long that it doesn't fit in
 * three times, SOURCE stands for the typed one. */
static cf_status say_missing(const cf_binding *binding, cf_error *error)
{
    enum { WORDS = 140 };
    char word[CF_PATH_TYPED];
    const char *typed = cf_binding_path_typed(binding, word);

    if (strlen(binding->path) + 2 * strlen(typed) + WORDS > CF_ERROR_TEXT)
        typed = "SOURCE";
    if (binding->mode == CF_MODE_SEND)
        return cf_fail(error, CF_MISSING,
                       "%s is not there, and nothing is deleted elsewhere: plug it in or bring it "
                       "back, or `counterfoil remove %s`",
                       binding->path, typed);
    return cf_fail(error, CF_MISSING,
                   "%s is not there, and nothing is deleted elsewhere: plug it in or bring it "
                   "back, or `counterfoil repair %s --refill`, or `counterfoil remove %s`",
                   binding->path, typed, typed);
}

/* False: the run ends, and nothing is taken for deleted: the file, or its folder, is away; it was
 * changed just now, and is looked at again soon; or it can't be read, which is tried again later. A
 * file that is away while the base has no row is no trouble: it will be made. */
static bool read_medium(cf_record_run *run)
{
    cf_record_source *source = run->source;
    const cf_binding *binding = source->binding;
    cf_error error;

    cf_status status = cf_medium_read(source->medium, run->now_ms, &run->content, &error);
    source->recovered &= !status; /* it may have been filled */
    if (status == CF_CHANGED) {
        cf_record_note_whole(run, CF_PENDING_WAITS, error.text);
        look_soon(run);
        return false;
    }
    if (status == CF_MISSING || (!status && !run->content.there && cf_rows_count(binding->rows)))
        status = say_missing(binding, &error);
    if (status == CF_MALFORMED && cf_rows_count(binding->rows))
        advise_whole(binding, &error);
    cf_record_run_trouble(run, status, status ? error.text : "");
    if (status && status != CF_MISSING)
        source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    return !status;
}

/* Makes rows that can be compared with the base of what was read: each gets the key and the values
 * under which base and view know it, long values become identities, and a column that is new says
 * what the base has there. Then what the other steps look up is found: rows by key, places in
 * trouble, whether the file is cut.
 *
 *     the base has row "7" with the number 5, and a note of 70 KB
 *     the file says 7,5,...: row "7", the number 5, [hash, size]: nothing was done to it */
static void place_rows(cf_record_run *run)
{
    cf_record_file *file = &run->content.file;
    const cf_values_look look = {
        .peer = run->source->context->peer,
        .collection = &run->source->binding->collection,
        .values = run->source->values,
        .base = run->source->binding->rows,
        .view = run->view,
    };

    cf_medium_meet(run->source->medium, run->view, &run->content);
    if (run->content.map)
        cf_record_map_give(run->content.map, file, run->source->binding->rows, run->view);
    if (run->content.keyed)
        cf_record_keys_give(file, run->source->binding->rows, run->view);
    if (run->content.texts)
        cf_record_types_give(file, &run->content.format, run->source->binding->rows, run->view);
    bool *stale;
    const cf_row *raw = cf_known_values_give(file, &run->content.format, run->source->binding->rows,
                                             run->view, &stale);
    cf_record_values_reduce(&look, file, &run->arena, &run->as_read);
    if (raw)
        run->as_read.rows = raw;
    cf_record_run_fill(run);
    if (!run->filled)
        run->filled = stale;
    run->here = cf_row_index_of(file->rows, file->count);
    run->troubled = cf_rows_new();
    for (size_t i = 0; i < file->trouble_count; i++)
        if (file->troubles[i].known)
            cf_rows_put(run->troubled,
                        &(cf_row){.table = file->troubles[i].table, .key = file->troubles[i].key});
    cf_record_run_forget_gone(run);
    cf_record_run_find_cut(run);
}

/* Lists what could not be taken as a row, by its file, its record or its line. */
static void note_troubles(cf_record_run *run)
{
    for (size_t i = 0; i < run->content.file.trouble_count; i++) {
        const cf_record_trouble *trouble = &run->content.file.troubles[i];
        cf_buffer path = {0};

        if (trouble->where.size)
            cf_buffer_append(&path, trouble->where.data, trouble->where.size);
        else if (trouble->known)
            cf_record_run_path(run, &(cf_row_place){trouble->table, trouble->key}, &path);
        else
            cf_buffer_append_text(&path, "line %zu", trouble->line);
        cf_pendings_add(&run->source->found,
                        trouble->passes     ? CF_PENDING_WAITS
                        : trouble->harmless ? CF_PENDING_LEFT_OUT
                                            : CF_PENDING_SKIPPED,
                        cf_buffer_view(&path), trouble->text);
        cf_buffer_release(&path);
        run->unrest |= trouble->passes;
    }
}

/* ---- A run ---- */

/* What is kept of columns and of the last line's end is kept also where nothing was to be written.
 * After a write that failed nothing is settled, and nothing kept. */
static cf_status keep_held(cf_record_run *run, cf_error *error)
{
    if (!run->cut)
        cf_record_run_keep_held(run);
    cf_record_run_keep_ended(run);
    return run->records.count ? cf_record_run_commit(run, error) : CF_OK;
}

/* Of a source that only sends: lists what others did, and it never takes. */
static void tell_untaken(cf_record_run *run)
{
    if (!run->as_base || !run->view)
        cf_record_run_view(run); /* the state may be another one since */
    cf_record_run_tell_untaken(run);
}

/* Brings what others did, where this device may: not where it is out, where the last line is cut
 * (an end would make the file look whole), where the source only sends, or where the look only
 * looks, which names what would come. The disk can be full or failing, a user can be faster: that
 * is listed, and tried again. */
static cf_status apply(cf_record_run *run, cf_error *error)
{
    cf_record_source *source = run->source;
    const cf_cutting cutting = cf_adapter_of(source->binding->format)->cutting;

    if (cf_peer_is_out(source->context->peer) ||
        (run->cut && cutting == CF_CUTTING_LINE)) /* an end would make it whole */
        return keep_held(run, error);
    if (source->binding->mode == CF_MODE_SEND) {
        if (!run->agrees)
            tell_untaken(run);
        return keep_held(run, error);
    }
    if (run->look_only) {
        cf_record_run_tell(run);
        cf_record_run_note_held_back(run);
        return CF_OK;
    }
    if (!run->as_base || !run->view)
        cf_record_run_view(run); /* the state may be another one since */
    cf_status status = cf_record_run_apply(run, error);
    if (status == CF_CHANGED) {
        cf_record_note_whole(run, CF_PENDING_WAITS, error->text);
        run->unrest = true;
    } else if (status) {
        char text[CF_ERROR_TEXT + 40];

        snprintf(text, sizeof text, "%s%s", error->text, cf_record_advice(status));
        cf_record_note_whole(run, CF_PENDING_SKIPPED, text);
        run->unwritten = true;
        source->retry_ms = run->now_ms + CF_RECORD_RETRY_MS;
    } else {
        cf_record_run_note_held_back(run);
        return keep_held(run, error);
    }
    return CF_OK;
}

/* One run. The order counts: what an earlier run intended is taken before anything is compared, or
 * what that wrote would be taken for the user's work; what the user did is in the log before
 * anything is written over it; and rows become one, and lists are merged, between the two, so that
 * his program never sees both. */
static cf_status work(cf_record_run *run, cf_error *error)
{
    cf_record_source *source = run->source;

    cf_status status = cf_peer_collection(source->context->peer, &source->binding->collection,
                                          &run->collection, error);
    if (!status)
        status = cf_record_run_know_held(run, error);
    if (!status)
        status = cf_record_run_know_layout(run, error);
    if (status)
        return status;
    cf_record_run_give_columns(run);
    if (!cf_record_run_know_schema(run) || !recover(run) || !read_medium(run) ||
        !cf_record_run_meet_schema(run))
        return CF_OK;
    cf_record_run_view(run);
    place_rows(run);
    source->guarded = cf_locks_changes(source->context->locks);
    source->held_back = false;
    note_troubles(run);
    cf_record_run_note_differences(run);
    cf_record_run_find_columns(run);
    cf_record_run_note_unmatched(run);
    status = cf_record_run_take_intended(run, error);
    if (!status)
        status = cf_record_run_tell_layout(run, error);
    if (!status)
        status = cf_record_run_tell_forgotten(run, error);
    if (!status)
        cf_record_run_find_ignored(run);
    if (!status && (!run->look_only || run->agrees))
        status = cf_record_run_know_past(run, source->binding->meets, source->context->peer, error);
    if (!status)
        status = cf_record_run_publish(run, error);
    if (!status)
        status = cf_record_run_make_one(run, error);
    if (!status)
        status = cf_record_run_merge_lists(run, error);
    if (!status)
        status = apply(run, error);
    if (!run->look_only)
        cf_record_values_refill(source->values);
    cf_record_values_end(source->values);
    if (run->unrest)
        look_soon(run);
    else if (!source->look)
        source->tries = 0;
    return status;
}

cf_status cf_record_source_run(cf_record_source *source, uint64_t now_ms, cf_look_kind kind,
                               cf_error *error)
{
    const bool look_only = kind != CF_LOOK_SYNCS;
    cf_record_run run = {.source = source,
                         .now_ms = now_ms,
                         .look_only = look_only,
                         .agrees = kind == CF_LOOK_AGREES};

    cf_pendings_clear(&source->found);
    cf_buffer_clear(&source->awaited);
    source->medium->only_looks = look_only && !run.agrees;
    source->medium->word = source->word;
    cf_status status = work(&run, error);
    if (look_only)
        cf_record_run_tell_waits(&run);
    else if (!status)
        cf_record_run_keep_waits(&run);
    source->context->looks += !source->looked; /* what later ones find was just brought */
    source->looked = true;
    source->looks_now = look_only;
    if (run.collection)
        source->changes = run.collection->changes;
    cf_pendings before = source->notes;
    source->notes = source->found;
    source->found = before;
    cf_past_destroy(&run.past);
    cf_row_view_destroy(&run.view);
    cf_row_index_release(&run.here);
    cf_rows_destroy(&run.troubled);
    cf_rows_destroy(&run.seen);
    free(run.unseen);
    cf_hash_table_release(&run.blocked);
    cf_tied_rows_release(&run.tied);
    cf_medium_content_release(&run.content);
    cf_medium_rest(source->medium);
    source->medium->had = NULL;
    source->medium->layout = (cf_bytes){0};
    source->medium->forgotten = (cf_forgotten){0};
    source->medium->columns = (cf_new_columns){0};
    cf_kv_list_release(&run.records);
    cf_arena_release(&run.arena);
    return status;
}
