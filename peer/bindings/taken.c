/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/taken.h"

#include <stdlib.h>

enum { KEY_SIZE = 1 + 4 + 8 };

static cf_taken *find(const cf_binding *binding, uint64_t node)
{
    for (size_t i = 0; i < binding->taken_count; i++)
        if (binding->taken[i].node == node)
            return &binding->taken[i];
    return NULL;
}

static void add(cf_binding *binding, uint64_t node, uint32_t mode)
{
    *cf_one_more(binding->taken, binding->taken_count, binding->taken_capacity) =
        (cf_taken){node, mode};
}

static bool load(void *context, cf_bytes key, cf_bytes value)
{
    if (key.size == KEY_SIZE && value.size == 4)
        add(context, cf_get_u64(key.data + 5), cf_get_u32(value.data));
    return true;
}

cf_status cf_taken_load(cf_peer *peer, cf_binding *binding, cf_error *error)
{
    return cf_binding_scan(peer, binding, CF_TABLE_TAKEN, load, binding, error);
}

const cf_taken *cf_taken_of(const cf_binding *binding, uint64_t node)
{
    return find(binding, node);
}

void cf_taken_put(cf_binding *binding, uint64_t node, uint32_t mode, cf_records *records)
{
    cf_taken *taken = find(binding, node);
    cf_arena arena = {0};
    uint8_t value[4];

    if (taken)
        taken->mode = mode;
    else
        add(binding, node, mode);
    cf_put_u32(value, mode);
    cf_records_put(records, cf_key_numbered(&arena, CF_TABLE_TAKEN, binding->number, node),
                   cf_bytes_of(value, sizeof value));
    cf_arena_release(&arena);
}

void cf_taken_drop(cf_binding *binding, uint64_t node, cf_records *records)
{
    cf_taken *taken = find(binding, node);
    cf_arena arena = {0};

    if (!taken)
        return;
    *taken = binding->taken[--binding->taken_count];
    cf_records_delete(records, cf_key_numbered(&arena, CF_TABLE_TAKEN, binding->number, node));
    cf_arena_release(&arena);
}

uint32_t cf_taken_meant(const cf_binding *binding, uint64_t node, uint32_t mode)
{
    const cf_taken *taken = find(binding, node);

    return taken && (mode & 0777) == (taken->mode & ~(uint32_t)CF_WRITE_BITS & 0777) ? taken->mode
                                                                                     : mode;
}
