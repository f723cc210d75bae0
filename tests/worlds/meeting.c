/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/inside.h"

#include <stdlib.h>

typedef struct {
    cf_buffer *wires;
    size_t count, capacity;
} parcel;

static bool pack_entry(void *context, uint64_t position, cf_bytes wire)
{
    parcel *self = context;

    (void)position;
    self->wires = cf_grow(self->wires, &self->capacity, self->count + 1, sizeof *self->wires);
    self->wires[self->count] = (cf_buffer){0};
    cf_buffer_append(&self->wires[self->count++], wire.data, wire.size);
    return true;
}

static void pack_log(device *of, parcel *out)
{
    cf_store *store = cf_home_store(of->home);
    cf_error error;

    *out = (parcel){0};
    must(store->read(store, cf_peer_user(device_peer(of)), 1, pack_entry, out, &error), &error,
         "reading a log to hand over");
}

static void take(device *to, const parcel *from)
{
    cf_bytes *wires = cf_allocate(from->count, sizeof *wires);
    cf_error error;

    for (size_t i = 0; i < from->count; i++)
        wires[i] = cf_buffer_view(&from->wires[i]);
    to->is_unsure = true;
    if (cf_peer_take(device_peer(to), wires, from->count, &error)) { /* its store failed before */
        world_tell(to->in, "device %d can't take it: %s", to->number, error.text);
        device_restart(to, END_KILLED);
        must(cf_peer_take(device_peer(to), wires, from->count, &error), &error,
             "taking a log that was handed over");
    }
    free(wires);
}

static void release(parcel *self)
{
    for (size_t i = 0; i < self->count; i++)
        cf_buffer_release(&self->wires[i]);
    free(self->wires);
}

void devices_meet(device *one, device *other)
{
    parcel here, there;

    world_tell(one->in, "devices %d and %d meet", one->number, other->number);
    pack_log(one, &here);
    pack_log(other, &there);
    take(one, &there);
    take(other, &here);
    release(&here);
    release(&there);
}
