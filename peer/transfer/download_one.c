/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_one.h"

#include "peer/bindings/binding_report.h"
#include "peer/bindings/disk_trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- The table of them ---- */

/* The blobs in hand are counted over all downloads; AT_A_TIME bounds open files. */
enum { AT_A_TIME = 16 };

static uint64_t key_of(const cf_hash *hash)
{
    return cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

/* The next one of this content, in whatever binding. */
static cf_incoming *next_of(const cf_downloads *downloads, const cf_hash *hash,
                            const cf_incoming *previous)
{
    cf_hash_link *link = previous ? cf_hash_table_next(&previous->link)
                                  : cf_hash_table_first(&downloads->table, key_of(hash));

    while (link && !cf_hash_equal(&cf_container_of(link, cf_incoming, link)->hash, hash))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, cf_incoming, link) : NULL;
}

cf_incoming *cf_incoming_find(const cf_downloads *downloads, const cf_binding *binding,
                              const cf_hash *hash)
{
    cf_incoming *one = next_of(downloads, hash, NULL);

    while (one && one->binding != binding)
        one = next_of(downloads, hash, one);
    return one;
}

cf_incoming *cf_downloads_bringing(const cf_downloads *downloads, const cf_hash *hash)
{
    cf_incoming *one = next_of(downloads, hash, NULL);

    while (one && one->phase != CF_DOWNLOAD_IS_WORKING)
        one = next_of(downloads, hash, one);
    return one;
}

static bool waits_to_begin(const cf_incoming *one)
{
    return one->phase == CF_DOWNLOAD_IS_QUEUED || one->phase == CF_DOWNLOAD_IS_OFFLINE;
}

static bool has_ended(const cf_incoming *one)
{
    return one->phase >= CF_DOWNLOAD_IS_READY;
}

bool cf_incoming_moves(const cf_downloads *downloads, const cf_incoming *one)
{
    return one->phase == CF_DOWNLOAD_IS_WORKING && !one->binding->silence &&
           ((cf_downloads_connected(downloads) && !cf_making_is_stopped(one->making)) ||
            !cf_making_hungry(one->making));
}

static void enter(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase)
{
    one->phase = phase;
    one->announced = false;
    cf_list_add(&downloads->phases[phase], &one->place);
    downloads->queued[one->rank] += phase == CF_DOWNLOAD_IS_QUEUED;
    downloads->queued_bytes += waits_to_begin(one) ? one->size : 0;
    downloads->untold[one->rank] += has_ended(one);
}

static void leave(cf_downloads *downloads, cf_incoming *one)
{
    cf_list_remove(&downloads->phases[one->phase], &one->place);
    downloads->queued[one->rank] -= one->phase == CF_DOWNLOAD_IS_QUEUED;
    downloads->queued_bytes -= waits_to_begin(one) ? one->size : 0;
    downloads->untold[one->rank] -= has_ended(one) && !one->announced;
}

static void set_phase(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase)
{
    leave(downloads, one);
    enter(downloads, one, phase);
    downloads->phase_changes++;
}

/* What they asked for has come, and is copied from there; or it won't, and one of them brings it.
 */
static void let_go(cf_downloads *downloads, const cf_hash *hash)
{
    for (cf_incoming *one = next_of(downloads, hash, NULL); one;
         one = next_of(downloads, hash, one))
        if (one->phase == CF_DOWNLOAD_IS_ASKER)
            set_phase(downloads, one, CF_DOWNLOAD_IS_QUEUED);
}

void cf_incoming_set_phase(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase)
{
    bool brought = one->phase == CF_DOWNLOAD_IS_WORKING;

    set_phase(downloads, one, phase);
    if (brought)
        let_go(downloads, &one->hash);
}

cf_incoming *cf_incoming_add(cf_downloads *downloads, cf_binding *binding, const cf_hash *hash,
                             uint64_t size)
{
    cf_incoming *one = cf_allocate(1, sizeof *one);

    one->binding = binding;
    one->hash = *hash;
    one->size = size;
    one->rank = cf_transfer_rank_of(size + CF_BLOB_OVERHEAD);
    cf_partial_file_name(hash, false, one->name);
    enter(downloads, one, CF_DOWNLOAD_IS_QUEUED);
    cf_hash_table_add(&downloads->table, &one->link, key_of(hash));
    return one;
}

