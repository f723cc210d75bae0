/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history.h"

#include "codec/pack.h"
#include "peer/log/catalog.h"
#include "peer/log/history_records.h"
#include "peer/log/record_names.h"
#include "peer/records/record.h"
#include "peer/locks/lock_breaks.h"
#include "peer/merge/rules.h"

#include <search.h>
#include <stdlib.h>

enum { DEPTH_MAX = 512 };

/* Where an item was when last heard of. */
typedef struct {
    cf_id collection, item;
    cf_id parent;
    cf_bytes name;
    bool is_known;
    bool is_asked; /* the state, for what it says now */
    bool moves;    /* in what is read: what the state says now is not what it said before */
} place;

typedef struct {
    cf_peer *peer;
    cf_history *history;
    void *places; /* a tree of place */
    bool is_tail; /* there are older entries */
    bool lacks;   /* something that only these tell, for the event in hand */
} reading;

static int compare_places(const void *a, const void *b)
{
    const place *first = a, *second = b;
    int order = cf_id_compare(&first->collection, &second->collection);

    return order ? order : cf_id_compare(&first->item, &second->item);
}

static place *find_place(reading *self, const cf_id *collection, const cf_id *item)
{
    place wanted = {.collection = *collection, .item = *item};
    place **found = tfind(&wanted, &self->places, compare_places);

    return found ? *found : NULL;
}

static place *place_of(reading *self, const cf_id *collection, const cf_id *item)
{
    place *found = find_place(self, collection, item);

    if (found)
        return found;
    found = cf_arena_allocate(&self->history->arena, 1, sizeof *found);
    *found = (place){.collection = *collection, .item = *item};
    if (!tsearch(found, &self->places, compare_places))
        abort();
    return found;
}

/* ---- Names ---- */

static bool take_name(reading *self, place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes bytes;
    cf_error ignored;

    /* Of files a name is any bytes, in the catalog it is text. */
    if (cf_read_bin(&reader, &bytes, &ignored)) {
        reader = cf_reader_of(value);
        if (cf_read_text(&reader, &bytes, &ignored))
            return false;
    }
    at->name = cf_arena_copy(&self->history->arena, bytes);
    at->is_known = true;
    return true;
}

static bool take_parent(place *at, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error ignored;

    return cf_read_bin_exact(&reader, at->parent.bytes, CF_ID_SIZE, &ignored) == CF_OK;
}

/* The only write of a field that nobody has replaced, though a deletion may cover it; size 0: there
 * is none, or the order of the log decides among several. */
static cf_bytes only_value(const cf_collection *collection, const cf_id *id, uint32_t field)
{
    const cf_item *item = cf_state_item(collection->state, id);
    cf_bytes found = {0};
    size_t count = 0;

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        cf_write write = cf_state_write(collection->state, item, i);

        if (write.field == field && ++count)
            found = write.value;
    }
    return count == 1 ? found : (cf_bytes){0};
}

