/* SPDX-License-Identifier: Apache-2.0 */
/* What waited when the source was last synced, and why: [[path, reason]…], ascending; of a file
 * that could not be written [path, reason, true]. Only a look that writes, and asks a broker, finds
 * that out, and `status` does neither. */
#include "peer/sources/records/record_source_inside.h"

#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

enum { WAITS_MAX = 1000 };

/* ---- Of a look that syncs ---- */

static cf_pending of_whole(const cf_record_run *run)
{
    return (cf_pending){.path = cf_bytes_of_text(cf_binding_file_name(run->source->binding))};
}

static bool is_kept(const cf_record_run *run, const cf_pending *pending)
{
    return pending->kind == CF_PENDING_WAITS ||
           (run->unwritten && pending->kind == CF_PENDING_SKIPPED &&
            cf_bytes_equal(pending->path, of_whole(run).path));
}

/* Packs what waits, and why the file could not be written; nothing of a source that is kept in sync
 * all the time, which tells it itself. */
static void pack(const cf_record_run *run, cf_buffer *out)
{
    const cf_record_source *source = run->source;
    const cf_pendings *found = &source->found;
    cf_pendings waits = {0};

    for (size_t i = 0; !source->context->watch && i < found->count; i++)
        if (is_kept(run, &found->at[i]))
            cf_pendings_add(&waits, found->at[i].kind, found->at[i].path, found->at[i].reason);
    cf_pendings_sort(&waits);
    size_t count = waits.count < WAITS_MAX ? waits.count : WAITS_MAX;
    if (count)
        cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        const bool failed = waits.at[i].kind == CF_PENDING_SKIPPED;

        cf_pack_array(out, failed ? 3 : 2);
        cf_pack_bin(out, waits.at[i].path);
        cf_pack_bin(out, cf_bytes_of_text(waits.at[i].reason));
        if (failed)
            cf_pack_bool(out, true);
    }
    cf_pendings_release(&waits);
}

void cf_record_run_keep_waits(cf_record_run *run)
{
    cf_peer *peer = run->source->context->peer;
    cf_store *store = cf_home_store(peer->home);
    cf_kv_list records = {0};
    cf_buffer now = {0};
    cf_error error;

    pack(run, &now);
    if (cf_record_run_keep(run, CF_TABLE_WAITED, cf_buffer_view(&now), &records) &&
        store->write(store, cf_peer_user(peer), records.at, records.count, false, &error))
        cf_report(peer->env, CF_REPORT_DETAIL, "keeping why something waits: %s", error.text);
    cf_kv_list_release(&records);
    cf_buffer_release(&now);
}

/* ---- Of a look that only looks ---- */

static bool read_wait(cf_reader *reader, cf_pending *out, cf_bytes *reason)
{
    size_t parts = 0;
    bool failed = false;
    cf_error ignored;

    if (cf_read_array(reader, &parts, &ignored) || parts < 2 || parts > 3 ||
        cf_read_bin(reader, &out->path, &ignored) || cf_read_bin(reader, reason, &ignored) ||
        (parts > 2 && cf_read_bool(reader, &failed, &ignored)))
        return false;
    out->kind = failed ? CF_PENDING_SKIPPED : CF_PENDING_WAITS;
    return true;
}

static size_t read_waits(cf_record_run *run, cf_pending **out)
{
    cf_reader reader = cf_reader_of(cf_record_run_kept(run, CF_TABLE_WAITED));
    size_t count = 0, known = 0;
    cf_bytes reason;
    cf_error ignored;

    if (reader.at == reader.end || cf_read_array(&reader, &count, &ignored))
        return 0;
    *out = cf_arena_allocate(&run->arena, count, sizeof **out);
    while (known < count && read_wait(&reader, &(*out)[known], &reason))
        (*out)[known++].reason = cf_arena_text(&run->arena, reason);
    return known;
}

static int by_path(const void *a, const void *b)
{
    return cf_bytes_compare(((const cf_pending *)a)->path, ((const cf_pending *)b)->path);
}

/* Appends why the row waits; a reason that begins with what is told already takes its place. */
static void append_reason(cf_record_run *run, cf_pending *found, const char *why)
{
    cf_buffer text = {0};

    if (strncmp(why, found->reason, strlen(found->reason)) != 0)
        cf_buffer_append_text(&text, "%s; ", found->reason);
    cf_buffer_append_text(&text, "%s", why);
    cf_buffer_append(&text, "", 1);
    found->reason = cf_pendings_text(&run->source->found, (const char *)text.data);
    cf_buffer_release(&text);
}

void cf_record_run_tell_waits(cf_record_run *run)
{
    cf_pendings *found = &run->source->found;
    const cf_pending whole = of_whole(run);
    cf_pending *waits = NULL;
    size_t count = read_waits(run, &waits);
    bool unapplied = false;

    for (size_t i = 0; count && i < found->count; i++) {
        cf_pending *one = &found->at[i];

        if (one->kind != CF_PENDING_UNSENT && one->kind != CF_PENDING_UNAPPLIED)
            continue;
        unapplied |= one->kind == CF_PENDING_UNAPPLIED;
        const cf_pending *why = bsearch(one, waits, count, sizeof *waits, by_path);
        if (why)
            append_reason(run, one, why->reason);
    }
    const cf_pending *why = count ? bsearch(&whole, waits, count, sizeof *waits, by_path) : NULL;
    if (why && unapplied)
        cf_record_note_whole(run, why->kind, why->reason);
}
