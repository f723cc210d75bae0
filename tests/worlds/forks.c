/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of devices of which there were two. Who signed twice is looked up in the log itself,
 * entry by entry. */
#include "tests/worlds/history.h"

#include "peer/account/notes.h"
#include "peer/log/catalog.h"
#include "peer/log/forks.h"

#include <stdlib.h>

typedef struct {
    cf_head head;
    cf_hash device;
} signature;

typedef struct {
    signature *all;
    size_t count, capacity;
} signatures;

static bool add_signature(void *context, uint64_t position, cf_bytes wire)
{
    signatures *self = context;
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    (void)position;
    must(cf_entry_read(wire, &arena, &entry, &error), &error, "an entry of a log");
    *cf_one_more(self->all, self->count, self->capacity) =
        (signature){{entry.header.writer, entry.header.sequence, entry.hash}, entry.header.device};
    cf_arena_release(&arena);
    return true;
}

static int by_place(const void *a, const void *b)
{
    const cf_head *x = &((const signature *)a)->head, *y = &((const signature *)b)->head;
    int order = cf_id_compare(&x->writer, &y->writer);

    return order ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static void take_signatures(device *of, signatures *out)
{
    cf_store *store = cf_home_store(of->home);
    cf_error error;

    *out = (signatures){0};
    must(store->read(store, cf_peer_user(device_peer(of)), 1, add_signature, out, &error), &error,
         "reading a log");
    qsort(out->all, out->count, sizeof *out->all, by_place);
}

size_t device_doubles(device *of)
{
    signatures log;
    size_t count = 0;

    take_signatures(of, &log);
    for (size_t i = 1; i < log.count; i++)
        count += by_place(&log.all[i - 1], &log.all[i]) == 0;
    free(log.all);
    return count;
}

/* ---- Told ---- */

typedef struct {
    cf_fork *forks;
    size_t count;
    cf_notes notes;
    cf_arena arena;
} told;

static void take_told(device *of, told *out)
{
    cf_peer *peer = device_peer(of);
    uint64_t now_ms = device_now(of);
    cf_error error;

    *out = (told){0};
    must(cf_forks_find(peer, now_ms, &out->forks, &out->count, &error), &error, "forks");
    must(cf_notes_collect(peer, now_ms, &out->arena, &out->notes, &error), &error, "notes");
}

static void told_release(told *self)
{
    free(self->forks);
    cf_notes_release(&self->notes);
    cf_arena_release(&self->arena);
}

/* In words, with its name. */
static bool is_told(device *by, told *what, const cf_hash *forked)
{
    const char *name = cf_catalog_device_name(device_peer(by), forked, &what->arena);
    bool is_found = false, is_said = false;

    for (size_t i = 0; i < what->count; i++)
        is_found |= cf_hash_equal(&what->forks[i].device, forked);
    for (size_t i = 0; i < what->notes.count; i++)
        is_said |=
            strcmp(what->notes.at[i].kind, "forked") == 0 && strstr(what->notes.at[i].text, name);
    return is_found && is_said;
}

/* ---- Judging ---- */

static bool was_there_twice(world *in, const cf_hash *id)
{
    for (int i = 0; i < in->count; i++)
        if (in->devices[i].is_copy &&
            cf_hash_equal(cf_peer_device(device_peer(&in->devices[i])), id))
            return true;
    return false;
}

static void expect_told(history *self, device *by, told *what, const signatures *log)
{
    const cf_registry *registry = cf_log_registry(device_peer(by)->log);

    for (size_t i = 1; i < log->count; i++) {
        const signature *one = &log->all[i];

        if (by_place(one, one - 1) == 0 && cf_registry_is_valid(registry, &one->device) &&
            !is_told(by, what, &one->device))
            verdict_fail(&self->verdict, "truthful status",
                         "device %d tells nobody that %02x%02x has signed number %llu twice",
                         by->number, one->device.bytes[0], one->device.bytes[1],
                         (unsigned long long)one->head.sequence);
    }
    for (size_t i = 0; i < what->count; i++)
        if (!was_there_twice(self->w, &what->forks[i].device))
            verdict_fail(&self->verdict, "truthful status",
                         "device %d says of %02x%02x that there were two of it, and there was one",
                         by->number, what->forks[i].device.bytes[0],
                         what->forks[i].device.bytes[1]);
}

void oracle_forks(history *self)
{
    for (int i = 0; i < self->w->count; i++) {
        device *one = &self->w->devices[i];
        signatures log;
        told what;

        if (one->is_out)
            continue;
        take_signatures(one, &log);
        take_told(one, &what);
        expect_told(self, one, &what, &log);
        told_release(&what);
        free(log.all);
    }
}
