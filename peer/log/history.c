/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history.h"

#include "peer/log/catalog.h"
#include "peer/log/history_places.h"
#include "peer/log/history_records.h"
#include "peer/merge/rules.h"

#include <stdlib.h>

typedef struct {
    cf_peer *peer;
    cf_history *history;
    cf_last_places places;
} reading;

static cf_event *add_event(reading *self, const cf_entry *entry, uint64_t time_ms)
{
    cf_history *history = self->history;

    history->at = cf_grow(history->at, &history->capacity, history->count + 1, sizeof *history->at);
    cf_event *event = &history->at[history->count++];
    *event = (cf_event){.entry = cf_head_of(entry),
                        .collection = entry->header.collection,
                        .device = entry->header.device,
                        .time_ms = time_ms,
                        .what = "unreadable"};
    return event;
}

/* ---- Members ---- */

static const char *const operations[] = {
    [CF_MEMBER_FIRST] = "user made",       [CF_MEMBER_ADD] = "device added",
    [CF_MEMBER_EPOCH] = "key changed",     [CF_MEMBER_GRANT] = "key given",
    [CF_MEMBER_REVOKE] = "device revoked", [CF_MEMBER_ANNUL] = "revocation annulled",
    [CF_MEMBER_LEAVE] = "device left",     [CF_MEMBER_HOME] = "home broker named",
    [CF_MEMBER_ROLE] = "role changed",
};

static void read_member(reading *self, const cf_entry *entry)
{
    cf_event *event = add_event(self, entry, 0);
    cf_arena *arena = &self->history->arena;
    cf_member member;
    cf_error ignored;

    if (cf_member_read(entry->body, arena, &member, &ignored) ||
        (size_t)member.kind >= sizeof operations / sizeof operations[0])
        return;
    event->time_ms = member.time_ms;
    event->what = operations[member.kind];
    cf_hash device = member.kind == CF_MEMBER_ADD ? cf_device_id(member.keys.signing)
                     : member.kind == CF_MEMBER_GRANT || member.kind == CF_MEMBER_REVOKE ||
                             member.kind == CF_MEMBER_ROLE
                         ? member.device
                         : entry->header.device;
    event->path = cf_bytes_of_text(cf_catalog_device_name(self->peer, &device, arena));
}

/* ---- Changes ---- */

/* What one entry did to one item. */
typedef struct {
    const cf_change *changes;
    size_t count;
} item_changes;

static const cf_change *change_of(const item_changes *item, const char *field)
{
    for (size_t i = 0; i < item->count; i++)
        if (cf_bytes_equal(item->changes[i].field, cf_bytes_of_text(field)))
            return &item->changes[i];
    return NULL;
}

static bool writes(const item_changes *item, const char *field)
{
    const cf_change *change = change_of(item, field);

    return change && change->value.size;
}

/* Takes over where the item is now; false when the entry does not say. */
static bool move(cf_last_places *places, cf_last_place *at, const item_changes *item)
{
    const cf_change *name = change_of(item, CF_FIELD_NAME);
    const cf_change *parent = change_of(item, CF_FIELD_PARENT);
    const cf_change *key = change_of(item, CF_FIELD_KEY);

    if (cf_last_place_is_record(at))
        return key && cf_last_place_take_key(places, at, key->value);
    if (name && name->value.size && !cf_last_place_take_name(places, at, name->value))
        return false;
    bool moved = name && name->value.size;
    return (parent && parent->value.size && cf_last_place_take_parent(at, parent->value)) || moved;
}

/* It says what kind of thing it is, which nobody had said. */
static bool begins(const item_changes *item)
{
    const cf_change *kind = change_of(item, CF_FIELD_KIND);
    const cf_change *name = change_of(item, CF_FIELD_NAME);
    const cf_change *key = change_of(item, CF_FIELD_KEY);

    if (key && key->value.size && !key->over_count)
        return true;
    return name && name->value.size && !name->over_count && (!kind || !kind->over_count);
}

