/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/last_seen.h"

#include "codec/heads.h"
#include "codec/member.h"

#include <stdlib.h>

/* How far a writer's chain is seen, and how far it is here. Forks are counted by their longer
 * branch. */
typedef struct {
    cf_id writer;
    bool own; /* the device's */
    uint64_t seen, here;
} reach;

typedef struct {
    const cf_hash *device;
    reach *reaches;
    size_t count, capacity;
    cf_buffer newest; /* its newest entry */
    uint64_t added_ms;
} search;

static reach *reach_of(search *self, const cf_id *writer)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_id_equal(&self->reaches[i].writer, writer))
            return &self->reaches[i];
    self->reaches = cf_grow(self->reaches, &self->capacity, self->count + 1, sizeof *self->reaches);
    self->reaches[self->count] = (reach){.writer = *writer};
    return &self->reaches[self->count++];
}

static void raise(uint64_t *number, uint64_t to)
{
    if (to > *number)
        *number = to;
}

static void note_added(search *self, const cf_entry *entry, cf_arena *arena)
{
    cf_member member;
    cf_error ignored;

    if (entry->header.type != CF_ENTRY_MEMBER ||
        cf_member_read(entry->body, arena, &member, &ignored) || member.kind != CF_MEMBER_ADD)
        return;
    cf_hash added = cf_device_id(member.keys.signing);
    if (cf_hash_equal(&added, self->device))
        self->added_ms = member.time_ms;
}

static bool visit(void *context, uint64_t position, cf_bytes wire)
{
    search *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK) {
        reach *own = reach_of(self, &entry.header.writer);

        raise(&own->here, entry.header.sequence);
        note_added(self, &entry, &arena);
        if (cf_hash_equal(&entry.header.device, self->device)) {
            own->own = true;
            for (size_t i = 0; i < entry.header.after_count; i++)
                raise(&reach_of(self, &entry.header.after[i].writer)->seen,
                      entry.header.after[i].sequence);
            cf_buffer_clear(&self->newest);
            cf_buffer_append(&self->newest, wire.data, wire.size);
        }
    }
    cf_arena_release(&arena);
    return true;
}

static uint64_t time_of(cf_peer *peer, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_member member;
    const cf_body *body;
    cf_error ignored;
    uint64_t time_ms = 0;

    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK) {
        if (entry.header.type != CF_ENTRY_MEMBER) {
            if (cf_contents_open(peer->contents, &entry, &body, &ignored) == CF_OK)
                time_ms = body->time.ms;
        } else if (cf_member_read(entry.body, &arena, &member, &ignored) == CF_OK) {
            time_ms = member.time_ms;
        }
    }
    cf_arena_release(&arena);
    return time_ms;
}

cf_status cf_last_seen_of(cf_peer *peer, const cf_hash *device, cf_last_seen *out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    search self = {.device = device};

    cf_status status = store->read(store, cf_peer_user(peer), 1, visit, &self, error);
    if (!status) {
        *out = (cf_last_seen){.wrote = self.newest.size > 0};
        out->time_ms = out->wrote ? time_of(peer, cf_buffer_view(&self.newest)) : self.added_ms;
        for (size_t i = 0; i < self.count && out->wrote; i++)
            if (!self.reaches[i].own && self.reaches[i].here > self.reaches[i].seen)
                out->behind += self.reaches[i].here - self.reaches[i].seen;
    }
    cf_buffer_release(&self.newest);
    free(self.reaches);
    return status;
}