void cf_incoming_drop(cf_downloads *downloads, cf_incoming *one)
{
    const cf_hash hash = one->hash;
    bool brought = one->phase == CF_DOWNLOAD_IS_WORKING;

    leave(downloads, one);
    cf_hash_table_remove(&downloads->table, &one->link);
    cf_making_destroy(&one->making);
    cf_buffer_release(&one->leaves);
    free(one);
    if (brought)
        let_go(downloads, &hash);
}

bool cf_downloads_connected(const cf_downloads *downloads)
{
    return cf_fetch_possible(downloads->options.peer);
}

size_t cf_downloads_count_moving(const cf_downloads *downloads, size_t counts[CF_RANKS])
{
    size_t count = 0;

    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_WORKING].first; at; at = at->after) {
        const cf_incoming *one = cf_container_of(at, cf_incoming, place);
        const bool moves = cf_incoming_moves(downloads, one);

        counts[one->rank] += moves;
        count += moves;
    }
    return count;
}

/* For one more of this rank to begin. */
static bool have_room(const cf_downloads *downloads, cf_transfer_rank rank)
{
    size_t counts[CF_RANKS] = {0};

    cf_downloads_count_moving(downloads, counts);
    return cf_rank_has_place(counts, rank, AT_A_TIME);
}

bool cf_downloads_have_room_for_some(const cf_downloads *downloads)
{
    size_t counts[CF_RANKS] = {0};
    bool have = false;

    cf_downloads_count_moving(downloads, counts);
    for (size_t rank = 0; rank < CF_RANKS; rank++)
        have |=
            downloads->queued[rank] && cf_rank_has_place(counts, (cf_transfer_rank)rank, AT_A_TIME);
    return have;
}

static cf_files *files_of(const cf_downloads *downloads)
{
    return downloads->options.peer->env->files;
}

/* ---- Its neighbours ---- */

/* What a making asks of all others. */
typedef struct {
    const cf_downloads *downloads;
    const cf_incoming *self;
} neighbours;

bool cf_incoming_is_there(const cf_downloads *downloads, const cf_incoming *one)
{
    cf_stat now;
    cf_error ignored;

    return one->binding->temporary &&
           files_of(downloads)->stat(files_of(downloads), one->binding->temporary,
                                     cf_bytes_of_text(one->name), &now, &ignored) == CF_OK &&
           cf_stat_same_file(&now, &one->stat) && now.size == one->stat.size;
}

static cf_file *open_ready(void *context, const cf_hash *content)
{
    const neighbours *near = context;
    cf_files *files = files_of(near->downloads);
    cf_file *file = NULL;
    cf_error ignored;

    for (const cf_incoming *one = next_of(near->downloads, content, NULL); one && !file;
         one = next_of(near->downloads, content, one))
        if (one->phase == CF_DOWNLOAD_IS_READY && cf_incoming_is_there(near->downloads, one))
            files->open_file(files, one->binding->temporary, cf_bytes_of_text(one->name), &file,
                             &ignored);
    return file;
}

static bool makes(const cf_list *line, const cf_incoming *self, const cf_hash *content)
{
    for (cf_list_link *at = line->first; at; at = at->after) {
        const cf_incoming *one = cf_container_of(at, cf_incoming, place);

        if (one != self && one->binding == self->binding && one->making &&
            (cf_hash_equal(&one->hash, content) || cf_making_needs(one->making, content)))
            return true;
    }
    return false;
}

bool cf_incoming_is_shared(const cf_downloads *downloads, const cf_incoming *one,
                           const cf_hash *content)
{
    return makes(&downloads->phases[CF_DOWNLOAD_IS_WORKING], one, content) ||
           makes(&downloads->phases[CF_DOWNLOAD_IS_ABANDONED], one, content);
}

static bool is_taken(void *context, const cf_hash *content)
{
    const neighbours *near = context;

    return cf_incoming_is_shared(near->downloads, near->self, content);
}

/* ---- Its life ---- */

static void end(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase,
                const cf_error *error)
{
    cf_making_destroy(&one->making);
    cf_incoming_set_phase(downloads, one, phase);
    if (!error)
        return;
    one->error = *error;
    one->is_of_disk = cf_files_blame_disk(&one->error) || error->status == CF_FULL;
}

/* The disk may know that as soon as the file is to have its size, or not before the byte that is
 * too much. */
static bool is_too_large(const cf_downloads *downloads, cf_incoming *one, cf_error *error)
{
    cf_binding *binding = one->binding;

    if (binding->temporary && cf_disk_explain_size(files_of(downloads), binding->temporary,
                                                   one->size, &binding->traits, error))
        binding->is_disk_doubted = true;
    return error->status == CF_TOO_LARGE;
}

