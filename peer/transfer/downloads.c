/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/downloads.h"

#include "peer/transfer/download_one.h"

#include <stdlib.h>
#include <string.h>

enum { REST_MS = 30000 };

cf_downloads *cf_downloads_new(const cf_downloads_options *options)
{
    cf_downloads *downloads = cf_allocate(1, sizeof *downloads);

    downloads->options = *options;
    downloads->most = UINT64_MAX;
    downloads->parts = cf_parts_new(options->peer->env, options->peer->home);
    return downloads;
}

/* All of them, or those of one binding: askers before what brings it to them. */
static void drop_all(cf_downloads *downloads, const cf_binding *binding)
{
    for (int phase = 0; phase < CF_DOWNLOAD_PHASES; phase++)
        for (cf_list_link *at = downloads->phases[phase].first, *after; at; at = after) {
            cf_incoming *one = cf_container_of(at, cf_incoming, place);

            after = at->after;
            if (!binding || one->binding == binding)
                cf_incoming_drop(downloads, one);
        }
}

void cf_downloads_destroy(cf_downloads **downloads)
{
    if (!*downloads)
        return;
    drop_all(*downloads, NULL);
    cf_hash_table_release(&(*downloads)->table);
    cf_parts_destroy(&(*downloads)->parts);
    free(*downloads);
    *downloads = NULL;
}

void cf_downloads_forget(cf_downloads *downloads, const cf_binding *binding)
{
    drop_all(downloads, binding);
}

/* ---- All of them ---- */

/* What was begun is thrown away, unless another one makes it too. */
static void throw_away(cf_downloads *downloads, cf_incoming *one)
{
    cf_files *files = downloads->options.peer->env->files;
    const cf_folder *folder = one->binding->temporary;
    char note[CF_PARTIAL_FILE_NAME];
    cf_error ignored;

    cf_making_destroy(&one->making);
    cf_partial_file_name(&one->hash, true, note);
    if (folder && one->phase == CF_DOWNLOAD_IS_READY && !cf_incoming_is_there(downloads, one))
        files->unlink(files, folder, cf_bytes_of_text(note), &ignored);
    else if (folder && !cf_incoming_is_shared(downloads, one, &one->hash))
        cf_partial_file_remove(files, folder, &one->hash);
    cf_incoming_drop(downloads, one);
    downloads->phase_changes++;
}

static void step_phase(cf_downloads *downloads, cf_download_phase phase)
{
    if (phase == CF_DOWNLOAD_IS_ASKER ||
        (phase == CF_DOWNLOAD_IS_OFFLINE && !cf_downloads_connected(downloads)))
        return;
    for (cf_list_link *at = downloads->phases[phase].first, *after; at; at = after) {
        cf_incoming *one = cf_container_of(at, cf_incoming, place);

        after = at->after;
        if (phase == CF_DOWNLOAD_IS_QUEUED && !cf_downloads_have_room_for_some(downloads))
            break;
        if (phase != CF_DOWNLOAD_IS_ABANDONED)
            cf_incoming_step(downloads, one);
        else if (!one->binding->silence && !cf_making_busy(one->making))
            throw_away(downloads, one);
    }
}

void cf_downloads_step(cf_downloads *downloads)
{
    cf_link *link = downloads->options.peer->link;
    uint64_t phase_changes;

    cf_parts_step(downloads->parts);
    if (cf_downloads_connected(downloads) && cf_link_session(link) != downloads->session) {
        downloads->session = cf_link_session(link);
        cf_downloads_retry(downloads);
    }
    do {
        phase_changes = downloads->phase_changes;
        for (cf_download_phase phase = 0; phase <= CF_DOWNLOAD_IS_ABANDONED; phase++)
            step_phase(downloads, phase);
    } while (downloads->phase_changes != phase_changes);
}

static void queue_all(cf_downloads *downloads, cf_download_phase phase)
{
    cf_list *line = &downloads->phases[phase];

    while (line->first)
        cf_incoming_set_phase(downloads, cf_container_of(line->first, cf_incoming, place),
                              CF_DOWNLOAD_IS_QUEUED);
}

void cf_downloads_try_paused(cf_downloads *downloads)
{
    queue_all(downloads, CF_DOWNLOAD_IS_PAUSED);
}

bool cf_downloads_are_paused(const cf_downloads *downloads, const cf_id *collection)
{
    const cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_PAUSED].first;

    while (at && collection &&
           !cf_id_equal(&cf_container_of(at, cf_incoming, place)->binding->collection, collection))
        at = at->after;
    return at != NULL;
}

void cf_downloads_retry(cf_downloads *downloads)
{
    queue_all(downloads, CF_DOWNLOAD_IS_ABSENT);
    queue_all(downloads, CF_DOWNLOAD_IS_DEFERRED);
    queue_all(downloads, CF_DOWNLOAD_IS_PAUSED);
    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_FAILED].first; at; at = at->after)
        cf_container_of(at, cf_incoming, place)->again = true;
}

