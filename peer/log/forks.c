/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/forks.h"

#include <stdlib.h>

/* The end of a branch. */
typedef struct {
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

    /* The account writes from whatever device it is used on. */
    if (cf_log_get(peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK &&
        !cf_hash_equal(&entry.header.device, cf_peer_user(peer)) &&
        cf_registry_device(cf_log_registry(peer->log), &entry.header.device)) {
        self->at = cf_grow(self->at, &self->capacity, self->count + 1, sizeof *self->at);
        self->at[self->count++] =
            (branch){entry.header.device, entry.header.collection, time_of(peer, &entry)};
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return true;
}

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

cf_status cf_forks_find(cf_peer *peer, cf_fork **out, size_t *count, cf_error *error)
{
    gathering all = {.peer = peer};

    cf_status status = cf_log_heads(peer->log, gather, &all, error);
    if (!status) {
        if (all.count)
            qsort(all.at, all.count, sizeof *all.at, compare);
        *out = cf_allocate(all.count, sizeof **out);
        *count = list_forks(&all, *out);
    }
    free(all.at);
    return status;
}
