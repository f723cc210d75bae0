/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/locks/lock_names.h"

#include "peer/merge/table.h"

#include <stdlib.h>

struct cf_lock_names {
    const cf_ring *ring;
    cf_table names;
};

typedef struct {
    cf_table_link link;
    cf_id collection, item, name;
} known_name;

cf_lock_names *cf_lock_names_new(const cf_ring *ring)
{
    cf_lock_names *names = cf_allocate(1, sizeof *names);

    names->ring = ring;
    return names;
}

void cf_lock_names_destroy(cf_lock_names **names)
{
    if (!*names)
        return;
    for (cf_table_link *link = cf_table_walk(&(*names)->names, NULL), *next; link; link = next) {
        next = cf_table_walk(&(*names)->names, link);
        free(cf_linked(link, known_name, link));
    }
    cf_table_release(&(*names)->names);
    free(*names);
    *names = NULL;
}

static uint64_t hash_of(const cf_id *collection, const cf_id *item)
{
    return cf_hash_id(cf_hash_id(0, collection), item);
}

static const known_name *find(const cf_lock_names *names, const cf_id *collection,
                              const cf_id *item)
{
    for (cf_table_link *link = cf_table_first(&names->names, hash_of(collection, item)); link;
         link = cf_table_next(link)) {
        const known_name *name = cf_linked(link, known_name, link);

        if (cf_id_equal(&name->collection, collection) && cf_id_equal(&name->item, item))
            return name;
    }
    return NULL;
}

static cf_status derive(const cf_ring *ring, const cf_id *collection, const cf_id *item, cf_id *out,
                        cf_error *error)
{
    uint8_t key[CF_KEY_SIZE], whole[CF_KEY_SIZE];

    if (!cf_ring_count(ring))
        return cf_fail(error, CF_MISSING, "there is no content key yet");
    cf_status status =
        cf_ring_derive(ring, cf_ring_epoch(ring, 0), collection, CF_PURPOSE_LOCK, key, error);
    if (status)
        return status;
    cf_key_derive(key, "lock name", cf_bytes_of(item->bytes, CF_ID_SIZE), whole);
    memcpy(out->bytes, whole, CF_ID_SIZE);
    cf_wipe(key, sizeof key);
    return CF_OK;
}

cf_status cf_lock_names_find(cf_lock_names *names, const cf_id *collection, const cf_id *item,
                             cf_id *out, cf_error *error)
{
    const known_name *known = find(names, collection, item);

    if (!known) {
        known_name *name = cf_allocate(1, sizeof *name);

        name->collection = *collection;
        name->item = *item;
        cf_status status = derive(names->ring, collection, item, &name->name, error);
        if (status) {
            free(name);
            return status;
        }
        cf_table_add(&names->names, &name->link, hash_of(collection, item));
        known = name;
    }
    *out = known->name;
    return CF_OK;
}