void cf_downloads_retry_disk(cf_downloads *downloads)
{
    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_FAILED].first; at; at = at->after) {
        cf_incoming *one = cf_container_of(at, cf_incoming, place);

        one->again |= one->error.status == CF_FULL || one->error.status == CF_IO;
    }
}

/* What is under way is stopped in its step. */
void cf_downloads_defer_over(cf_downloads *downloads, uint64_t most)
{
    downloads->most = most;
    queue_all(downloads, CF_DOWNLOAD_IS_DEFERRED);
}

size_t cf_downloads_deferred(const cf_downloads *downloads)
{
    return downloads->phases[CF_DOWNLOAD_IS_DEFERRED].count;
}

/* Some are in sources whose disks answer. */
static bool can_go_on(const cf_list *line)
{
    const cf_list_link *at = line->first;

    while (at && cf_container_of(at, cf_incoming, place)->binding->silence)
        at = at->after;
    return at != NULL;
}

bool cf_downloads_busy(const cf_downloads *downloads)
{
    const cf_list *phases = downloads->phases;
    size_t counts[CF_RANKS] = {0};
    bool is_untold = false;

    for (size_t rank = 0; rank < CF_RANKS; rank++)
        is_untold |= downloads->untold[rank] > 0;
    return is_untold || can_go_on(&phases[CF_DOWNLOAD_IS_QUEUED]) ||
           can_go_on(&phases[CF_DOWNLOAD_IS_ABANDONED]) ||
           cf_downloads_count_moving(downloads, counts) ||
           (cf_downloads_connected(downloads) && can_go_on(&phases[CF_DOWNLOAD_IS_OFFLINE]));
}

/* A line that breaks and comes back finds the part of a blob that had come. */
static bool waits_for_long(cf_downloads *downloads)
{
    const cf_env *env = downloads->options.peer->env;
    uint64_t now_ms = cf_env_steady_ms(env);

    if (cf_downloads_connected(downloads)) {
        downloads->cut_off_ms = 0;
        return false;
    }
    if (!downloads->cut_off_ms || downloads->cut_off_ms > now_ms)
        downloads->cut_off_ms = now_ms;
    return now_ms - downloads->cut_off_ms >= REST_MS;
}

/* Those that wait for a broker for long keep what is whole on the disk, and nothing open there. */
bool cf_downloads_rest(cf_downloads *downloads, const cf_binding *binding)
{
    const bool may = waits_for_long(downloads);
    bool rests = true;

    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_ABANDONED].first; at; at = at->after)
        rests &= cf_container_of(at, cf_incoming, place)->binding != binding;
    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_WORKING].first, *after; at;
         at = after) {
        cf_incoming *one = cf_container_of(at, cf_incoming, place);

        after = at->after;
        if (one->binding != binding)
            continue;
        const bool waits =
            may && !cf_incoming_moves(downloads, one) && !cf_making_busy(one->making);
        rests &= waits;
        if (!waits)
            continue;
        cf_making_destroy(&one->making);
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_OFFLINE);
    }
    return rests;
}

static bool is_worth_telling(const cf_downloads *downloads)
{
    size_t coming[CF_RANKS];

    memcpy(coming, downloads->queued, sizeof coming);
    cf_downloads_count_moving(downloads, coming);
    return cf_ranks_worth_telling(downloads->untold, coming);
}

static void tell(cf_downloads *downloads, cf_download_phase phase, const cf_binding **found)
{
    for (cf_list_link *at = downloads->phases[phase].first; at; at = at->after) {
        cf_incoming *one = cf_container_of(at, cf_incoming, place);

        if (one->announced || (*found && one->binding != *found))
            continue;
        one->announced = true;
        downloads->untold[one->rank]--;
        *found = one->binding;
    }
}

const cf_binding *cf_downloads_finished(cf_downloads *downloads)
{
    const cf_binding *found = NULL;

    if (is_worth_telling(downloads))
        for (cf_download_phase phase = CF_DOWNLOAD_IS_READY; phase < CF_DOWNLOAD_PHASES; phase++)
            tell(downloads, phase, &found);
    return found;
}

cf_flow_count cf_downloads_flow(const cf_downloads *downloads)
{
    cf_flow_count flow = {.moved = downloads->hand.brought, .left = downloads->queued_bytes};
    const cf_list *working = &downloads->phases[CF_DOWNLOAD_IS_WORKING];

    for (cf_list_link *at = working->first; at; at = at->after) {
        const cf_fetch *fetch = cf_making_fetch(cf_container_of(at, cf_incoming, place)->making);
        const uint64_t partly = fetch ? cf_fetch_partly(fetch) : 0;

        flow.moved += partly;
        flow.left += fetch ? cf_fetch_left(fetch) - partly : 0;
    }
    return flow;
}

/* ---- Wants ---- */

static void begin_again(cf_downloads *downloads, cf_incoming *one)
{
    cf_buffer_release(&one->leaves);
    cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_QUEUED);
    one->afresh = one->again = false;
}

