/* SPDX-License-Identifier: Apache-2.0 */
/* A device that was shut out, and goes on: its user works, it publishes, and it says with its own
 * keys what no program of ours would say. */
#include "tests/worlds/history.h"

#include "codec/pack.h"
#include "peer/membership/membership.h"

#include <stdlib.h>

enum { A_WHILE = 60, ITEMS_MAX = 16 };

/* ---- Shutting out ---- */

static bool has_same_identity(device *a, device *b)
{
    return cf_hash_equal(cf_peer_device(device_peer(a)), cf_peer_device(device_peer(b)));
}

void outcast_made(history *self, device *who)
{
    world *w = self->w;
    device *owner = &w->devices[0];
    cf_hash id = *cf_peer_device(device_peer(who));
    cf_head head;
    cf_error error = {0};

    if (who->is_out || has_same_identity(who, owner))
        return;
    history_sync(self, 1u << owner->number, TURNS_MAX);
    if (cf_membership_revoke(&(cf_signatory){device_peer(owner), false},
                             &(cf_limited){.device = &id}, &(cf_outgoers){&id, 1}, &head, &error)) {
        world_tell(w, "not revoked: %s", error.text);
        return;
    }
    for (int i = 0; i < w->count; i++)
        if (has_same_identity(&w->devices[i], who)) {
            w->devices[i].is_out = true;
            note_revoked(&w->devices[i], owner);
        }
    history_sync(self, 1u << owner->number, TURNS_MAX);
}

/* ---- Forging ---- */

typedef struct {
    cf_id all[ITEMS_MAX];
    size_t count;
} items;

static void take_item(void *context, const cf_id *item)
{
    items *self = context;

    if (self->count < ITEMS_MAX)
        self->all[self->count++] = *item;
}

static cf_bytes a_name(chance *from, cf_arena *arena)
{
    static const char *const bad[] = {"..", "a/b", ".counterfoil", ".", "", "a"};
    const char *name = bad[chance_below(from, sizeof bad / sizeof *bad)];
    cf_buffer value = {0};

    cf_pack_bin(&value, cf_bytes_of_text(name));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes a_parent(chance *from, const items *known, cf_arena *arena)
{
    const cf_id *parent = &known->all[chance_below(from, known->count)];
    cf_buffer value = {0};

    cf_pack_bin(&value, cf_bytes_of(parent->bytes, CF_ID_SIZE));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* Something gets a place inside of anything, under a name that none may have; and writes are
 * replaced that nobody made. */
static void forge_one(chance *from, device *outcast, cf_collection *collection, const items *known)
{
    cf_arena arena = {0};
    cf_dot over = {.sequence = 1 + chance_below(from, 3)};
    cf_id item = known->all[chance_below(from, known->count)];
    cf_change changes[2] = {
        {.item = item, .field = cf_bytes_of_text(CF_FIELD_NAME), .value = a_name(from, &arena)},
        {.item = item,
         .field = cf_bytes_of_text(CF_FIELD_PARENT),
         .value = a_parent(from, known, &arena),
         .over = &over,
         .over_count = chance_below(from, 2)},
    };
    cf_error error;

    chance_fill(from, over.writer.bytes, sizeof over.writer.bytes);
    chance_fill(from, over.hash, sizeof over.hash);
    if (cf_peer_publish_changes(device_peer(outcast), collection, changes, 2, device_now(outcast),
                                &error))
        world_tell(outcast->in, "device %d can't forge that: %s", outcast->number, error.text);
}

static void forge(chance *from, device *outcast)
{
    cf_collection *collection;
    items known = {0};
    cf_error error;

    must(cf_peer_collection(device_peer(outcast), &outcast->in->collection, &collection, &error),
         &error, "collection");
    cf_state_each(collection->state, take_item, &known);
    for (uint64_t i = chance_below(from, 4); i && known.count; i--)
        forge_one(from, outcast, collection, &known);
}

/* ---- Being heard ---- */

typedef struct {
    device *to;
    cf_error error;
} carrier;

static bool carry_one(void *context, uint64_t position, cf_bytes wire)
{
    carrier *self = context;

    (void)position;
    return cf_peer_take(device_peer(self->to), &wire, 1, &self->error) == CF_OK;
}

static device *an_outcast(world *w)
{
    for (int i = 0; i < w->count; i++)
        if (w->devices[i].is_out)
            return &w->devices[i];
    return NULL;
}

/* What an outcast has written since, by whatever way, is in another's hands. */
void outcast_heard(history *self, chance *from, device *to)
{
    world *w = self->w;
    device *outcast = an_outcast(w);
    world_round round = {.turns = A_WHILE};
    carrier hands = {.to = to};
    cf_error error;

    if (!outcast || to->is_out)
        return;
    outcast->offline = true;
    round.set = 1u << outcast->number;
    world_sync(w, &round);
    forge(from, outcast);
    cf_store *store = cf_home_store(outcast->home);
    must(store->read(store, cf_peer_user(device_peer(outcast)), 1, carry_one, &hands, &error),
         &error, "reading the outcast's log");
    world_tell(w, "device %d: has the log of device %d", to->number, outcast->number);
}
