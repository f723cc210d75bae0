/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/haul.h"

#include "codec/limits.h"
#include "peer/engine/connections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CARTS = 4,
    MEETING_MS = 5000,
    STEADY_MS = 1000 /* what is lacking is known when nothing has changed for so long */
};

typedef enum {
    MEETS,   /* the broker before */
    TAKES,   /* the entries that only that one has */
    WAITS,   /* until the broker where the user is now has them, and has told what it lacks */
    CARRIES, /* that */
    IS_OVER,
} phase;

typedef enum { IS_EMPTY, IS_FETCHED, IS_BROUGHT } cart_state;

/* One blob, whole, in memory. */
typedef struct {
    cart_state state;
    cf_hash blob;
    cf_buffer bytes;
} cart;

struct cf_haul {
    cf_haul_options options;
    cf_link *from, *to;
    cart carts[CARTS];
    phase phase;
    cf_hash *wanted; /* of CARRIES */
    size_t count, next;
    size_t lacking;     /* of WAITS, */
    uint64_t steady_ms; /* since when it is so many; 0: that is not known yet */
    uint64_t waits_ms;  /* since when it waits for that */
    uint64_t meet_by_ms, progress_ms;
    bool has_moved; /* something, since the last look */
    char trouble[CF_ERROR_TEXT];
};

static cart *cart_of(cf_haul *haul, const cf_hash *blob, cart_state state)
{
    for (size_t i = 0; i < CARTS; i++)
        if (haul->carts[i].state == state &&
            (state == IS_EMPTY || cf_hash_equal(&haul->carts[i].blob, blob)))
            return &haul->carts[i];
    return NULL;
}

static void empty(cf_haul *haul, cart *it)
{
    cf_buffer_release(&it->bytes);
    it->state = IS_EMPTY;
    haul->has_moved = true;
}

static void note_trouble(cf_haul *haul, const char *text)
{
    snprintf(haul->trouble, sizeof haul->trouble, "%s", text);
}

static void note_delay(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    cf_haul *haul = context;

    (void)blob, (void)code;
    snprintf(haul->trouble, sizeof haul->trouble, "%.*s", (int)text.size, (const char *)text.data);
}

/* ---- The broker before ---- */

static void leave(cf_haul *haul, const char *why)
{
    if (haul->phase == IS_OVER)
        return;
    haul->phase = IS_OVER;
    note_trouble(haul, why);
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    leave(context, loss->why->text);
}

/* From now on it would say no more than that. */
static void on_moved(void *context, cf_bytes address)
{
    (void)address;
    leave(context, "it sends this device away");
}

static void on_entry(void *context, const cf_entry *entry)
{
    cf_haul *haul = context;
    size_t size = entry->wire.size;
    cf_error error;

    haul->has_moved = true;
    if (haul->phase != IS_OVER && cf_peer_take(haul->options.peer, &entry->wire, 1, &error))
        leave(haul, error.text);
    cf_link_credit(haul->from, size);
}

static void on_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                        cf_bytes bytes)
{
    cf_haul *haul = context;
    cart *it = cart_of(haul, blob, IS_FETCHED);

    if (!it)
        return;
    if (offset != it->bytes.size || total > CF_BLOB_MAX + CF_BLOB_OVERHEAD ||
        bytes.size > total - offset) {
        cf_transfer_forget_want(cf_link_transfer(haul->from), blob);
        empty(haul, it);
        return;
    }
    cf_buffer_append(&it->bytes, bytes.data, bytes.size);
    haul->has_moved = true;
    if (it->bytes.size < total)
        return;
    it->state = IS_BROUGHT;
    cf_transfer_offer(cf_link_transfer(haul->to), blob, total, cf_transfer_rank_of(total));
}

static void on_absent(void *context, const cf_hash *blob)
{
    cf_haul *haul = context;
    cart *it = cart_of(haul, blob, IS_FETCHED);

    if (it)
        empty(haul, it);
}

static void on_denied(void *context, const cf_hash *blob, const cf_error *why)
{
    note_trouble(context, why->text);
    on_absent(context, blob);
}

/* ---- Where the user is now ---- */

static bool on_piece(void *context, const cf_hash *blob, uint64_t offset, size_t size,
                     cf_buffer *out)
{
    cf_haul *haul = context;
    const cart *it = cart_of(haul, blob, IS_BROUGHT);

    if (!it || offset > it->bytes.size || size > it->bytes.size - offset)
        return false;
    cf_buffer_append(out, it->bytes.data + offset, size);
    haul->has_moved = true;
    return true;
}

static void on_stored(void *context, const cf_hash *blob)
{
    cf_haul *haul = context;
    cart *it = cart_of(haul, blob, IS_BROUGHT);

    if (!it)
        return;
    cf_contents_lack_no_more(haul->options.peer->contents, blob);
    empty(haul, it);
}

/* What has another hash than its name is refused here: nothing is believed that the other had. */
static void on_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    cf_haul *haul = context;
    cart *it = cart_of(haul, blob, IS_BROUGHT);

    note_trouble(haul, why->text);
    if (it)
        empty(haul, it);
}

/* ---- All of it ---- */

static cf_link *new_link(const cf_haul *haul, const cf_link_events *events)
{
    const cf_peer *peer = haul->options.peer;
    cf_link *link = cf_link_new(&(cf_link_options){.env = haul->options.env,
                                                   .store = cf_home_store(peer->home),
                                                   .user = *cf_peer_user(peer),
                                                   .only_takes = true,
                                                   .events = *events});

    cf_link_start(link);
    return link;
}

