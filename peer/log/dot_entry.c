/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/dot_entry.h"

#include <string.h>

typedef struct {
    const cf_dot *dot;
    cf_head head;
    bool is_found;
} search;

static bool match(void *context, const cf_head *entry, uint64_t position)
{
    search *self = context;

    (void)position;
    if (entry->sequence != self->dot->sequence)
        return false;
    if (memcmp(entry->hash.bytes, self->dot->hash, sizeof self->dot->hash) != 0)
        return true;
    self->head = *entry;
    self->is_found = true;
    return false;
}

cf_status cf_dot_entry(cf_peer *peer, const cf_dot *dot, cf_head *out, cf_error *error)
{
    cf_store *store = cf_log_store(peer->log);
    search named = {.dot = dot};

    cf_status status =
        store->chain(store, cf_peer_user(peer), &dot->writer, dot->sequence, match, &named, error);
    *out = named.head;
    return status || named.is_found ? status : cf_fail(error, CF_MISSING, "it is not here");
}

cf_hash cf_dot_device(cf_peer *peer, const cf_dot *dot)
{
    cf_hash device = {{0}};
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_head head;
    cf_entry entry;
    cf_error ignored;

    if (cf_dot_entry(peer, dot, &head, &ignored) == CF_OK &&
        cf_log_get(peer->log, &head, &wire, &ignored) == CF_OK &&
        cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored) == CF_OK)
        device = entry.header.device;
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
    return device;
}
