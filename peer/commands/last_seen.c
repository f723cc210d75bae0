/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/last_seen.h"

#include "codec/hash_table.h"
#include "codec/member.h"
#include "peer/log/keeping.h"

#include <stdlib.h>

/* A device that wrote, or was let in. */
typedef struct {
    cf_hash_link link;
    cf_hash id;
    bool wrote;
    cf_head newest; /* its newest entry */
    uint64_t added_ms;
    cf_kept kept;
    uint64_t own;  /* entries here of its own writers, */
    uint64_t seen; /* and of other writers that it had seen, in what it keeps */
} device;

/* Forks are counted by their longer branch. */
typedef struct {
    cf_hash_link link;
    cf_id id;
    cf_id collection;
    const device *of; /* NULL: none of its entries is here */
    uint64_t here;    /* how far its chain is here */
} writer;

/* How far one device has seen the chain of one writer. */
typedef struct {
    cf_hash_link link;
    device *by;
    const writer *of;
    uint64_t sequence;
} sight;

struct cf_sightings {
    cf_peer *peer;
    cf_arena arena;
    cf_hash_table devices, writers, sights;
    uint64_t here; /* of all writers */
};

static uint64_t hash_of(const cf_hash *id)
{
    return cf_hash_bytes(0, cf_bytes_of(id->bytes, CF_HASH_SIZE));
}

static device *find_device(const cf_sightings *self, const cf_hash *id)
{
    for (cf_hash_link *at = cf_hash_table_first(&self->devices, hash_of(id)); at;
         at = cf_hash_table_next(at)) {
        device *found = cf_container_of(at, device, link);

        if (cf_hash_equal(&found->id, id))
            return found;
    }
    return NULL;
}

static device *device_of(cf_sightings *self, const cf_hash *id)
{
    device *found = find_device(self, id);

    if (found)
        return found;
    found = cf_arena_allocate(&self->arena, 1, sizeof *found);
    *found = (device){.id = *id};
    cf_hash_table_add(&self->devices, &found->link, hash_of(id));
    return found;
}

static writer *writer_of(cf_sightings *self, const cf_id *id)
{
    uint64_t hash = cf_hash_id(0, id);

    for (cf_hash_link *at = cf_hash_table_first(&self->writers, hash); at;
         at = cf_hash_table_next(at)) {
        writer *found = cf_container_of(at, writer, link);

        if (cf_id_equal(&found->id, id))
            return found;
    }
    writer *made = cf_arena_allocate(&self->arena, 1, sizeof *made);
    *made = (writer){.id = *id};
    cf_hash_table_add(&self->writers, &made->link, hash);
    return made;
}

static sight *sight_of(cf_sightings *self, device *by, const writer *of)
{
    uint64_t hash = cf_hash_id(hash_of(&by->id), &of->id);

    for (cf_hash_link *at = cf_hash_table_first(&self->sights, hash); at;
         at = cf_hash_table_next(at)) {
        sight *found = cf_container_of(at, sight, link);

        if (found->by == by && found->of == of)
            return found;
    }
    sight *made = cf_arena_allocate(&self->arena, 1, sizeof *made);
    *made = (sight){.by = by, .of = of};
    cf_hash_table_add(&self->sights, &made->link, hash);
    return made;
}

static void raise(uint64_t *number, uint64_t to)
{
    if (to > *number)
        *number = to;
}

static void note_added(cf_sightings *self, const cf_entry *entry, cf_arena *arena)
{
    cf_member member;
    cf_error ignored;

    if (entry->header.type != CF_ENTRY_MEMBER ||
        cf_member_read(entry->body, arena, &member, &ignored) || member.kind != CF_MEMBER_ADD)
        return;
    cf_hash added = cf_device_id(member.keys.signing);
    device_of(self, &added)->added_ms = member.time_ms;
}

