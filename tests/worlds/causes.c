/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/causes.h"

enum { COLLECTIONS_MAX = 16 };

typedef struct {
    const device *of;
    cf_id heard[COLLECTIONS_MAX]; /* others' changes of these came before */
    size_t heard_count;
    size_t unmade;
} looking;

static bool has_heard(const looking *self, const cf_id *collection)
{
    for (size_t i = 0; i < self->heard_count; i++)
        if (cf_id_equal(&self->heard[i], collection))
            return true;
    return self->heard_count == COLLECTIONS_MAX;
}

static bool look_at(void *context, uint64_t position, cf_bytes wire)
{
    looking *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    (void)position;
    must(cf_entry_read(wire, &arena, &entry, &error), &error, "an entry of a log");
    const cf_header *header = &entry.header;
    const bool is_own =
        cf_hash_equal(&header->device, cf_peer_device(device_peer((device *)self->of)));
    if (header->type == CF_ENTRY_CHANGE && !has_heard(self, &header->collection)) {
        if (is_own)
            self->unmade++;
        else
            self->heard[self->heard_count++] = header->collection;
    }
    cf_arena_release(&arena);
    return true;
}

static uint64_t last_position(device *self)
{
    cf_store *store = cf_home_store(self->home);
    uint64_t position;
    cf_error error;

    must(store->last(store, cf_peer_user(device_peer(self)), &position, &error), &error,
         "the end of a log");
    return position;
}

void causes_excuse(device *self)
{
    self->has_cause = true;
}

void causes_excuse_all(world *self)
{
    for (int i = 0; i < self->count; i++)
        causes_excuse(&self->devices[i]);
}

void causes_look(device *self)
{
    cf_store *store = cf_home_store(self->home);
    looking look = {.of = self};
    const uint64_t last = last_position(self);
    cf_error error;

    if (!self->has_cause && !self->is_copy && last > self->looked_to)
        must(store->read(store, cf_peer_user(device_peer(self)), self->looked_to + 1, look_at,
                         &look, &error),
             &error, "reading a log");
    if (look.unmade && !self->in->unmade.size)
        cf_buffer_append_text(&self->in->unmade, "device %d published %zu entries", self->number,
                              look.unmade);
    self->looked_to = last;
    self->has_cause = false;
}
