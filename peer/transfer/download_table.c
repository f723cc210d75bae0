/* SPDX-License-Identifier: Apache-2.0 */
/* The table of contents on their way in, by content and by phase, and how many may be in hand. */
#include "peer/transfer/download_inside.h"

#include <stdlib.h>

/* The blobs in hand are counted over all downloads; AT_A_TIME bounds open files. */
enum { AT_A_TIME = 16 };

static uint64_t key_of(const cf_hash *hash)
{
    return cf_hash_bytes(0, cf_bytes_of(hash->bytes, CF_HASH_SIZE));
}

cf_incoming *cf_incoming_next(const cf_downloads *downloads, const cf_hash *hash,
                              const cf_incoming *previous)
{
    cf_table_link *link =
        previous ? cf_table_next(&previous->link) : cf_table_first(&downloads->table, key_of(hash));

    while (link && !cf_hash_equal(&cf_linked(link, cf_incoming, link)->hash, hash))
        link = cf_table_next(link);
    return link ? cf_linked(link, cf_incoming, link) : NULL;
}

cf_incoming *cf_incoming_find(const cf_downloads *downloads, const cf_binding *binding,
                              const cf_hash *hash)
{
    cf_incoming *one = cf_incoming_next(downloads, hash, NULL);

    while (one && one->binding != binding)
        one = cf_incoming_next(downloads, hash, one);
    return one;
}

cf_incoming *cf_downloads_bringing(const cf_downloads *downloads, const cf_hash *hash)
{
    cf_incoming *one = cf_incoming_next(downloads, hash, NULL);

    while (one && one->phase != CF_DOWNLOAD_IS_WORKING)
        one = cf_incoming_next(downloads, hash, one);
    return one;
}

static bool waits_to_begin(const cf_incoming *one)
{
    return one->phase == CF_DOWNLOAD_IS_QUEUED || one->phase == CF_DOWNLOAD_IS_OFFLINE;
}

bool cf_incoming_has_ended(const cf_incoming *one)
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
    cf_line_add(&downloads->phases[phase], &one->place);
    downloads->queued[one->rank] += phase == CF_DOWNLOAD_IS_QUEUED;
    downloads->queued_bytes += waits_to_begin(one) ? one->size : 0;
    downloads->untold[one->rank] += cf_incoming_has_ended(one);
}

static void leave(cf_downloads *downloads, cf_incoming *one)
{
    cf_line_remove(&downloads->phases[one->phase], &one->place);
    downloads->queued[one->rank] -= one->phase == CF_DOWNLOAD_IS_QUEUED;
    downloads->queued_bytes -= waits_to_begin(one) ? one->size : 0;
    downloads->untold[one->rank] -= cf_incoming_has_ended(one) && !one->announced;
}

static void set_phase(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase)
{
    leave(downloads, one);
    enter(downloads, one, phase);
    downloads->turns++;
}

/* What they asked for has come, and is copied from there; or it won't, and one of them brings it.
 */
static void let_go(cf_downloads *downloads, const cf_hash *hash)
{
    for (cf_incoming *one = cf_incoming_next(downloads, hash, NULL); one;
         one = cf_incoming_next(downloads, hash, one))
        if (one->phase == CF_DOWNLOAD_IS_ASKER)
            set_phase(downloads, one, CF_DOWNLOAD_IS_QUEUED);
}

void cf_incoming_turn(cf_downloads *downloads, cf_incoming *one, cf_download_phase phase)
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
    cf_landing_name(hash, false, one->name);
    enter(downloads, one, CF_DOWNLOAD_IS_QUEUED);
    cf_table_add(&downloads->table, &one->link, key_of(hash));
    return one;
}

void cf_incoming_drop(cf_downloads *downloads, cf_incoming *one)
{
    const cf_hash hash = one->hash;
    bool brought = one->phase == CF_DOWNLOAD_IS_WORKING;

    leave(downloads, one);
    cf_table_remove(&downloads->table, &one->link);
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

    for (cf_place_in_line *at = downloads->phases[CF_DOWNLOAD_IS_WORKING].first; at;
         at = at->after) {
        const cf_incoming *one = cf_standing(at, cf_incoming, place);
        const bool moves = cf_incoming_moves(downloads, one);

        counts[one->rank] += moves;
        count += moves;
    }
    return count;
}

bool cf_downloads_have_room(const cf_downloads *downloads, cf_transfer_rank rank)
{
    size_t counts[CF_RANKS] = {0};

    cf_downloads_count_moving(downloads, counts);
    return cf_turns_have_place(counts, rank, AT_A_TIME);
}

bool cf_downloads_have_room_for_some(const cf_downloads *downloads)
{
    size_t counts[CF_RANKS] = {0};
    bool have = false;

    cf_downloads_count_moving(downloads, counts);
    for (size_t rank = 0; rank < CF_RANKS; rank++)
        have |= downloads->queued[rank] &&
                cf_turns_have_place(counts, (cf_transfer_rank)rank, AT_A_TIME);
    return have;
}
