/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/past.h"

#include "codec/content.h"
#include "codec/hash_table.h"
#include "codec/item.h"
#include "peer/merge/fields.h"

#include <stdlib.h>

typedef struct known known;

/* An item's stay at a place. */
typedef struct {
    cf_hash_link link;
    cf_past_place place;
    const known *item;
} stay;

struct known {
    cf_hash_link link;
    cf_past_item item;
    size_t capacity;
    cf_past_place at; /* as far as it is known: where it was last */
};

struct cf_past {
    cf_peer *peer;
    cf_id collection;
    cf_hash_table items, places;
    cf_arena arena;
};

static known *find(const cf_past *past, const cf_id *id)
{
    for (cf_hash_link *link = cf_hash_table_first(&past->items, cf_hash_id(0, id)); link;
         link = cf_hash_table_next(link))
        if (cf_id_equal(&cf_container_of(link, known, link)->item.id, id))
            return cf_container_of(link, known, link);
    return NULL;
}

static known *get(cf_past *past, const cf_id *id)
{
    known *found = find(past, id);

    if (found)
        return found;
    found = cf_allocate(1, sizeof *found);
    found->item.id = *id;
    cf_hash_table_add(&past->items, &found->link, cf_hash_id(0, id));
    return found;
}

static uint64_t hash_of_place(cf_bytes within, cf_bytes name)
{
    return cf_hash_bytes(cf_hash_bytes(0, within), name);
}

static bool is_place(const cf_past_place *place, cf_bytes within, cf_bytes name)
{
    return cf_bytes_equal(place->within, within) && cf_bytes_equal(place->name, name);
}

static const stay *stay_of(const cf_past *past, const known *item, cf_bytes within, cf_bytes name)
{
    for (cf_hash_link *link = cf_hash_table_first(&past->places, hash_of_place(within, name)); link;
         link = cf_hash_table_next(link)) {
        const stay *one = cf_container_of(link, stay, link);

        if (one->item == item && is_place(&one->place, within, name))
            return one;
    }
    return NULL;
}

/* ---- Reading ---- */

static cf_bytes value_of(cf_past *past, const cf_change *change)
{
    cf_buffer identity = {0};
    cf_error ignored;

    if (!cf_item_has_content(&change->item, change->field, change->value) ||
        cf_content_identity(change->value, &identity, &ignored))
        return cf_arena_copy(&past->arena, change->value);
    cf_bytes value = cf_arena_copy(&past->arena, cf_buffer_view(&identity));
    cf_buffer_release(&identity);
    return value;
}

static cf_bytes field_of(cf_past *past, cf_bytes field)
{
    uint32_t number = cf_field_number(field);

    return number < CF_FIELD_NUMBERS ? cf_field_fixed(number) : cf_arena_copy(&past->arena, field);
}

/* False: the field says nothing of where an item is. */
static bool move(known *item, const cf_past_write *write)
{
    bool within = cf_field_is(write->field, CF_FIELD_NUMBER_PARENT) ||
                  cf_field_is(write->field, CF_FIELD_NUMBER_TABLE);

    if (!within && !cf_field_is(write->field, CF_FIELD_NUMBER_NAME) &&
        !cf_field_is(write->field, CF_FIELD_NUMBER_KEY))
        return false;
    *(within ? &item->at.within : &item->at.name) = write->value;
    *(within ? &item->at.within_dot : &item->at.name_dot) = write->dot;
    return true;
}

static void note_stay(cf_past *past, known *item)
{
    const cf_past_place *at = &item->at;

    if (!at->within.size || !at->name.size || stay_of(past, item, at->within, at->name))
        return;
    stay *one = cf_arena_allocate(&past->arena, 1, sizeof *one);
    one->place = *at;
    one->item = item;
    cf_hash_table_add(&past->places, &one->link, hash_of_place(at->within, at->name));
}

