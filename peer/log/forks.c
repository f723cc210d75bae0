/* SPDX-License-Identifier: Apache-2.0 */
/* A device is a fork by the second latest of its branches in one collection: where there are two,
 * one of them went on beside the other. Of several collections the latest tells. Branches of one
 * writer are dated by when they were first seen here, if their own time is earlier, or is ahead of
 * all clocks. */
#include "peer/log/forks.h"

#include "codec/limits.h"
#include "codec/pack.h"

#include <stdlib.h>

#define META_FORKS "forks"
enum { SEEN_MAX = 256 }; /* more are seen for the first time each time */

/* The end of a branch. */
typedef struct {
    cf_head head;
    cf_hash device;
    cf_id collection;
    uint64_t time_ms;
} branch;

typedef struct {
    cf_peer *peer;
    branch *at;
    size_t count, capacity;
} gathering;

static uint64_t time_of(cf_peer *peer, const cf_entry *entry)
{
    cf_arena arena = {0};
    const cf_body *body;
    cf_member member;
    cf_error ignored;
    uint64_t time_ms = 0;

    if (entry->header.type == CF_ENTRY_MEMBER) {
        if (cf_member_read(entry->body, &arena, &member, &ignored) == CF_OK)
            time_ms = member.time_ms;
    } else if (cf_contents_open(peer->contents, entry, &body, &ignored) == CF_OK) {
        time_ms = body->time.ms;
    }
    cf_arena_release(&arena);
    return time_ms;
}

static bool gather(void *context, const cf_head *head)
{
    gathering *self = context;
    cf_peer *peer = self->peer;
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    /* The account writes from whatever device it is used on; of what is withheld only this device
     * knows, which went on as another writer. */
    if (!cf_withheld_has(&peer->withheld, head) &&
        cf_log_get(peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
        !cf_hash_equal(&entry.header.device, cf_peer_user(peer)) &&
        cf_registry_is_valid(cf_log_registry(peer->log), &entry.header.device)) {
        *cf_one_more(self->at, self->count, self->capacity) =
            (branch){*head, entry.header.device, entry.header.collection, time_of(peer, &entry)};
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return true;
}

/* ---- When they were seen first ---- */

typedef struct {
    struct {
        cf_hash head;
        uint64_t time_ms;
    } at[SEEN_MAX];
    size_t count;
    bool is_new;
} seen;

static cf_status read_seen(cf_reader *reader, seen *out, cf_error *error)
{
    size_t count, parts;

    cf_status status = cf_read_array(reader, &count, error);
    for (size_t i = 0; !status && i < count && i < SEEN_MAX; i++) {
        status = cf_read_array(reader, &parts, error);
        if (!status)
            status = cf_read_bin_exact(reader, out->at[i].head.bytes, CF_HASH_SIZE, error);
        if (!status)
            status = cf_read_uint(reader, &out->at[i].time_ms, error);
        out->count += !status;
    }
    return status;
}

/* What can't be read is seen anew. */
static void recall_seen(cf_peer *peer, seen *out)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;

    *out = (seen){0};
    if (!store->get(store, cf_peer_user(peer), cf_key_meta(&arena, META_FORKS), &value, &ignored)) {
        cf_reader reader = cf_reader_of(cf_buffer_view(&value));

        read_seen(&reader, out, &ignored);
    }
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

/* Not kept, it is found again, only later. */
static void keep_seen(cf_peer *peer, const seen *what)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_buffer value = {0};
    cf_error ignored;

    cf_pack_array(&value, what->count);
    for (size_t i = 0; i < what->count; i++) {
        cf_pack_array(&value, 2);
        cf_pack_bin(&value, cf_bytes_of(what->at[i].head.bytes, CF_HASH_SIZE));
        cf_pack_uint(&value, what->at[i].time_ms);
    }
    cf_kv record = {cf_key_meta(&arena, META_FORKS), cf_buffer_view(&value)};
    store->write(store, cf_peer_user(peer), &record, 1, true, &ignored);
    cf_buffer_release(&value);
    cf_arena_release(&arena);
}

static uint64_t time_seen(const seen *before, const cf_hash *head, uint64_t now_ms, seen *out)
{
    uint64_t time_ms = now_ms;
    bool is_known = false;

    for (size_t i = 0; i < before->count && !is_known; i++)
        if (cf_hash_equal(&before->at[i].head, head)) {
            time_ms = before->at[i].time_ms;
            is_known = true;
        }
    if (out->count < SEEN_MAX) {
        out->at[out->count].head = *head;
        out->at[out->count++].time_ms = time_ms;
        out->is_new |= !is_known;
    }
    return time_ms;
}

static int by_writer(const void *a, const void *b)
{
    const branch *x = a, *y = b;

    return cf_id_compare(&x->head.writer, &y->head.writer);
}

static bool has_writer_of(const gathering *all, size_t i, size_t other)
{
    return other < all->count && cf_id_equal(&all->at[i].head.writer, &all->at[other].head.writer);
}

/* Branches of one writer: somewhere it has signed one sequence number twice. */
static void date_by_sight(gathering *all, uint64_t now_ms)
{
    seen before, now = {0};

    recall_seen(all->peer, &before);
    if (all->count)
        qsort(all->at, all->count, sizeof *all->at, by_writer);
    for (size_t i = 0; i < all->count; i++) {
        if (!has_writer_of(all, i, i + 1) && !(i && has_writer_of(all, i, i - 1)))
            continue;
        uint64_t time_ms = time_seen(&before, &all->at[i].head.hash, now_ms, &now);
        if (all->at[i].time_ms < time_ms || all->at[i].time_ms > now_ms + CF_TIME_AHEAD_MS)
            all->at[i].time_ms = time_ms;
    }
    if (now.is_new || now.count < before.count)
        keep_seen(all->peer, &now);
}

/* ---- Which ---- */

/* By device and collection, the latest first. */
static int compare(const void *a, const void *b)
{
    const branch *x = a, *y = b;
    int order = cf_hash_compare(&x->device, &y->device);

    if (!order)
        order = cf_id_compare(&x->collection, &y->collection);
    return order ? order : (x->time_ms < y->time_ms) - (x->time_ms > y->time_ms);
}

static bool is_beside(const branch *a, const branch *b)
{
    return cf_hash_equal(&a->device, &b->device) && cf_id_equal(&a->collection, &b->collection);
}

/* The second latest of each collection tells; of several collections the latest. */
static size_t list_forks(const gathering *all, cf_fork *out)
{
    size_t count = 0;

    for (size_t i = 1; i < all->count; i++) {
        const branch *one = &all->at[i];
        cf_fork *last = count ? &out[count - 1] : NULL;

        if (!is_beside(one, &all->at[i - 1]) || (i > 1 && is_beside(one, &all->at[i - 2])))
            continue;
        if (!last || !cf_hash_equal(&last->device, &one->device))
            out[count++] = (cf_fork){one->device, one->time_ms};
        else if (one->time_ms > last->time_ms)
            last->time_ms = one->time_ms;
    }
    return count;
}

cf_status cf_forks_find(cf_peer *peer, uint64_t now_ms, cf_fork **out, size_t *count,
                        cf_error *error)
{
    gathering all = {.peer = peer};

    cf_status status = cf_log_heads(peer->log, gather, &all, error);
    if (!status) {
        date_by_sight(&all, now_ms);
        if (all.count)
            qsort(all.at, all.count, sizeof *all.at, compare);
        *out = cf_allocate(all.count, sizeof **out);
        *count = list_forks(&all, *out);
    }
    free(all.at);
    return status;
}
