/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/migration.h"

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

struct cf_migration {
    cf_migration_options options;
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

static cart *cart_of(cf_migration *migration, const cf_hash *blob, cart_state state)
{
    for (size_t i = 0; i < CARTS; i++)
        if (migration->carts[i].state == state &&
            (state == IS_EMPTY || cf_hash_equal(&migration->carts[i].blob, blob)))
            return &migration->carts[i];
    return NULL;
}

static void empty(cf_migration *migration, cart *it)
{
    cf_buffer_release(&it->bytes);
    it->state = IS_EMPTY;
    migration->has_moved = true;
}

static void note_trouble(cf_migration *migration, const char *text)
{
    snprintf(migration->trouble, sizeof migration->trouble, "%s", text);
}

static void note_delay(void *context, const cf_hash *blob, cf_bytes code, cf_bytes text)
{
    cf_migration *migration = context;

    (void)blob, (void)code;
    snprintf(migration->trouble, sizeof migration->trouble, "%.*s", (int)text.size,
             (const char *)text.data);
}

/* ---- The broker before ---- */

static void leave(cf_migration *migration, const char *why)
{
    if (migration->phase == IS_OVER)
        return;
    migration->phase = IS_OVER;
    note_trouble(migration, why);
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
    cf_migration *migration = context;
    size_t size = entry->wire.size;
    cf_error error;

    migration->has_moved = true;
    if (migration->phase != IS_OVER &&
        cf_peer_take(migration->options.peer, &entry->wire, 1, &error))
        leave(migration, error.text);
    cf_link_credit(migration->from, size);
}

static void on_received(void *context, const cf_hash *blob, uint64_t offset, uint64_t total,
                        cf_bytes bytes)
{
    cf_migration *migration = context;
    cart *it = cart_of(migration, blob, IS_FETCHED);

    if (!it)
        return;
    if (offset != it->bytes.size || total > CF_BLOB_MAX + CF_BLOB_OVERHEAD ||
        bytes.size > total - offset) {
        cf_transfer_forget_want(cf_link_transfer(migration->from), blob);
        empty(migration, it);
        return;
    }
    cf_buffer_append(&it->bytes, bytes.data, bytes.size);
    migration->has_moved = true;
    if (it->bytes.size < total)
        return;
    it->state = IS_BROUGHT;
    cf_transfer_offer(cf_link_transfer(migration->to), blob, total, cf_transfer_rank_of(total));
}

static void on_absent(void *context, const cf_hash *blob)
{
    cf_migration *migration = context;
    cart *it = cart_of(migration, blob, IS_FETCHED);

    if (it)
        empty(migration, it);
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
    cf_migration *migration = context;
    const cart *it = cart_of(migration, blob, IS_BROUGHT);

    if (!it || offset > it->bytes.size || size > it->bytes.size - offset)
        return false;
    cf_buffer_append(out, it->bytes.data + offset, size);
    migration->has_moved = true;
    return true;
}

static void on_stored(void *context, const cf_hash *blob)
{
    cf_migration *migration = context;
    cart *it = cart_of(migration, blob, IS_BROUGHT);

    if (!it)
        return;
    cf_contents_lack_no_more(migration->options.peer->contents, blob);
    empty(migration, it);
}

/* What has another hash than its name is refused here: nothing is believed that the other had. */
static void on_refused(void *context, const cf_hash *blob, const cf_error *why)
{
    cf_migration *migration = context;
    cart *it = cart_of(migration, blob, IS_BROUGHT);

    note_trouble(migration, why->text);
    if (it)
        empty(migration, it);
}

/* ---- All of it ---- */

static cf_link *new_link(const cf_migration *migration, const cf_link_events *events)
{
    const cf_peer *peer = migration->options.peer;
    cf_link *link = cf_link_new(&(cf_link_options){.env = migration->options.env,
                                                   .store = cf_home_store(peer->home),
                                                   .user = *cf_peer_user(peer),
                                                   .only_takes = true,
                                                   .events = *events});

    cf_link_start(link);
    return link;
}

static void credit_entry(void *context, const cf_entry *entry)
{
    cf_link_credit(((cf_migration *)context)->to, entry->wire.size);
}

static void open_to(cf_migration *migration)
{
    cf_link_events events = cf_link_silence(migration);

    events.entry = credit_entry;
    events.blobs.piece = on_piece;
    events.blobs.stored = on_stored;
    events.blobs.refused = on_refused;
    events.blobs.delayed = note_delay;
    migration->to = new_link(migration, &events);
}

cf_migration *cf_migration_new(const cf_migration_options *options, uint64_t now_ms)
{
    cf_migration *migration = cf_allocate(1, sizeof *migration);
    cf_link_events events = cf_link_silence(migration);

    migration->options = *options;
    migration->meet_by_ms = now_ms + MEETING_MS;
    migration->progress_ms = now_ms;
    events.lost = on_lost;
    events.moved = on_moved;
    events.entry = on_entry;
    events.blobs.received = on_received;
    events.blobs.absent = on_absent;
    events.blobs.refused = on_denied;
    events.blobs.delayed = note_delay;
    migration->from = new_link(migration, &events);
    return migration;
}

void cf_migration_destroy(cf_migration **migration)
{
    cf_migration *it = *migration;

    if (!it)
        return;
    cf_link_destroy(&it->from);
    cf_link_destroy(&it->to);
    for (size_t i = 0; i < CARTS; i++)
        cf_buffer_release(&it->carts[i].bytes);
    free(it->wanted);
    free(it);
    *migration = NULL;
}

cf_link *cf_migration_from(const cf_migration *migration)
{
    return migration->from;
}

cf_link *cf_migration_to(const cf_migration *migration)
{
    return migration->to;
}

static void begin_carrying(cf_migration *migration, uint64_t now_ms)
{
    const cf_hash *lacking =
        cf_contents_lacked(migration->options.peer->contents, &migration->count);

    migration->phase = CARRIES;
    migration->progress_ms = now_ms;
    migration->wanted = cf_allocate(migration->count + 1, sizeof *migration->wanted);
    if (migration->count)
        memcpy(migration->wanted, lacking, migration->count * sizeof *lacking);
    if (migration->count)
        open_to(migration);
}

/* What the broker lacks it says in its own time, and what this device can make again is on its way
 * then. */
static bool is_steady(cf_migration *migration, uint64_t now_ms)
{
    const cf_peer *peer = migration->options.peer;
    size_t lacking = cf_contents_lacking(peer->contents);

    if (!peer->link || !cf_link_is_connected(peer->link))
        migration->steady_ms = 0;
    if (!migration->steady_ms && !(peer->link && cf_link_is_idle(peer->link)))
        return false;
    if (!migration->steady_ms || lacking != migration->lacking)
        migration->steady_ms = now_ms;
    migration->lacking = lacking;
    return now_ms >= migration->steady_ms + STEADY_MS;
}

static bool is_carried(cf_migration *migration)
{
    const cf_contents *contents = migration->options.peer->contents;
    bool works = false;
    cart *it;

    while (migration->next < migration->count && (it = cart_of(migration, NULL, IS_EMPTY))) {
        it->blob = migration->wanted[migration->next++];
        if (!cf_contents_lacks(contents, &it->blob)) /* another device has brought it */
            continue;
        it->state = IS_FETCHED;
        cf_transfer_want(cf_link_transfer(migration->from), &it->blob, 0, CF_RANK_HUGE);
    }
    for (size_t i = 0; i < CARTS; i++)
        works |= migration->carts[i].state != IS_EMPTY;
    return !works;
}

static void await_rest(cf_migration *migration, uint64_t now_ms)
{
    migration->phase = WAITS;
    migration->waits_ms = now_ms;
}

static void go_on(cf_migration *migration, uint64_t now_ms)
{
    if (migration->phase == MEETS && cf_link_is_connected(migration->from))
        migration->phase = TAKES;
    else if (migration->phase == MEETS && now_ms >= migration->meet_by_ms)
        leave(migration, "it does not answer");
    if (migration->phase == TAKES && cf_link_has_received(migration->from))
        await_rest(migration, now_ms);
    if (migration->phase == WAITS && is_steady(migration, now_ms))
        begin_carrying(migration, now_ms);
    if (migration->phase == CARRIES && is_carried(migration)) {
        migration->phase = IS_OVER;
        migration->trouble[0] = '\0';
    }
}

bool cf_migration_over(cf_migration *migration, uint64_t now_ms)
{
    if (migration->has_moved || migration->phase == WAITS)
        migration->progress_ms = now_ms;
    migration->has_moved = false;
    go_on(migration, now_ms);
    if (now_ms >= migration->progress_ms + migration->options.timeout_ms)
        leave(migration, "nothing comes from there");
    return migration->phase == IS_OVER;
}

bool cf_migration_waits(const cf_migration *migration, uint64_t now_ms)
{
    const cf_link *link = migration->options.peer->link;

    return migration->phase == WAITS && !migration->steady_ms &&
           (!link || !cf_link_is_connected(link) ||
            now_ms >= migration->waits_ms + migration->options.timeout_ms);
}

const char *cf_migration_trouble(const cf_migration *migration)
{
    return migration->trouble;
}
