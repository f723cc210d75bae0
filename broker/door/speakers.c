/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/speakers.h"

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

struct cf_speakers {
    cf_speakers_options options;
    place *places; /* by descriptor */
    size_t count, capacity;
    shut_one shut[SHUT_MAX]; /* the next one overwrites the oldest */
    size_t shut_next;
};

cf_speakers *cf_speakers_new(const cf_speakers_options *options)
{
    cf_speakers *made = cf_allocate(1, sizeof *made);

    made->options = *options;
    return made;
}

void cf_speakers_destroy(cf_speakers **speakers)
{
    if (!*speakers)
        return;
    free((*speakers)->places);
    free(*speakers);
    *speakers = NULL;
}

static place *place_at(const cf_speakers *speakers, int descriptor)
{
    bool is_open = descriptor >= 0 && (size_t)descriptor < speakers->count &&
                   speakers->places[descriptor].is_open;

    return is_open ? &speakers->places[descriptor] : NULL;
}

static bool is(const candidate *it, cf_bytes routing_id)
{
    return it->size && cf_bytes_equal(cf_bytes_of(it->routing_id, it->size), routing_id);
}

static candidate *find(const cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    place *at = place_at(speakers, descriptor);

    for (size_t i = 0; at && i < CANDIDATES; i++)
        if (is(&at->candidates[i], routing_id))
            return &at->candidates[i];
    return NULL;
}

static void remember_shut(cf_speakers *speakers, const candidate *it, uint64_t now_ms)
{
    shut_one *kept = &speakers->shut[speakers->shut_next++ % SHUT_MAX];

    *kept = (shut_one){.size = it->size, .until_ms = now_ms + SHUT_MS};
    memcpy(kept->routing_id, it->routing_id, it->size);
}

static void end(const cf_speakers *speakers, candidate *it)
{
    candidate ended = *it;

    *it = (candidate){0};
    if (ended.size)
        speakers->options.gone(speakers->options.context,
                               cf_bytes_of(ended.routing_id, ended.size));
}

void cf_speakers_closed(cf_speakers *speakers, int descriptor, uint64_t now_ms)
{
    place *at = place_at(speakers, descriptor);

    if (!at)
        return;
    at->is_open = false;
    for (size_t i = 0; i < CANDIDATES; i++) {
        if (at->candidates[i].is_shut)
            remember_shut(speakers, &at->candidates[i], now_ms);
        end(speakers, &at->candidates[i]);
    }
}

void cf_speakers_opened(cf_speakers *speakers, int descriptor)
{
    if (descriptor < 0)
        return;
    while (speakers->count <= (size_t)descriptor) {
        *cf_one_more(speakers->places, speakers->count, speakers->capacity) = (place){0};
    }
    speakers->places[descriptor] = (place){.is_open = true};
}

bool cf_speakers_knows(const cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    return find(speakers, descriptor, routing_id) != NULL;
}

static bool is_sure(const cf_speakers *speakers, const candidate *it)
{
    return it->heard > speakers->options.unread;
}

/* Where a new one belongs: nowhere once it is sure who has the descriptor. */
static candidate *room_for_one(const cf_speakers *speakers, place *at)
{
    candidate *least = &at->candidates[0];

    for (size_t i = 0; i < CANDIDATES; i++) {
        candidate *it = &at->candidates[i];

        if (is_sure(speakers, it))
            return NULL;
        if (it->heard < least->heard)
            least = it;
    }
    return least;
}

static candidate *add(const cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    place *at = place_at(speakers, descriptor);
    candidate *it = at ? room_for_one(speakers, at) : NULL;

    if (!it)
        return NULL;
    *it = (candidate){.size = (uint8_t)routing_id.size};
    memcpy(it->routing_id, routing_id.data, routing_id.size);
    return it;
}

/* The others' connections had the descriptor before. */
static void end_others(const cf_speakers *speakers, int descriptor, const candidate *sure)
{
    place *at = place_at(speakers, descriptor);

    for (size_t i = 0; i < CANDIDATES; i++)
        if (&at->candidates[i] != sure)
            end(speakers, &at->candidates[i]);
}

void cf_speakers_heard(cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    assert(routing_id.size && routing_id.size <= CF_ROUTING_ID_MAX);
    candidate *it = find(speakers, descriptor, routing_id);

    if (!it)
        it = add(speakers, descriptor, routing_id);
    if (!it || is_sure(speakers, it))
        return;
    it->heard++;
    if (is_sure(speakers, it))
        end_others(speakers, descriptor, it);
}

bool cf_speakers_is_sure(const cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    const candidate *it = find(speakers, descriptor, routing_id);

    return it && is_sure(speakers, it);
}

cf_bytes cf_speakers_at(const cf_speakers *speakers, int descriptor, size_t index)
{
    const place *at = place_at(speakers, descriptor);

    for (size_t i = 0; at && i < CANDIDATES; i++)
        if (at->candidates[i].size && index-- == 0)
            return cf_bytes_of(at->candidates[i].routing_id, at->candidates[i].size);
    return (cf_bytes){0};
}

void cf_speakers_shut(cf_speakers *speakers, int descriptor, cf_bytes routing_id)
{
    candidate *it = find(speakers, descriptor, routing_id);

    if (it)
        it->is_shut = true;
}

static bool was_shut(const cf_speakers *speakers, cf_bytes routing_id, uint64_t now_ms)
{
    for (size_t i = 0; i < SHUT_MAX; i++) {
        const shut_one *it = &speakers->shut[i];

        if (now_ms < it->until_ms &&
            cf_bytes_equal(cf_bytes_of(it->routing_id, it->size), routing_id))
            return true;
    }
    return false;
}

bool cf_speakers_is_shut(const cf_speakers *speakers, int descriptor, cf_bytes routing_id,
                         uint64_t now_ms)
{
    const candidate *it = find(speakers, descriptor, routing_id);

    if (it && (it->is_shut || is_sure(speakers, it)))
        return it->is_shut;
    return was_shut(speakers, routing_id, now_ms);
}