static bool note_write(cf_past *past, known *item, const cf_change *change, const cf_dot *dot)
{
    const cf_past_write write = {field_of(past, change->field), value_of(past, change), *dot};
    cf_past_write *writes = (cf_past_write *)item->item.writes;

    *cf_one_more(writes, item->item.count, item->capacity) = write;
    item->item.writes = writes;
    return write.value.size && move(item, &write);
}

static void note_body(cf_past *past, const cf_body *body, const cf_dot *dot)
{
    size_t run;

    for (size_t i = 0; i < body->change_count; i += run) {
        known *item = get(past, &body->changes[i].item);
        bool moved = false;

        for (run = 0; i + run < body->change_count &&
                      cf_id_equal(&body->changes[i + run].item, &item->item.id);
             run++)
            if (body->changes[i + run].field.size)
                moved |= note_write(past, item, &body->changes[i + run], dot);
        if (moved)
            note_stay(past, item);
    }
}

static bool read_entry(void *context, uint64_t position, cf_bytes wire)
{
    cf_past *past = context;
    cf_arena arena = {0};
    const cf_body *body;
    cf_entry entry;
    cf_error ignored;
    bool is_void;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK &&
        entry.header.type == CF_ENTRY_CHANGE &&
        cf_id_equal(&entry.header.collection, &past->collection) &&
        cf_log_is_void(past->peer->log, &entry, &is_void, &ignored) == CF_OK && !is_void &&
        cf_contents_open(past->peer->contents, &entry, &body, &ignored) == CF_OK) {
        cf_dot dot = cf_entry_dot(&entry);

        note_body(past, body, &dot);
    }
    cf_arena_release(&arena);
    return true;
}

cf_status cf_past_read(cf_peer *peer, const cf_id *collection, cf_past **out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_past *past = cf_allocate(1, sizeof *past);

    past->peer = peer;
    past->collection = *collection;
    cf_status status = store->read(store, cf_peer_user(peer), 1, read_entry, past, error);
    if (status)
        cf_past_destroy(&past);
    *out = past;
    return status;
}

void cf_past_destroy(cf_past **past)
{
    cf_hash_link *link = *past ? cf_hash_table_walk(&(*past)->items, NULL) : NULL;

    if (!*past)
        return;
    while (link) {
        known *item = cf_container_of(link, known, link);

        link = cf_hash_table_walk(&(*past)->items, link);
        free((void *)item->item.writes);
        free(item);
    }
    cf_hash_table_release(&(*past)->items);
    cf_hash_table_release(&(*past)->places);
    cf_arena_release(&(*past)->arena);
    free(*past);
    *past = NULL;
}

/* ---- Asking ---- */

const cf_past_item *cf_past_find(const cf_past *past, const cf_id *item)
{
    const known *found = find(past, item);

    return found ? &found->item : NULL;
}

const cf_past_write *cf_past_wrote(const cf_past_item *item, cf_bytes field, cf_bytes value)
{
    for (size_t i = item->count; i-- > 0;)
        if (cf_bytes_equal(item->writes[i].field, field) &&
            cf_bytes_equal(item->writes[i].value, value))
            return &item->writes[i];
    return NULL;
}

const cf_past_write *cf_past_last(const cf_past_item *item, cf_bytes field)
{
    for (size_t i = item->count; i-- > 0;)
        if (item->writes[i].value.size && cf_bytes_equal(item->writes[i].field, field))
            return &item->writes[i];
    return NULL;
}

void cf_past_at(const cf_past *past, cf_bytes within, cf_bytes name, cf_past_visit *visit,
                void *context)
{
    for (cf_hash_link *link = cf_hash_table_first(&past->places, hash_of_place(within, name)); link;
         link = cf_hash_table_next(link)) {
        const stay *one = cf_container_of(link, stay, link);

        if (is_place(&one->place, within, name) && !visit(context, &one->item->item, &one->place))
            return;
    }
}

const cf_past_place *cf_past_stay(const cf_past *past, const cf_past_item *item, cf_bytes within,
                                  cf_bytes name)
{
    const stay *one = stay_of(past, find(past, &item->id), within, name);

    return one ? &one->place : NULL;
}
