/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/record_past.h"

#include "codec/content.h"
#include "codec/item.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_hash_link link;
    size_t place; /* in the past */
} placed_write;

typedef struct {
    cf_peer *peer;
    cf_id collection;
    const cf_id *items;
    size_t count;
    cf_record_past *out;
} reading;

static void take_value(cf_record_past *past, const cf_change *change, cf_record_write *out)
{
    cf_buffer identity = {0};
    cf_error ignored;

    out->is_long = cf_item_has_content(&change->item, change->field, change->value) &&
                   cf_content_identity(change->value, &identity, &ignored) == CF_OK;
    out->value =
        cf_arena_copy(&past->arena, out->is_long ? cf_buffer_view(&identity) : change->value);
    cf_buffer_release(&identity);
}

static uint64_t hash_of(cf_bytes field, const cf_dot *dot)
{
    return cf_hash_bytes(cf_hash_id(dot->sequence, &dot->writer), field);
}

static void add_write(cf_record_past *past, const cf_entry *entry, const cf_body *body,
                      const cf_change *change)
{
    cf_record_write one = {.field = cf_arena_copy(&past->arena, change->field),
                           .dot = cf_entry_dot(entry),
                           .entry = cf_head_of(entry),
                           .device = entry->header.device,
                           .time_ms = body->time.ms,
                           .over_count = change->over_count,
                           .until = SIZE_MAX};
    cf_dot *over = cf_arena_allocate(&past->arena, change->over_count, sizeof *over);

    take_value(past, change, &one);
    if (change->over_count)
        memcpy(over, change->over, change->over_count * sizeof *over);
    one.over = over;
    placed_write *placed = cf_arena_allocate(&past->arena, 1, sizeof *placed);
    placed->place = past->count;
    cf_hash_table_add(&past->by_dot, &placed->link, hash_of(one.field, &one.dot));
    *cf_one_more(past->at, past->count, past->capacity) = one;
}

static bool is_wanted(const reading *self, const cf_entry *entry)
{
    cf_error ignored;
    bool is_void;

    return entry->header.type == CF_ENTRY_CHANGE &&
           cf_id_equal(&entry->header.collection, &self->collection) &&
           cf_log_is_void(self->peer->log, entry, &is_void, &ignored) == CF_OK && !is_void;
}

static bool is_of_record(const reading *self, const cf_id *item)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_id_equal(item, &self->items[i]))
            return true;
    return false;
}

static bool read_entry(void *context, uint64_t position, cf_bytes wire)
{
    reading *self = context;
    cf_arena arena = {0};
    const cf_body *body;
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK && is_wanted(self, &entry) &&
        cf_contents_open(self->peer->contents, &entry, &body, &ignored) == CF_OK)
        for (size_t i = 0; i < body->change_count; i++)
            if (is_of_record(self, &body->changes[i].item))
                add_write(self->out, &entry, body, &body->changes[i]);
    cf_arena_release(&arena);
    return true;
}

static void note_replaced(cf_record_past *past)
{
    for (size_t i = 0; i < past->count; i++) {
        const cf_record_write *one = &past->at[i];

        for (size_t k = 0; k < one->over_count; k++) {
            const cf_record_write *was = cf_record_past_find(past, one->field, &one->over[k]);

            if (was && was->until == SIZE_MAX)
                past->at[was - past->at].until = i;
        }
    }
}

cf_status cf_record_past_read(cf_peer *peer, const cf_id *collection, const cf_id *items,
                              size_t count, cf_record_past *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    reading self = {peer, *collection, items, count, out};

    cf_status status = store->read(store, cf_peer_user(peer), 1, read_entry, &self, error);
    note_replaced(out);
    return status;
}

void cf_record_past_release(cf_record_past *past)
{
    free(past->at);
    cf_hash_table_release(&past->by_dot);
    cf_arena_release(&past->arena);
    *past = (cf_record_past){0};
}

const cf_record_write *cf_record_past_find(const cf_record_past *past, cf_bytes field,
                                           const cf_dot *dot)
{
    const cf_record_write *found = NULL;

    for (cf_hash_link *link = cf_hash_table_first(&past->by_dot, hash_of(field, dot)); link;
         link = cf_hash_table_next(link)) {
        const cf_record_write *one = &past->at[cf_container_of(link, placed_write, link)->place];

        if (cf_dot_equal(&one->dot, dot) && cf_bytes_equal(one->field, field))
            found = one; /* the first: of rows that are one, several may have it */
    }
    return found;
}

const cf_record_write *cf_record_past_kept(const cf_record_past *past, size_t place)
{
    for (size_t i = place; i-- > 0;) {
        const cf_record_write *one = &past->at[i];

        if (one->value.size && one->until > place &&
            cf_bytes_equal(one->field, past->at[place].field))
            return one;
    }
    return NULL;
}