static void credit_entry(void *context, const cf_entry *entry)
{
    cf_link_credit(((cf_haul *)context)->to, entry->wire.size);
}

static void open_to(cf_haul *haul)
{
    cf_link_events events = cf_link_silence(haul);

    events.entry = credit_entry;
    events.blobs.piece = on_piece;
    events.blobs.stored = on_stored;
    events.blobs.refused = on_refused;
    events.blobs.delayed = note_delay;
    haul->to = new_link(haul, &events);
}

cf_haul *cf_haul_new(const cf_haul_options *options, uint64_t now_ms)
{
    cf_haul *haul = cf_allocate(1, sizeof *haul);
    cf_link_events events = cf_link_silence(haul);

    haul->options = *options;
    haul->meet_by_ms = now_ms + MEETING_MS;
    haul->progress_ms = now_ms;
    events.lost = on_lost;
    events.moved = on_moved;
    events.entry = on_entry;
    events.blobs.received = on_received;
    events.blobs.absent = on_absent;
    events.blobs.refused = on_denied;
    events.blobs.delayed = note_delay;
    haul->from = new_link(haul, &events);
    return haul;
}

void cf_haul_destroy(cf_haul **haul)
{
    cf_haul *it = *haul;

    if (!it)
        return;
    cf_link_destroy(&it->from);
    cf_link_destroy(&it->to);
    for (size_t i = 0; i < CARTS; i++)
        cf_buffer_release(&it->carts[i].bytes);
    free(it->wanted);
    free(it);
    *haul = NULL;
}

cf_link *cf_haul_from(const cf_haul *haul)
{
    return haul->from;
}

cf_link *cf_haul_to(const cf_haul *haul)
{
    return haul->to;
}

static void begin_carrying(cf_haul *haul, uint64_t now_ms)
{
    const cf_hash *lacking = cf_contents_lacked(haul->options.peer->contents, &haul->count);

    haul->phase = CARRIES;
    haul->progress_ms = now_ms;
    haul->wanted = cf_allocate(haul->count + 1, sizeof *haul->wanted);
    if (haul->count)
        memcpy(haul->wanted, lacking, haul->count * sizeof *lacking);
    if (haul->count)
        open_to(haul);
}

/* What the broker lacks it says in its own time, and what this device can make again is on its way
 * then. */
static bool is_steady(cf_haul *haul, uint64_t now_ms)
{
    const cf_peer *peer = haul->options.peer;
    size_t lacking = cf_contents_lacking(peer->contents);

    if (!peer->link || !cf_link_is_connected(peer->link))
        haul->steady_ms = 0;
    if (!haul->steady_ms && !(peer->link && cf_link_is_idle(peer->link)))
        return false;
    if (!haul->steady_ms || lacking != haul->lacking)
        haul->steady_ms = now_ms;
    haul->lacking = lacking;
    return now_ms >= haul->steady_ms + STEADY_MS;
}

static bool is_carried(cf_haul *haul)
{
    const cf_contents *contents = haul->options.peer->contents;
    bool works = false;
    cart *it;

    while (haul->next < haul->count && (it = cart_of(haul, NULL, IS_EMPTY))) {
        it->blob = haul->wanted[haul->next++];
        if (!cf_contents_lacks(contents, &it->blob)) /* another device has brought it */
            continue;
        it->state = IS_FETCHED;
        cf_transfer_want(cf_link_transfer(haul->from), &it->blob, 0, CF_RANK_HUGE);
    }
    for (size_t i = 0; i < CARTS; i++)
        works |= haul->carts[i].state != IS_EMPTY;
    return !works;
}

static void await_rest(cf_haul *haul, uint64_t now_ms)
{
    haul->phase = WAITS;
    haul->waits_ms = now_ms;
}

static void go_on(cf_haul *haul, uint64_t now_ms)
{
    if (haul->phase == MEETS && cf_link_is_connected(haul->from))
        haul->phase = TAKES;
    else if (haul->phase == MEETS && now_ms >= haul->meet_by_ms)
        leave(haul, "it does not answer");
    if (haul->phase == TAKES && cf_link_has_received(haul->from))
        await_rest(haul, now_ms);
    if (haul->phase == WAITS && is_steady(haul, now_ms))
        begin_carrying(haul, now_ms);
    if (haul->phase == CARRIES && is_carried(haul)) {
        haul->phase = IS_OVER;
        haul->trouble[0] = '\0';
    }
}

bool cf_haul_over(cf_haul *haul, uint64_t now_ms)
{
    if (haul->has_moved || haul->phase == WAITS)
        haul->progress_ms = now_ms;
    haul->has_moved = false;
    go_on(haul, now_ms);
    if (now_ms >= haul->progress_ms + haul->options.timeout_ms)
        leave(haul, "nothing comes from there");
    return haul->phase == IS_OVER;
}

bool cf_haul_waits(const cf_haul *haul, uint64_t now_ms)
{
    const cf_link *link = haul->options.peer->link;

    return haul->phase == WAITS && !haul->steady_ms &&
           (!link || !cf_link_is_connected(link) ||
            now_ms >= haul->waits_ms + haul->options.timeout_ms);
}

const char *cf_haul_trouble(const cf_haul *haul)
{
    return haul->trouble;
}
