/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/connection_owners.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    CANDIDATES = 4, /* for one descriptor; beyond, who was heard least makes room */
    SHUT_MAX = 256, /* remembered; what comes of those before is judged again, which costs little */
    SHUT_MS = 10000,
};

typedef struct {
    uint8_t size; /* 0: nobody */
    uint8_t routing_id[CF_ROUTING_ID_MAX];
    bool is_shut;
    size_t heard;
} candidate;

typedef struct {
    bool is_open;
    candidate candidates[CANDIDATES];
} place;

typedef struct {
    uint8_t size;
    uint8_t routing_id[CF_ROUTING_ID_MAX];
    uint64_t until_ms;
} shut_one;

struct cf_connection_owners {
    cf_connection_owners_options options;
    place *places; /* by descriptor */
    size_t count, capacity;
    shut_one shut[SHUT_MAX]; /* the next one overwrites the oldest */
    size_t shut_next;
};

cf_connection_owners *cf_connection_owners_new(const cf_connection_owners_options *options)
{
    cf_connection_owners *made = cf_allocate(1, sizeof *made);

    made->options = *options;
    return made;
}

void cf_connection_owners_destroy(cf_connection_owners **owners)
{
    if (!*owners)
        return;
    free((*owners)->places);
    free(*owners);
    *owners = NULL;
}

static place *place_at(const cf_connection_owners *owners, int descriptor)
{
    bool is_open =
        descriptor >= 0 && (size_t)descriptor < owners->count && owners->places[descriptor].is_open;

    return is_open ? &owners->places[descriptor] : NULL;
}

static bool is(const candidate *it, cf_bytes routing_id)
{
    return it->size && cf_bytes_equal(cf_bytes_of(it->routing_id, it->size), routing_id);
}

static candidate *find(const cf_connection_owners *owners, int descriptor, cf_bytes routing_id)
{
    place *at = place_at(owners, descriptor);

    for (size_t i = 0; at && i < CANDIDATES; i++)
        if (is(&at->candidates[i], routing_id))
            return &at->candidates[i];
    return NULL;
}

static void remember_shut(cf_connection_owners *owners, const candidate *it, uint64_t now_ms)
{
    shut_one *kept = &owners->shut[owners->shut_next++ % SHUT_MAX];

    *kept = (shut_one){.size = it->size, .until_ms = now_ms + SHUT_MS};
    memcpy(kept->routing_id, it->routing_id, it->size);
}

static void end(const cf_connection_owners *owners, candidate *it)
{
    candidate ended = *it;

    *it = (candidate){0};
    if (ended.size)
        owners->options.gone(owners->options.context, cf_bytes_of(ended.routing_id, ended.size));
}

void cf_connection_owners_closed(cf_connection_owners *owners, int descriptor, uint64_t now_ms)
{
    place *at = place_at(owners, descriptor);

    if (!at)
        return;
    at->is_open = false;
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (at->candidates[i].is_shut)
            remember_shut(owners, &at->candidates[i], now_ms);
        end(owners, &at->candidates[i]);
    }
}

void cf_connection_owners_opened(cf_connection_owners *owners, int descriptor)
{
    if (descriptor < 0)
        return;
    while (owners->count <= (size_t)descriptor) {
        *cf_one_more(owners->places, owners->count, owners->capacity) = (place){0};
    }
    owners->places[descriptor] = (place){.is_open = true};
}

bool cf_connection_owners_knows(const cf_connection_owners *owners, int descriptor,
                                cf_bytes routing_id)
{
    return find(owners, descriptor, routing_id) != NULL;
}

static bool is_sure(const cf_connection_owners *owners, const candidate *it)
{
    return it->heard > owners->options.unread;
}

/* Where a new one belongs: nowhere once it is sure who has the descriptor. */
static candidate *room_for_one(const cf_connection_owners *owners, place *at)
{
    candidate *least = &at->candidates[0];

    for (size_t i = 0; i < CANDIDATES; i++) {
        candidate *it = &at->candidates[i];

        if (is_sure(owners, it))
            return NULL;
        if (it->heard < least->heard)
            least = it;
    }
    return least;
}

static candidate *add(const cf_connection_owners *owners, int descriptor, cf_bytes routing_id)
{
    place *at = place_at(owners, descriptor);
    candidate *it = at ? room_for_one(owners, at) : NULL;

    if (!it)
        return NULL;
    *it = (candidate){.size = (uint8_t)routing_id.size};
    memcpy(it->routing_id, routing_id.data, routing_id.size);
    return it;
}

/* The others' connections had the descriptor before. */
static void end_others(const cf_connection_owners *owners, int descriptor, const candidate *sure)
{
    place *at = place_at(owners, descriptor);

    for (size_t i = 0; i < CANDIDATES; i++)
        if (&at->candidates[i] != sure)
            end(owners, &at->candidates[i]);
}

void cf_connection_owners_heard(cf_connection_owners *owners, int descriptor, cf_bytes routing_id)
{
    assert(routing_id.size && routing_id.size <= CF_ROUTING_ID_MAX);
    candidate *it = find(owners, descriptor, routing_id);

    if (!it)
        it = add(owners, descriptor, routing_id);
    if (!it || is_sure(owners, it))
        return;
    it->heard++;
    if (is_sure(owners, it))
        end_others(owners, descriptor, it);
}

bool cf_connection_owners_is_sure(const cf_connection_owners *owners, int descriptor,
                                  cf_bytes routing_id)
{
    const candidate *it = find(owners, descriptor, routing_id);

    return it && is_sure(owners, it);
}

cf_bytes cf_connection_owners_at(const cf_connection_owners *owners, int descriptor, size_t index)
{
    const place *at = place_at(owners, descriptor);

    for (size_t i = 0; at && i < CANDIDATES; i++)
        if (at->candidates[i].size && index-- == 0)
            return cf_bytes_of(at->candidates[i].routing_id, at->candidates[i].size);
    return (cf_bytes){0};
}

void cf_connection_owners_shut(cf_connection_owners *owners, int descriptor, cf_bytes routing_id)
{
    candidate *it = find(owners, descriptor, routing_id);

    if (it)
        it->is_shut = true;
}

static bool was_shut(const cf_connection_owners *owners, cf_bytes routing_id, uint64_t now_ms)
{
    for (size_t i = 0; i < SHUT_MAX; i++) {
        const shut_one *it = &owners->shut[i];

        if (now_ms < it->until_ms &&
            cf_bytes_equal(cf_bytes_of(it->routing_id, it->size), routing_id))
            return true;
    }
    return false;
}

bool cf_connection_owners_is_shut(const cf_connection_owners *owners, int descriptor,
                                  cf_bytes routing_id, uint64_t now_ms)
{
    const candidate *it = find(owners, descriptor, routing_id);

    if (it && (it->is_shut || is_sure(owners, it)))
        return it->is_shut;
    return was_shut(owners, routing_id, now_ms);
}