static void note(cf_sightings *self, const cf_entry *entry)
{
    const cf_header *header = &entry->header;
    device *by = device_of(self, &header->device);
    writer *of = writer_of(self, &header->writer);

    by->wrote = true;
    by->newest = cf_head_of(entry);
    of->of = by;
    of->collection = header->collection;
    raise(&of->here, header->sequence);
    for (size_t i = 0; i < header->after_count; i++)
        raise(&sight_of(self, by, writer_of(self, &header->after[i].writer))->sequence,
              header->after[i].sequence);
}

static bool visit(void *context, uint64_t position, cf_bytes wire)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error ignored;

    (void)position;
    if (cf_entry_read(wire, &arena, &entry, &ignored) == CF_OK) {
        note(context, &entry);
        note_added(context, &entry, &arena);
    }
    cf_arena_release(&arena);
    return true;
}

/* Of what a device keeps alone. */
static void count(cf_sightings *self)
{
    for (cf_hash_link *at = NULL; (at = cf_hash_table_walk(&self->devices, at));) {
        device *one = cf_container_of(at, device, link);

        one->kept = cf_kept_of(self->peer, &one->id, &self->arena);
    }
    for (cf_hash_link *at = NULL; (at = cf_hash_table_walk(&self->writers, at));) {
        const writer *of = cf_container_of(at, writer, link);

        self->here += of->here;
        if (of->of && cf_kept_has(&of->of->kept, &of->collection))
            find_device(self, &of->of->id)->own += of->here;
    }
    for (cf_hash_link *at = NULL; (at = cf_hash_table_walk(&self->sights, at));) {
        sight *one = cf_container_of(at, sight, link);

        if (one->of->of != one->by && cf_kept_has(&one->by->kept, &one->of->collection))
            one->by->seen += one->sequence < one->of->here ? one->sequence : one->of->here;
    }
}

/* Entries here of what a device keeps. */
static uint64_t here_of(const cf_sightings *self, const device *by)
{
    uint64_t here = 0;

    if (by->kept.is_all)
        return self->here;
    for (cf_hash_link *at = NULL; (at = cf_hash_table_walk(&self->writers, at));) {
        const writer *of = cf_container_of(at, writer, link);

        here += cf_kept_has(&by->kept, &of->collection) ? of->here : 0;
    }
    return here;
}

cf_status cf_sightings_read(cf_peer *peer, cf_sightings **out, cf_error *error)
{
    cf_store *store = cf_home_store(peer->home);
    cf_sightings *self = cf_allocate(1, sizeof *self);

    self->peer = peer;
    cf_status status = store->read(store, cf_peer_user(peer), 1, visit, self, error);
    if (status) {
        cf_sightings_destroy(&self);
        return status;
    }
    count(self);
    *out = self;
    return CF_OK;
}

void cf_sightings_destroy(cf_sightings **sightings)
{
    if (!*sightings)
        return;
    cf_hash_table_release(&(*sightings)->devices);
    cf_hash_table_release(&(*sightings)->writers);
    cf_hash_table_release(&(*sightings)->sights);
    cf_arena_release(&(*sightings)->arena);
    free(*sightings);
    *sightings = NULL;
}

/* 0 where the entry can't be read. */
static uint64_t time_of(cf_peer *peer, const cf_head *head)
{
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_entry entry;
    cf_member member;
    const cf_body *body;
    cf_error ignored;
    uint64_t time_ms = 0;

    if (cf_log_get(peer->log, head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK) {
        if (entry.header.type != CF_ENTRY_MEMBER) {
            if (cf_contents_open(peer->contents, &entry, &body, &ignored) == CF_OK)
                time_ms = body->time.ms;
        } else if (cf_member_read(entry.body, &arena, &member, &ignored) == CF_OK) {
            time_ms = member.time_ms;
        }
    }
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return time_ms;
}

cf_last_seen cf_sightings_of(cf_sightings *sightings, const cf_hash *id)
{
    const device *found = find_device(sightings, id);

    if (!found)
        return (cf_last_seen){0};
    if (!found->wrote)
        return (cf_last_seen){.time_ms = found->added_ms};
    return (cf_last_seen){.wrote = true,
                          .time_ms = time_of(sightings->peer, &found->newest),
                          .behind = here_of(sightings, found) - found->own - found->seen};
}