static cf_download_answer answer_of(const cf_downloads *downloads, const cf_incoming *one,
                                    cf_download *out)
{
    const cf_incoming *bringing =
        one->phase == CF_DOWNLOAD_IS_ASKER ? cf_downloads_bringing(downloads, &one->hash) : one;
    bool waits =
        !cf_downloads_connected(downloads) &&
        (bringing->phase == CF_DOWNLOAD_IS_OFFLINE ||
         (bringing->phase == CF_DOWNLOAD_IS_WORKING && !cf_incoming_moves(downloads, bringing)));

    *out = (cf_download){.reason = waits ? "waits for a broker" : one->error.text,
                         .is_too_large = one->error.status == CF_TOO_LARGE,
                         .is_of_disk = one->is_of_disk};
    if (waits || one->phase == CF_DOWNLOAD_IS_ABSENT || one->phase == CF_DOWNLOAD_IS_DEFERRED ||
        one->phase == CF_DOWNLOAD_IS_PAUSED)
        return CF_DOWNLOAD_WAITS;
    if (one->phase == CF_DOWNLOAD_IS_FAILED)
        return CF_DOWNLOAD_FAILED;
    if (one->phase != CF_DOWNLOAD_IS_READY)
        return CF_DOWNLOAD_STARTED;
    out->name = cf_bytes_of_text(one->name);
    out->leaves = cf_buffer_view(&one->leaves);
    return CF_DOWNLOAD_READY;
}

cf_download_answer cf_downloads_want(cf_downloads *downloads, cf_binding *binding, cf_bytes content,
                                     cf_download *out)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(content, &hash, &size, &ignored)) {
        *out = (cf_download){.reason = "its content is not known"};
        return CF_DOWNLOAD_FAILED;
    }
    cf_incoming *one = cf_incoming_find(downloads, binding, &hash);
    if (!one)
        one = cf_incoming_add(downloads, binding, &hash, size);
    if (one->phase == CF_DOWNLOAD_IS_ABANDONED)
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_WORKING);
    if ((one->phase == CF_DOWNLOAD_IS_FAILED && one->again) ||
        (one->phase == CF_DOWNLOAD_IS_READY && !cf_incoming_is_there(downloads, one)))
        begin_again(downloads, one);
    if (one->phase == CF_DOWNLOAD_IS_QUEUED)
        cf_incoming_step(downloads, one);
    return answer_of(downloads, one, out);
}

void cf_downloads_take(cf_downloads *downloads, const cf_binding *binding, cf_bytes content)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(content, &hash, &size, &ignored))
        return;
    cf_incoming *one = cf_incoming_find(downloads, binding, &hash);
    if (!one)
        return;
    if (one->making && cf_making_busy(one->making))
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_ABANDONED);
    else
        throw_away(downloads, one);
}

bool cf_downloads_read_base(const cf_downloads *downloads, const cf_hash *hash)
{
    static const cf_download_phase phases[] = {CF_DOWNLOAD_IS_WORKING, CF_DOWNLOAD_IS_ABANDONED};

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        for (cf_list_link *at = downloads->phases[phases[i]].first; at; at = at->after)
            if (cf_making_reads_base(cf_container_of(at, cf_incoming, place)->making, hash))
                return true;
    return false;
}

/* ---- Events of the transfer ---- */

typedef struct {
    const cf_hash *blob;
    uint64_t offset, total;
    cf_bytes bytes;
    const cf_error *why;
} event;

/* To the fetches under way; also to what is abandoned, which may be wanted again. */
static void pass_on(const cf_downloads *downloads, const event *came,
                    void (*take)(cf_fetch *fetch, const event *came))
{
    static const cf_download_phase phases[] = {CF_DOWNLOAD_IS_WORKING, CF_DOWNLOAD_IS_ABANDONED};

    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        for (cf_list_link *at = downloads->phases[phases[i]].first; at; at = at->after) {
            cf_fetch *fetch = cf_making_fetch(cf_container_of(at, cf_incoming, place)->making);

            if (fetch)
                take(fetch, came);
        }
}

static void take_bytes(cf_fetch *fetch, const event *came)
{
    cf_fetch_received(fetch, came->blob, came->offset, came->total, came->bytes);
}

void cf_downloads_received(cf_downloads *downloads, const cf_hash *blob, uint64_t offset,
                           uint64_t total, cf_bytes bytes)
{
    pass_on(downloads, &(event){blob, offset, total, bytes, NULL}, take_bytes);
}

static void take_absence(cf_fetch *fetch, const event *came)
{
    cf_fetch_absent(fetch, came->blob);
}

void cf_downloads_absent(cf_downloads *downloads, const cf_hash *blob)
{
    pass_on(downloads, &(event){.blob = blob}, take_absence);
}

static void take_refusal(cf_fetch *fetch, const event *came)
{
    cf_fetch_refused(fetch, came->blob, came->why);
}

void cf_downloads_refused(cf_downloads *downloads, const cf_hash *blob, const cf_error *why)
{
    pass_on(downloads, &(event){.blob = blob, .why = why}, take_refusal);
}
