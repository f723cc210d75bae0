/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/contents_opened.h"

#include "codec/content.h"
#include "codec/item.h"
#include "codec/seal.h"

#include <stdlib.h>

enum { KEPT = 4 }; /* neighbours in a folder came in the same one */

struct cf_opened_entries {
    cf_log *log;
    const cf_ring *ring;
    cf_opened kept[KEPT];
    uint64_t turn;
};

cf_opened_entries *cf_opened_entries_new(cf_log *log, const cf_ring *ring)
{
    cf_opened_entries *self = cf_allocate(1, sizeof *self);

    self->log = log;
    self->ring = ring;
    return self;
}

static void drop(cf_opened *one)
{
    cf_buffer_release(&one->plain);
    cf_arena_release(&one->arena);
    *one = (cf_opened){0};
}

void cf_opened_entries_destroy(cf_opened_entries **entries)
{
    if (!*entries)
        return;
    for (size_t i = 0; i < KEPT; i++)
        drop(&(*entries)->kept[i]);
    free(*entries);
    *entries = NULL;
}

static int by_content(const void *a, const void *b)
{
    return cf_hash_compare(&((const cf_opened_place *)a)->content,
                           &((const cf_opened_place *)b)->content);
}

static void index_places(cf_opened *one)
{
    cf_error ignored;
    cf_content content;

    one->places = cf_arena_allocate(&one->arena, one->body.change_count + one->body.supply_count,
                                    sizeof *one->places);
    for (size_t i = 0; i < one->body.change_count; i++) {
        const cf_change *change = &one->body.changes[i];

        if (cf_item_has_content(&change->item, change->field, change->value) &&
            cf_content_read(change->value, one->blob_count, &content, &ignored) == CF_OK)
            one->places[one->place_count++] = (cf_opened_place){content.hash, change->value, false};
    }
    for (size_t i = 0; i < one->body.supply_count; i++) {
        const cf_supply *supply = &one->body.supplies[i];

        one->places[one->place_count++] = (cf_opened_place){supply->content, supply->how, true};
    }
    if (one->place_count)
        qsort(one->places, one->place_count, sizeof *one->places, by_content);
}

static cf_status open_body(cf_opened_entries *self, const cf_entry *entry, cf_opened *one,
                           cf_error *error)
{
    const cf_header *header = &entry->header;
    cf_seal_place place = {self->ring, &header->epoch, &header->collection};

    one->hash = entry->hash;
    cf_status status = cf_body_open(&place, entry->sealed_under, entry->body, &one->plain, error);
    if (!status)
        status = cf_body_read(cf_buffer_view(&one->plain), entry, &one->arena, &one->body, error);
    if (status)
        return status;
    one->epoch = header->epoch;
    one->blob_count = header->blob_count;
    one->blobs =
        (const cf_hash *)cf_arena_copy(
            &one->arena, cf_bytes_of(header->blobs, header->blob_count * sizeof *header->blobs))
            .data;
    index_places(one);
    one->used = true;
    return CF_OK;
}

static cf_opened *oldest(cf_opened_entries *self)
{
    cf_opened *found = &self->kept[0];

    for (size_t i = 0; i < KEPT; i++)
        if (self->kept[i].turn < found->turn)
            found = &self->kept[i];
    drop(found);
    return found;
}

static cf_opened *find_opened(cf_opened_entries *self, const cf_hash *hash)
{
    for (size_t i = 0; i < KEPT; i++)
        if (self->kept[i].used && cf_hash_equal(&self->kept[i].hash, hash))
            return &self->kept[i];
    return NULL;
}

cf_status cf_opened_entries_take(cf_opened_entries *self, const cf_entry *entry,
                                 const cf_opened **out, cf_error *error)
{
    cf_opened *one = find_opened(self, &entry->hash);

    if (!one) {
        one = oldest(self);
        cf_status status = open_body(self, entry, one, error);
        if (status) {
            drop(one);
            return status;
        }
    }
    one->turn = ++self->turn;
    *out = one;
    return CF_OK;
}

cf_status cf_opened_entries_load(cf_opened_entries *self, const cf_head *head,
                                 const cf_opened **out, cf_error *error)
{
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    cf_opened *one = find_opened(self, &head->hash);
    if (one) {
        one->turn = ++self->turn;
        *out = one;
        return CF_OK;
    }
    cf_status status = cf_log_get(self->log, head, &wire, error);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, error);
    if (!status)
        status = cf_opened_entries_take(self, &entry, out, error);
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

const cf_opened_place *cf_opened_find(const cf_opened *one, const cf_hash *content)
{
    cf_opened_place wanted = {.content = *content};

    return one->place_count
               ? bsearch(&wanted, one->places, one->place_count, sizeof *one->places, by_content)
               : NULL;
}