/* What table a record is of; it never changes. */
static cf_bytes table_of(const reading *self, const place *at)
{
    cf_collection *collection;
    cf_error ignored;

    if (cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return (cf_bytes){0};
    return cf_record_table(collection, &at->item);
}

static bool take_key(reading *self, place *at, cf_bytes value)
{
    cf_buffer text = {0};

    if (!value.size)
        return false;
    cf_record_path(at->item.bytes[0], table_of(self, at), value, &text);
    at->name = cf_arena_copy(&self->history->arena, cf_buffer_view(&text));
    at->is_known = true;
    cf_buffer_release(&text);
    return true;
}

static bool is_record(const place *at)
{
    return cf_kind_is_record(at->item.bytes[0]) && !cf_id_equal(&at->collection, &cf_catalog_id);
}

static void ask_state(reading *self, place *at)
{
    cf_collection *collection;
    cf_error ignored;

    at->is_asked = true;
    if (at->moves || cf_peer_collection(self->peer, &at->collection, &collection, &ignored))
        return;
    if (is_record(at)) {
        take_key(self, at, only_value(collection, &at->item, CF_FIELD_NUMBER_KEY));
        return;
    }
    cf_bytes name = only_value(collection, &at->item, CF_FIELD_NUMBER_NAME);
    cf_bytes parent = only_value(collection, &at->item, CF_FIELD_NUMBER_PARENT);
    bool has_parent = cf_state_has_field(collection->state, &at->item, CF_FIELD_NUMBER_PARENT);

    if (name.size && (!has_parent || (parent.size && take_parent(at, parent))))
        take_name(self, at, name);
}

/* As it is known, one way or the other; NULL when it isn't. */
static place *known_place(reading *self, const cf_id *collection, const cf_id *item)
{
    place *found =
        self->is_tail ? place_of(self, collection, item) : find_place(self, collection, item);

    if (found && !found->is_known && self->is_tail && !found->is_asked)
        ask_state(self, found);
    if (found && found->is_known)
        return found;
    self->lacks |= self->is_tail;
    return NULL;
}

static void append_path(reading *self, const place *at, cf_buffer *out, unsigned depth)
{
    const place *parent = NULL;

    if (depth < DEPTH_MAX && !cf_id_equal(&at->parent, &cf_root_item))
        parent = known_place(self, &at->collection, &at->parent);
    if (parent) {
        append_path(self, parent, out, depth + 1);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append(out, at->name.data, at->name.size);
}

static cf_bytes path_of(reading *self, const place *at)
{
    cf_buffer path = {0};

    append_path(self, at, &path, 0);
    cf_bytes copy = cf_arena_copy(&self->history->arena, cf_buffer_view(&path));
    cf_buffer_release(&path);
    return copy;
}

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
static bool move(reading *self, place *at, const item_changes *item)
{
    const cf_change *name = change_of(item, CF_FIELD_NAME);
    const cf_change *parent = change_of(item, CF_FIELD_PARENT);
    const cf_change *key = change_of(item, CF_FIELD_KEY);

    if (is_record(at))
        return key && take_key(self, at, key->value);
    if (name && name->value.size && !take_name(self, at, name->value))
        return false;
    bool moved = name && name->value.size;
    return (parent && parent->value.size && take_parent(at, parent->value)) || moved;
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
    place *at = place_of(self, &entry->header.collection, &item->changes[0].item);

    self->lacks = false;
    bool was_known = known_place(self, &at->collection, &at->item) != NULL;
    cf_bytes before = path_of(self, at);
    self->lacks &= !begins(item);
    bool moved = move(self, at, item);
    cf_event *event = add_event(self, entry, time_ms);

    event->item = item->changes[0].item;
    if (is_record(at))
        tell_record(self, item, event);
    else
        event->what = cf_id_equal(&entry->header.collection, &cf_catalog_id) &&
                              item->changes[0].item.bytes[0] == CF_CATALOG_BREAK
                          ? "lock broken"
                          : describe(item, was_known, moved);
    event->path = path_of(self, at);
    if (was_known && !cf_bytes_equal(before, event->path))
        event->from = before;
    event->unsure = self->lacks;
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
                place_of(self, &entry.header.collection, &body->changes[i].item)->moves = true;
    cf_arena_release(&arena);
    return true;
}

static void keep_place(void *at)
{
    (void)at; /* the arena's */
}

cf_status cf_history_read(cf_peer *peer, uint64_t position, cf_history *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    reading self = {.peer = peer, .history = out, .is_tail = position > 1};
    cf_status status = CF_OK;

    if (self.is_tail)
        status = store->read(store, cf_peer_user(peer), position, note_moves, &self, error);
    if (!status)
        status = store->read(store, cf_peer_user(peer), position, read_entry, &self, error);
    tdestroy(self.places, keep_place);
    return status;
}

void cf_history_release(cf_history *history)
{
    free(history->at);
    cf_arena_release(&history->arena);
    *history = (cf_history){0};
}
