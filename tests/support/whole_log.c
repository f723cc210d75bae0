/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/whole_log.h"

#include "tests/support/must.h"

static bool add_entries(void *context, const cf_head *head)
{
    *(uint64_t *)context += head->sequence;
    return true;
}

uint64_t whole_log_entries(cf_store *store, const cf_hash *user)
{
    uint64_t count = 0;
    cf_error error;

    must(store->heads(store, user, add_entries, &count, &error), &error, "heads");
    return count;
}

static bool pack(void *context, uint64_t position, cf_bytes wire)
{
    parcel *self = context;
    cf_buffer *packed = cf_one_more(self->wires, self->count, self->capacity);

    (void)position;
    *packed = (cf_buffer){0};
    cf_buffer_append(packed, wire.data, wire.size);
    return true;
}

parcel parcel_of_log(cf_home *home, const cf_hash *user)
{
    cf_store *store = cf_home_store(home);
    parcel all = {0};
    cf_error error;

    must(store->read(store, user, 1, pack, &all, &error), &error, "reading a log to hand over");
    return all;
}

void parcel_release(parcel *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->wires[i]);
    free(self->wires);
    *self = (parcel){0};
}

cf_status parcel_take(const parcel *self, cf_peer *to, cf_error *error)
{
    cf_bytes *wires = cf_allocate(self->count + 1, sizeof *wires);

    for (size_t i = 0; i < self->count; i++)
        wires[i] = cf_buffer_view(&self->wires[i]);
    cf_status status = cf_peer_take(to, wires, self->count, error);
    free(wires);
    return status;
}