/* Of those that are being made in this source. */
static uint64_t bytes_under_way(const cf_downloads *downloads, const cf_binding *binding)
{
    uint64_t bytes = 0;

    for (cf_list_link *at = downloads->phases[CF_DOWNLOAD_IS_WORKING].first; at; at = at->after) {
        const cf_incoming *one = cf_container_of(at, cf_incoming, place);

        bytes += one->binding == binding ? one->size : 0;
    }
    return bytes;
}

static uint64_t whole_mib(uint64_t bytes)
{
    return bytes / CF_MIB + (bytes % CF_MIB > 0);
}

static cf_status refuse_room(uint64_t size, uint64_t left, uint64_t reserve, uint64_t others,
                             cf_error *error)
{
    char for_others[64] = "";

    if (others)
        snprintf(for_others, sizeof for_others, " and %" PRIu64 " are for others that come",
                 whole_mib(others));
    return cf_fail(error, CF_FULL,
                   "the disk has no room for it: it takes %" PRIu64 " MiB, and of %" PRIu64
                   " that are free %" PRIu64 " are kept so%s: files over 1 MiB wait for more",
                   whole_mib(size), left / CF_MIB, whole_mib(reserve), for_others);
}

/* A patch of 1 KB may be a file of 256 GiB. Deletions and small files go on, and with them the way
 * back. `here` of it is on the disk. */
static cf_status leave_reserve(const cf_downloads *downloads, const cf_binding *binding,
                               uint64_t size, uint64_t here, uint64_t under_way, cf_error *error)
{
    cf_files *files = files_of(downloads);
    uint64_t left = 0, whole = 0;

    if (cf_disk_refuses_size(&binding->traits, size))
        return cf_fail(error, CF_TOO_LARGE, "it is too large for this disk");
    if (size <= CF_MIB || !binding->temporary)
        return CF_OK;
    cf_status status = files->free_bytes(files, binding->temporary, &left, &whole, error);
    if (status)
        return status;
    uint64_t reserve = whole / 20 < CF_GIB ? whole / 20 : CF_GIB;
    uint64_t others = under_way + bytes_under_way(downloads, binding);
    if (left + here >= reserve + others && left + here - reserve - others >= size)
        return CF_OK;
    return refuse_room(size, left, reserve, others, error);
}

cf_status cf_downloads_leave_reserve(const cf_downloads *downloads, const cf_binding *binding,
                                     uint64_t size, uint64_t under_way, cf_error *error)
{
    return leave_reserve(downloads, binding, size, 0, under_way, error);
}

/* What an earlier time left of it is gone on with, or goes first. */
static uint64_t bytes_left_of(const cf_downloads *downloads, const cf_incoming *one)
{
    cf_files *files = files_of(downloads);
    const cf_folder *folder = one->binding->temporary;
    cf_stat stat;
    cf_error ignored;

    if (!folder ||
        files->stat(files, folder, cf_bytes_of_text(one->name), &stat, &ignored) != CF_OK)
        return 0;
    return stat.links == 1 ? stat.allocated : 0;
}

static cf_download_phase phase_of_waiting(const cf_error *why)
{
    return strcmp(why->text, CF_WAITS_PAUSED) == 0 ? CF_DOWNLOAD_IS_PAUSED
                                                   : CF_DOWNLOAD_IS_DEFERRED;
}

static void begin(cf_downloads *downloads, cf_incoming *one)
{
    const cf_downloads_options *options = &downloads->options;
    neighbours near = {downloads, one};
    cf_making_options making = {
        .places = {.peer = options->peer,
                   .collection = one->binding->collection,
                   .own = one->binding,
                   .afresh = one->afresh,
                   .open = open_ready,
                   .context = &near},
        .binding = one->binding,
        .content = one->hash,
        .hand = &downloads->hand,
        .parts = downloads->parts,
        .most = &downloads->most,
        .taken = is_taken,
    };
    cf_error error;

    if (cf_downloads_bringing(downloads, &one->hash)) {
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_ASKER);
        return;
    }
    cf_contents_ask_again(options->peer->contents, &one->binding->collection, &one->hash);
    one->lacking = cf_contents_lacking(options->peer->contents);
    if (options->bindings)
        making.places.bindings = options->bindings(options->context, &making.places.binding_count);
    cf_status status =
        leave_reserve(downloads, one->binding, one->size, bytes_left_of(downloads, one), 0, &error);
    if (!status)
        status = cf_making_begin(&making, &one->making, &error);
    if (status == CF_UNREACHABLE && cf_downloads_connected(downloads)) {
        end(downloads, one, phase_of_waiting(&error), &error);
    } else if (status == CF_UNREACHABLE ||
               (status == CF_LOCKED && !cf_downloads_connected(downloads))) {
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_OFFLINE);
    } else if (status && status != CF_LOCKED) {
        is_too_large(downloads, one, &error);
        end(downloads, one, CF_DOWNLOAD_IS_FAILED, &error);
    }
    if (!status)
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_WORKING);
}

