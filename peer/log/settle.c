/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/settle.h"

#include "peer/log/refold.h"
#include "peer/log/unsent.h"
#include "peer/merge/state_item.h"

#include <stdlib.h>

static bool add_collection(void *context, const cf_id *collection)
{
    cf_ids_add(context, collection);
    return true;
}

/* ---- What differs ---- */

typedef struct {
    const cf_state *is, *was;
    cf_ids differing;
} comparing;

static bool is_equal(const cf_state *a, const cf_state *b, const cf_id *item)
{
    cf_buffer packed[2] = {{0}, {0}};
    bool held_a = cf_state_item_pack(a, item, &packed[0]);
    bool held_b = cf_state_item_pack(b, item, &packed[1]);
    bool equal =
        held_a == held_b && cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1]));

    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
    return equal;
}

static void compare(void *context, const cf_id *item)
{
    comparing *self = context;

    if (!is_equal(self->is, self->was, item))
        cf_ids_add(&self->differing, item);
}

static void add_new(void *context, const cf_id *item)
{
    comparing *self = context;

    if (!cf_state_record(self->was, item))
        cf_ids_add(&self->differing, item);
}

/* ---- Taking it over ---- */

/* The item as it is now, into the state that others look at and into its record. */
static cf_status take_item(cf_collection *collection, const cf_state *now, const cf_id *item,
                           cf_kv_list *records, cf_error *error)
{
    cf_arena arena = {0};
    cf_buffer packed = {0};
    cf_bytes key = cf_key_item(&arena, &collection->id, item);
    cf_status status = CF_OK;

    if (cf_state_item_pack(now, item, &packed)) {
        cf_kv_list_put(records, key, cf_buffer_view(&packed));
        status = cf_state_item_read(collection->state, item, cf_buffer_view(&packed), error);
    } else {
        cf_kv_list_delete(records, key);
        cf_state_forget_item(collection->state, item);
    }
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
    return status;
}

/* `now` is NULL where no entry counts any more. */
static cf_status take_over(cf_collection *collection, cf_collection *now, cf_kv_list *records,
                           cf_error *error)
{
    cf_state *nothing = cf_state_new();
    comparing self = {.is = now ? now->state : nothing, .was = collection->state};
    cf_status status = CF_OK;

    cf_state_each_record(self.was, compare, &self);
    cf_state_each_record(self.is, add_new, &self);
    for (size_t i = 0; !status && i < self.differing.count; i++)
        status = take_item(collection, self.is, &self.differing.at[i], records, error);
    cf_view_update(collection->view, self.differing.at, self.differing.count);
    collection->changes++;
    collection->waits = now ? now->waits : NULL;
    cf_changesets_destroy(&collection->changesets);
    collection->changesets = now ? now->changesets : cf_changesets_new();
    if (now)
        now->changesets = NULL;
    free(self.differing.at);
    cf_state_destroy(&nothing);
    return status;
}

static cf_status take_all(cf_peer *peer, const cf_ids *to_settle, const cf_refolded *refolded,
                          cf_kv_list *records, cf_error *error)
{
    cf_collection *collection;
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < to_settle->count; i++) {
        cf_collection *now = NULL;

        for (size_t k = 0; k < refolded->count; k++)
            if (cf_id_equal(&refolded->at[k]->id, &to_settle->at[i]))
                now = refolded->at[k];
        status = cf_peer_collection(peer, &to_settle->at[i], &collection, error);
        if (!status)
            status = take_over(collection, now, records, error);
    }
    return status;
}

static cf_status write_settled(cf_peer *peer, cf_kv_list *records, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_arena arena = {0};
    cf_kv *settled;
    size_t count;

    cf_status status = cf_log_settle(peer->log, &arena, &settled, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        cf_kv_list_delete(records, settled[i].key);
    if (!status && records->count)
        status = store->write(store, cf_peer_user(peer), records->at, records->count, true, error);
    cf_arena_release(&arena);
    return status;
}

/* ---- What is withheld ---- */

typedef struct {
    uint64_t sequence;
    cf_head head;
    size_t count; /* entries of this sequence */
} first_entry;

static bool take_first(void *context, const cf_head *entry, uint64_t position)
{
    first_entry *self = context;

    (void)position;
    if (entry->sequence != self->sequence)
        return false;
    self->head = *entry;
    self->count++;
    return true;
}

/* Withholds the part that begins with this entry, where the author's role makes that void: then all
 * behind it are, too, since this is looked at as the role comes, before anything else is written.
 */
static cf_status judge(cf_peer *peer, const cf_unsent_part *part, const cf_head *first,
                       cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;
    bool is_void = false;

    cf_status status = cf_log_get(peer->log, first, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_log_is_void_by_role(peer->log, &entry, &is_void, error);
    if (!status && is_void) {
        const cf_withheld_part withheld = {
            .first = part->first,
            .last = part->last,
            .before = {first->writer, first->sequence - 1, entry.header.previous}};
        cf_withheld *all = &peer->withheld;

        *cf_one_more(all->at, all->count, all->capacity) = withheld;
        cf_author_withhold(peer->author, &entry.header.collection, &withheld);
    }
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return status;
}

/* Most devices were never given a lesser role: then no entry has to be read for that. */
static bool got_lesser_role(const cf_peer *peer)
{
    const cf_registry *registry = cf_log_registry(peer->log);

    for (size_t i = cf_registry_count(registry); i > 0; i--) {
        const cf_operation *operation = cf_registry_operation(registry, i - 1);

        if (operation->kind == CF_MEMBER_ROLE && operation->acts &&
            cf_hash_equal(&operation->device, cf_peer_device(peer)))
            return true;
    }
    return false;
}

/* Where another copy of this home made an entry of that sequence, too, the broker has to say which
 * it takes. */
cf_status cf_peer_withhold(cf_peer *peer, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_unsent unsent = {0};

    peer->withheld.count = 0;
    if (!got_lesser_role(peer))
        return CF_OK;
    cf_status status = cf_unsent_load(store, cf_peer_user(peer), &unsent, error);
    for (size_t i = 0; !status && i < unsent.count; i++) {
        const cf_unsent_part *part = &unsent.at[i];
        first_entry first = {.sequence = part->first};

        status = store->chain(store, cf_peer_user(peer), &part->last.writer, part->first,
                              take_first, &first, error);
        if (!status && first.count == 1)
            status = judge(peer, part, &first.head, error);
    }
    cf_unsent_release(&unsent);
    return status;
}

/* ---- All ---- */

cf_status cf_peer_settle(cf_peer *peer, cf_error *error)
{
    cf_refolded refolded = {0};
    cf_kv_list records = {0};
    cf_ids to_settle = {0};

    if (!cf_registry_is_valid(cf_log_registry(peer->log), cf_peer_device(peer)))
        return CF_OK;
    cf_status status = cf_log_to_settle(peer->log, add_collection, &to_settle, error);
    if (!status && to_settle.count)
        status = cf_refold_some(peer, &to_settle, &records, &refolded, error);
    if (!status && to_settle.count)
        status = take_all(peer, &to_settle, &refolded, &records, error);
    if (!status)
        status = write_settled(peer, &records, error);
    if (!status && to_settle.count)
        status = cf_peer_withhold(peer, error);
    if (to_settle.count)
        cf_contents_settle(peer->contents);
    cf_refolded_release(&refolded);
    cf_kv_list_release(&records);
    free(to_settle.at);
    return status;
}
