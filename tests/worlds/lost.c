/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/lost.h"

#include "codec/limits.h"
#include "peer/log/collection.h"
#include "tests/worlds/asking.h"

#include <stdio.h>
#include <string.h>

/* ---- Who has it ---- */

typedef struct {
    const device *of; /* what it doesn't ask for it has for itself */
    const cf_hash *hash;
    uint64_t size;
    bool found;
} search;

static void look_at(void *context, const disk_thing *thing)
{
    search *self = context;

    if (self->found || thing->stat.kind != CF_FILE_REGULAR || thing->bytes.size != self->size ||
        !asking_takes(self->of, thing->path, false))
        return;
    cf_hash hash = cf_content_hash(thing->bytes);
    self->found = cf_hash_equal(&hash, self->hash);
}

static bool any_folder_has(const world *in, const cf_hash *hash, uint64_t size)
{
    search self = {.hash = hash, .size = size};

    for (int i = 0; i < in->count; i++)
        if (!in->devices[i].is_out && (self.of = &in->devices[i]))
            disk_walk(in->devices[i].drive, in->devices[i].folder,
                      &(disk_walk_options){.skip = ".counterfoil"}, look_at, &self);
    return self.found;
}

static bool any_broker_has(world *in, const cf_hash *user, const cf_hash *blob)
{
    cf_blob_held held;
    cf_error ignored;

    for (int i = 0; i < in->broker_count; i++) {
        cf_blobs *blobs = in->brokers[i].broker.blobs;

        if (blobs->held(blobs, user, blob, &held, &ignored) == CF_OK && held.complete)
            return true;
    }
    return false;
}

static bool has_lost_blobs(device *self, const cf_content_source *source)
{
    cf_peer *peer = device_peer(self);
    cf_slice slice;

    if (source->content.how.is_inline)
        return false;
    cf_slice_reader slices = cf_slice_reader_of(source->content.how.slices);
    while (cf_slice_next(&slices, &slice))
        if (!slice.zeros && cf_contents_lacks(peer->contents, &source->blobs[slice.blob]) &&
            !any_broker_has(self->in, cf_peer_user(peer), &source->blobs[slice.blob]))
            return true;
    return false;
}

/* Along the contents that it is made from, each by a patch. */
static bool is_lost(device *self, const cf_id *collection, cf_hash hash)
{
    bool lost = false, goes_on = true;

    for (int depth = 0; goes_on && depth <= CF_DELTA_DEPTH_MAX; depth++) {
        cf_arena arena = {0};
        cf_content_source source;
        cf_error ignored;

        goes_on = cf_contents_get(device_peer(self)->contents, collection, &hash, &arena, &source,
                                  &ignored) == CF_OK &&
                  !any_folder_has(self->in, &hash, source.content.size);
        lost = goes_on && has_lost_blobs(self, &source);
        goes_on = goes_on && !lost && source.content.how.is_patch;
        if (goes_on)
            hash = source.content.how.base;
        cf_arena_release(&arena);
    }
    return lost;
}

/* ---- What it waits for ---- */

static bool waits_for_content(const cf_pending *pending)
{
    return device_waits_for(pending) && pending->reason &&
           strcmp(pending->reason, "waits for a device that has all of it") == 0;
}

typedef struct {
    device *of;
    const cf_collection *collection;
    size_t count;
} tally;

static void count_lost(void *context, const cf_id *item)
{
    tally *self = context;
    const cf_state *state = self->collection->state;
    const cf_item *it = cf_state_item(state, item);

    for (size_t i = 0; i < cf_item_write_count(it); i++) {
        cf_hash hash;
        uint64_t size;
        cf_error ignored;

        self->count += cf_content_identity_read(cf_state_write(state, it, i).value, &hash, &size,
                                                &ignored) == CF_OK &&
                       is_lost(self->of, &self->collection->id, hash);
    }
}

/* False: it has other reasons, too. */
static bool count_waiting(const cf_binding_status *source, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < source->pending_count; i++) {
        const cf_pending *one = &source->pending[i];

        if (!device_waits_for(one))
            continue;
        ++*count;
        if (!waits_for_content(one))
            return false;
    }
    return !source->trouble;
}

static bool are_lost(device *self, const cf_binding *binding, size_t waiting)
{
    tally all = {.of = self};
    cf_collection *collection;
    cf_error error;

    if (!waiting)
        return true;
    must(cf_peer_collection(device_peer(self), &binding->collection, &collection, &error), &error,
         "collection");
    all.collection = collection;
    cf_state_each(collection->state, count_lost, &all);
    return all.count >= waiting;
}

bool lost_is_all_it_waits_for(device *self)
{
    cf_broker_status home;
    cf_arena arena = {0};
    size_t waiting = 0, total = 0;

    cf_engine_broker_status(self->engine, &home);
    bool truly = self->in->was_lost && home.connected && !home.unsent && !home.refused;
    for (size_t i = 0; truly && i < cf_engine_binding_count(self->engine); i++) {
        const cf_binding *binding = cf_engine_binding_at(self->engine, i);
        cf_binding_status source;

        cf_engine_status(self->engine, binding, &arena, &source);
        truly = count_waiting(&source, &waiting) && are_lost(self, binding, waiting);
        total += waiting;
    }
    cf_arena_release(&arena);
    return truly && total;
}

/* ---- Records ---- */

/* Of a document what waits is a member of the one record. */
static size_t write_record(char line[128], record_kind kind, cf_bytes key)
{
    if (kind == RECORDS_SETTINGS)
        key = cf_bytes_of_text(cells_settings);
    return (size_t)snprintf(line, 128, "%d %.*s\n", (int)kind, (int)key.size,
                            (const char *)key.data);
}

void lost_note_records(device *self)
{
    cf_arena arena = {0};
    char line[128];

    for (record_kind kind = 0; kind < RECORDS_KINDS; kind++) {
        const cf_binding *binding = records_binding(self, kind);
        cf_binding_status source = {0};

        if (binding)
            cf_engine_status(self->engine, binding, &arena, &source);
        for (size_t i = 0; i < source.pending_count; i++)
            if (waits_for_content(&source.pending[i]))
                cf_buffer_append(&self->bereft, line,
                                 write_record(line, kind, source.pending[i].path));
    }
    cf_arena_release(&arena);
}

bool lost_keeps_away(const device *self, record_kind kind, const char *key)
{
    char line[128];
    size_t size = write_record(line, kind, cf_bytes_of_text(key));

    return self->bereft.size && memmem(self->bereft.data, self->bereft.size, line, size);
}
