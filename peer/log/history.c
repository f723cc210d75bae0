/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history.h"

#include "peer/log/catalog.h"
#include "peer/log/history_places.h"
#include "peer/log/history_records.h"
#include "peer/merge/covered.h"
#include "peer/merge/rules.h"

#include <stdlib.h>

typedef struct {
    cf_peer *peer;
    cf_history *history;
    cf_last_places places;
    cf_last_place *dying; /* what is deleted in it */
} reading;

static cf_event *add_event(reading *self, const cf_entry *entry, uint64_t time_ms)
{
    cf_history *history = self->history;

    cf_event *event = cf_one_more(history->at, history->count, history->capacity);
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

static cf_bytes written(const item_changes *item, const char *field)
{
    const cf_change *change = change_of(item, field);

    return change ? change->value : (cf_bytes){0};
}

static bool writes(const item_changes *item, const char *field)
{
    return written(item, field).size > 0;
}

static bool deletes(const item_changes *item)
{
    const cf_change *deletion = change_of(item, CF_FIELD_DELETED);

    return deletion && cf_deletion_deletes(deletion->value);
}

/* A directory, once more by an entry of the same writer: it deletes what lay there (PROTOCOL 16).
 */
static bool repeats(const cf_last_place *at, const cf_entry *entry, const item_changes *item)
{
    return at->is_deleted && deletes(item) && item->count == 1 &&
           cf_kind_of(&at->item) == CF_KIND_DIRECTORY &&
           cf_id_equal(&at->deleter, &entry->header.writer);
}

/* Takes over where the item is now; false when the entry does not say. */
static bool move(cf_last_places *places, cf_last_place *at, const item_changes *item, cf_time time,
                 const cf_dot *dot)
{
    cf_bytes name = written(item, CF_FIELD_NAME), parent = written(item, CF_FIELD_PARENT);

    cf_last_place_take_from(at, written(item, CF_FIELD_FROM));

    if (cf_last_place_is_record(at))
        return cf_last_place_take_key(places, at, written(item, CF_FIELD_KEY));
    if (name.size && !cf_last_place_take_name(places, at, name))
        return false;
    bool moved = (parent.size && cf_last_place_take_parent(at, parent)) || name.size;
    if (moved)
        cf_last_place_came(places, at, time, dot);
    return moved;
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
    if (deletes(item))
        return "deleted";
    if (!was_known && moved)
        return "new";
    if (moved)
        return writes(item, CF_FIELD_CONTENT) ? "moved and edited" : "moved";
    if (writes(item, CF_FIELD_CONTENT))
        return "edited";
    if (writes(item, CF_FIELD_MODE) || writes(item, CF_FIELD_MTIME))
        return "attributes";
    return writes(item, CF_FIELD_KIND) || writes(item, CF_FIELD_PIN) ? "kept" : "settled";
}

/* The content of a conflict copy is the copy's own, once somebody edited it, and the file's no
 * more: nobody sees a difference in the file. */
static bool only_gives_away(const item_changes *item)
{
    return item->count == 1 && change_of(item, CF_FIELD_CONTENT) && !writes(item, CF_FIELD_CONTENT);
}

static void tell_record(reading *self, const item_changes *item, cf_event *event)
{
    cf_collection *collection;
    cf_error ignored;

    cf_status status = cf_peer_collection(self->peer, &event->collection, &collection, &ignored);
    cf_history_record(status ? NULL : collection, item->changes, item->count, event,
                      &self->history->arena);
}

/* The item as it was before the entry, and then what became of it. What else the entry did to what
 * lies there makes no difference: with mv f g; rm "f (conflict …)" it deletes what was called so.
 */
typedef struct {
    item_changes item;
    cf_last_place *at;
    cf_bytes before, original; /* as in cf_event */
    bool repeats, was_known, lacks, moved;
} item_step;

/* Devices say by themselves what they have (keeping.h), and what tables and layouts a collection
 * has: that is no change that somebody made. */
static bool is_said_by_itself(const item_step *step)
{
    const uint8_t kind = step->at->item.bytes[0];

    return cf_id_equal(&step->at->collection, &cf_catalog_id) &&
           (kind == CF_CATALOG_DEVICE || kind == CF_CATALOG_COLLECTION) &&
           !change_of(&step->item, CF_FIELD_NAME) && !deletes(&step->item);
}

static void look(reading *self, const cf_entry *entry, item_step *step)
{
    step->at =
        cf_last_place_of(&self->places, &entry->header.collection, &step->item.changes[0].item);
    step->repeats = repeats(step->at, entry, &step->item);
    if (step->repeats)
        return;
    self->places.lacks = false;
    step->was_known =
        cf_last_place_known(&self->places, &step->at->collection, &step->at->item) != NULL;
    if (cf_last_place_take_pin(&self->places, step->at, written(&step->item, CF_FIELD_PIN))) {
        step->was_known = true;
        self->places.lacks = false;
    }
    step->before = cf_last_place_shown(&self->places, step->at, &step->original);
    step->lacks = self->places.lacks && !begins(&step->item);
}

static void take(reading *self, const cf_entry *entry, cf_time time, item_step *step)
{
    const cf_dot dot = cf_entry_dot(entry);

    step->moved = move(&self->places, step->at, &step->item, time, &dot);
    if (writes(&step->item, CF_FIELD_CONTENT))
        cf_last_place_take_content(step->at, written(&step->item, CF_FIELD_CONTENT));
    step->at->is_deleted = deletes(&step->item);
    step->at->deleter = entry->header.writer;
}

static void tell(reading *self, const cf_entry *entry, cf_time time, const item_step *step)
{
    cf_event *event = add_event(self, entry, time.ms);

    self->places.lacks = step->lacks;
    event->item = step->at->item;
    if (cf_last_place_is_record(step->at))
        tell_record(self, &step->item, event);
    else
        event->what = cf_id_equal(&entry->header.collection, &cf_catalog_id) &&
                              event->item.bytes[0] == CF_CATALOG_BREAK
                          ? "lock broken"
                          : describe(&step->item, step->was_known, step->moved);
    event->original = step->original;
    if (deletes(&step->item))
        event->path = step->before;
    else if (step->moved)
        event->path = cf_last_place_path(&self->places, step->at);
    else
        event->path = cf_last_place_shown(&self->places, step->at, &event->original);
    if (step->was_known && step->moved && !cf_bytes_equal(step->before, event->path))
        event->from = step->before;
    event->unsure = self->places.lacks;
}

static void read_changes(reading *self, const cf_entry *entry, const cf_body *body)
{
    item_step *steps = cf_allocate(body->change_count, sizeof *steps);
    size_t count = 0;

    for (size_t i = 0; i < body->change_count; i += steps[count - 1].item.count) {
        const cf_change *first = &body->changes[i];
        size_t run = 1;

        while (i + run < body->change_count &&
               cf_id_equal(&body->changes[i + run].item, &first->item))
            run++;
        steps[count].item = (item_changes){first, run};
        look(self, entry, &steps[count++]);
    }
    for (size_t i = 0; i < count; i++)
        take(self, entry, body->time, &steps[i]);
    for (size_t i = 0; i < count; i++)
        if (!steps[i].repeats && !only_gives_away(&steps[i].item) && !is_said_by_itself(&steps[i]))
            tell(self, entry, body->time, &steps[i]);
    free(steps);
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

static void note_fate(reading *self, const cf_id *collection, const cf_change *change)
{
    bool moves = cf_field_is(change->field, CF_FIELD_NUMBER_NAME) ||
                 cf_field_is(change->field, CF_FIELD_NUMBER_PARENT) ||
                 cf_field_is(change->field, CF_FIELD_NUMBER_PIN);
    bool dies =
        cf_field_is(change->field, CF_FIELD_NUMBER_DELETED) && cf_deletion_deletes(change->value);

    if (!moves && !dies)
        return;
    cf_last_place *at = cf_last_place_of(&self->places, collection, &change->item);
    at->moves |= moves;
    if (dies && !at->dies) {
        at->dies = true;
        at->next_dying = self->dying;
        self->dying = at;
    }
}

static bool note_fates(void *context, uint64_t position, cf_bytes wire)
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
            note_fate(self, &entry.header.collection, &body->changes[i]);
    cf_arena_release(&arena);
    return true;
}

/* What was there at first, and had its name, is known before the first entry is told. */
static void ask_dying(reading *self)
{
    for (cf_last_place *at = self->dying; at; at = at->next_dying)
        cf_last_place_known(&self->places, &at->collection, &at->item);
}

cf_status cf_history_read(cf_peer *peer, uint64_t position, cf_history *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    reading self = {.peer = peer,
                    .history = out,
                    .places = {.peer = peer, .arena = &out->arena, .is_tail = position > 1}};
    cf_status status = CF_OK;

    if (self.places.is_tail)
        status = store->read(store, cf_peer_user(peer), position, note_fates, &self, error);
    ask_dying(&self);
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