/* Some blob turned out not to be had, and the content is found elsewhere, too. */
static bool has_other_way(const cf_downloads *downloads, const cf_incoming *one)
{
    cf_contents *contents = downloads->options.peer->contents;

    return cf_contents_lacking(contents) > one->lacking &&
           cf_contents_available(contents, &one->binding->collection, &one->hash);
}

/* A patch of the log is wrong, so others are asked for all of it. */
static void ask_for_whole(const cf_downloads *downloads, const cf_incoming *one, cf_error *error)
{
    const cf_downloads_options *options = &downloads->options;

    cf_making_doubt(one->making);
    if (options->unmade && options->unmade(options->context, &one->binding->collection, &one->hash))
        cf_fail(error, error->status,
                "a patch that makes it is wrong: waits for a device that has all of it");
}

/* What was taken from this disk may be the reason: then all of it comes from the broker. */
static void end_failed(cf_downloads *downloads, cf_incoming *one, cf_error *error)
{
    const bool unmade = cf_making_is_unmade(one->making);
    const bool otherwise = unmade && cf_making_knows_wholes(one->making);
    bool again = otherwise || (cf_making_used_disk(one->making) && !one->afresh &&
                               error->status != CF_FULL && !is_too_large(downloads, one, error));

    if (unmade && !again)
        ask_for_whole(downloads, one, error);

    end(downloads, one, again ? CF_DOWNLOAD_IS_QUEUED : CF_DOWNLOAD_IS_FAILED, error);
    /* By its entry it can't be made, so nothing goes on from here. */
    bool never = error->status == CF_MALFORMED || error->status == CF_TOO_LARGE;
    if (!again && never && one->binding->temporary &&
        !cf_incoming_is_shared(downloads, one, &one->hash))
        cf_partial_file_remove(files_of(downloads), one->binding->temporary, &one->hash);
    if (!otherwise)
        one->afresh = again;
}

static void go_on(cf_downloads *downloads, cf_incoming *one)
{
    cf_error error;

    switch (cf_making_step(one->making, &error)) {
    case CF_FETCH_WORKING:
        break;
    case CF_FETCH_DONE:
        cf_making_result(one->making, &one->stat, &one->leaves);
        end(downloads, one, CF_DOWNLOAD_IS_READY, NULL);
        break;
    case CF_FETCH_ABSENT:
        cf_fail(&error, CF_MISSING, "waits for a device that has all of it");
        end(downloads, one,
            has_other_way(downloads, one) ? CF_DOWNLOAD_IS_QUEUED : CF_DOWNLOAD_IS_ABSENT, &error);
        break;
    case CF_FETCH_FAILED:
        if (error.status == CF_CHANGED || has_other_way(downloads, one))
            end(downloads, one, CF_DOWNLOAD_IS_QUEUED, &error);
        else
            end_failed(downloads, one, &error);
        break;
    }
}

/* What is whole of it stays on the disk. */
static void stop(cf_downloads *downloads, cf_incoming *one)
{
    cf_error why;

    cf_fail(&why, CF_UNREACHABLE, "%s",
            cf_making_is_paused(one->making) ? CF_WAITS_PAUSED : CF_WAITS_METERED);
    end(downloads, one, phase_of_waiting(&why), &why);
}

void cf_incoming_step(cf_downloads *downloads, cf_incoming *one)
{
    if (one->binding->silence)
        return;
    if (one->phase == CF_DOWNLOAD_IS_OFFLINE && cf_downloads_connected(downloads))
        cf_incoming_set_phase(downloads, one, CF_DOWNLOAD_IS_QUEUED);
    if (one->phase == CF_DOWNLOAD_IS_QUEUED && have_room(downloads, one->rank))
        begin(downloads, one);
    if (one->phase == CF_DOWNLOAD_IS_WORKING)
        go_on(downloads, one);
    if (one->phase == CF_DOWNLOAD_IS_WORKING && cf_making_is_stopped(one->making) &&
        !cf_making_busy(one->making))
        stop(downloads, one);
}