static const char *describe(const item_changes *item, bool was_known, bool moved)
{
    if (change_of(item, CF_FIELD_DELETED))
        return "deleted";
    if (!was_known && moved)
        return "new";
    if (moved)
        return writes(item, CF_FIELD_CONTENT) ? "moved and edited" : "moved";
    if (writes(item, CF_FIELD_CONTENT))
        return "edited";
    if (writes(item, CF_FIELD_MODE) || writes(item, CF_FIELD_MTIME))
        return "attributes";
    return writes(item, CF_FIELD_KIND) ? "kept" : "settled";
}

static void tell_record(reading *self, const item_changes *item, cf_event *event)
{
    cf_collection *collection;
    cf_error ignored;

    cf_status status = cf_peer_collection(self->peer, &event->collection, &collection, &ignored);
    cf_history_record(status ? NULL : collection, item->changes, item->count, event,
                      &self->history->arena);
}

static void read_item(reading *self, const cf_entry *entry, uint64_t time_ms,
                      const item_changes *item)
{
    cf_last_place *at =
        cf_last_place_of(&self->places, &entry->header.collection, &item->changes[0].item);

    self->places.lacks = false;
    bool was_known = cf_last_place_known(&self->places, &at->collection, &at->item) != NULL;
    cf_bytes before = cf_last_place_path(&self->places, at);
    self->places.lacks &= !begins(item);
    bool moved = move(&self->places, at, item);
    cf_event *event = add_event(self, entry, time_ms);

    event->item = item->changes[0].item;
    if (cf_last_place_is_record(at))
        tell_record(self, item, event);
    else
        event->what = cf_id_equal(&entry->header.collection, &cf_catalog_id) &&
                              item->changes[0].item.bytes[0] == CF_CATALOG_BREAK
                          ? "lock broken"
                          : describe(item, was_known, moved);
    event->path = cf_last_place_path(&self->places, at);
    if (was_known && !cf_bytes_equal(before, event->path))
        event->from = before;
    event->unsure = self->places.lacks;
}

static void read_changes(reading *self, const cf_entry *entry, const cf_body *body)
{
    size_t run;

    for (size_t i = 0; i < body->change_count; i += run) {
        const cf_change *first = &body->changes[i];

        run = 1;
        while (i + run < body->change_count &&
               cf_id_equal(&body->changes[i + run].item, &first->item))
            run++;
        read_item(self, entry, body->time.ms, &(item_changes){first, run});
    }
}

static bool read_entry(void *context, uint64_t position, cf_bytes wire)
{
    reading *self = context;
    cf_arena arena = {0};
    const cf_body *body;
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK) {
        if (entry.header.type == CF_ENTRY_MEMBER)
            read_member(self, &entry);
        else if (cf_contents_open(self->peer->contents, &entry, &body, &ignored) == CF_OK)
            read_changes(self, &entry, body);
        else
            add_event(self, &entry, 0);
    }
    cf_arena_release(&arena);
    return true;
}

static bool note_moves(void *context, uint64_t position, cf_bytes wire)
{
    reading *self = context;
    cf_arena arena = {0};
    const cf_body *body;
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK &&
        entry.header.type != CF_ENTRY_MEMBER &&
        cf_contents_open(self->peer->contents, &entry, &body, &ignored) == CF_OK)
        for (size_t i = 0; i < body->change_count; i++)
            if (cf_field_is(body->changes[i].field, CF_FIELD_NUMBER_NAME) ||
                cf_field_is(body->changes[i].field, CF_FIELD_NUMBER_PARENT))
                cf_last_place_of(&self->places, &entry.header.collection, &body->changes[i].item)
                    ->moves = true;
    cf_arena_release(&arena);
    return true;
}

cf_status cf_history_read(cf_peer *peer, uint64_t position, cf_history *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    reading self = {.peer = peer,
                    .history = out,
                    .places = {.peer = peer, .arena = &out->arena, .is_tail = position > 1}};
    cf_status status = CF_OK;

    if (self.places.is_tail)
        status = store->read(store, cf_peer_user(peer), position, note_moves, &self, error);
    if (!status)
        status = store->read(store, cf_peer_user(peer), position, read_entry, &self, error);
    cf_last_places_release(&self.places);
    return status;
}

void cf_history_release(cf_history *history)
{
    free(history->at);
    cf_arena_release(&history->arena);
    *history = (cf_history){0};
}
