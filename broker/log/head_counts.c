/* SPDX-License-Identifier: Apache-2.0 */
/* Whether there is room for an entry: one that goes on where a branch ends needs none. Any other is
 * bound by its user's number of heads, and, if its author brings it, by its device's, in the
 * collection and in all. The member log has numbers of its own, twice as high for what isn't void,
 * and the account is bound by no device's there. */
#include "broker/log/head_counts.h"

#include "broker/store/store.h"
#include "codec/limits.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

const cf_head_bounds cf_head_bounds_default = {
    .of_device_in_collection = CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX,
    .of_device = CF_HEADS_OF_DEVICE_MAX,
    .of_user = CF_HEADS_OF_USER_MAX,
    .of_member_log = CF_HEADS_OF_MEMBER_LOG_MAX,
};

const cf_head_bounds cf_head_bounds_of_peer = {
    .of_device_in_collection = CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX,
    .of_device = CF_HEADS_OF_DEVICE_MAX,
    .of_user = 2 * CF_HEADS_OF_USER_MAX,
    .of_member_log = 2 * CF_HEADS_OF_MEMBER_LOG_MAX,
};

/* A number for each of some hashes. Strangers choose what is counted, so the tables are balanced
 * trees: no choice makes one of them deep. */
typedef struct {
    cf_hash key;
    uint64_t number;
    cf_head_place place; /* of a head */
} counted;

typedef struct {
    void *root; /* of tsearch(3) */
} table;

struct cf_head_counts {
    table heads; /* by header hash: 1 */
    table in_collections, of_devices;
    table collections; /* by id, with zeros behind: heads */
    uint64_t of_user, of_member_log;
};

cf_head_counts *cf_head_counts_new(void)
{
    return cf_allocate(1, sizeof(cf_head_counts));
}

void cf_head_counts_destroy(cf_head_counts **counts)
{
    if (!*counts)
        return;
    tdestroy((*counts)->heads.root, free);
    tdestroy((*counts)->in_collections.root, free);
    tdestroy((*counts)->of_devices.root, free);
    tdestroy((*counts)->collections.root, free);
    free(*counts);
    *counts = NULL;
}

/* ---- Tables ---- */

static int by_key(const void *left, const void *right)
{
    const counted *a = left, *b = right;

    return cf_hash_compare(&a->key, &b->key);
}

static counted *find(const table *in, const cf_hash *key)
{
    const counted wanted = {.key = *key};
    counted *const *found = tfind(&wanted, &in->root, by_key);

    return found ? *found : NULL;
}

static uint64_t number_of(const table *in, const cf_hash *key)
{
    const counted *found = find(in, key);

    return found ? found->number : 0;
}

static counted *raise_number(table *in, const cf_hash *key)
{
    counted *one = find(in, key);

    if (!one) {
        one = cf_allocate(1, sizeof *one);
        one->key = *key;
        if (!tsearch(one, &in->root, by_key))
            abort(); /* out of memory */
    }
    one->number++;
    return one;
}

static void remove_key(table *in, const cf_hash *key)
{
    counted *one = find(in, key);

    tdelete(one, &in->root, by_key);
    free(one);
}

/* ---- Counts ---- */

static bool is_in_member_log(const cf_entry *entry)
{
    return cf_id_equal(&entry->header.collection, &cf_member_log_id);
}

/* A device and a collection: who chooses the id of a collection has no say in that of a device. */
static cf_hash pair_of(const cf_entry *entry)
{
    cf_hash pair = entry->header.device;

    for (size_t i = 0; i < CF_ID_SIZE; i++)
        pair.bytes[i] ^= entry->header.collection.bytes[i];
    return pair;
}

static cf_hash key_of(const cf_id *collection)
{
    cf_hash key = {{0}};

    memcpy(key.bytes, collection->bytes, CF_ID_SIZE);
    return key;
}

bool cf_head_counts_has(const cf_head_counts *counts, const cf_id *collection)
{
    const cf_hash key = key_of(collection);

    return number_of(&counts->collections, &key) > 0;
}

static cf_head_place place_of(const cf_entry *entry)
{
    return (cf_head_place){entry->header.device, entry->header.collection};
}

void cf_head_counts_add(cf_head_counts *counts, const cf_entry *head)
{
    const cf_hash pair = pair_of(head), collection = key_of(&head->header.collection);

    if (number_of(&counts->heads, &head->hash))
        return;
    raise_number(&counts->heads, &head->hash)->place = place_of(head);
    raise_number(&counts->collections, &collection);
    raise_number(&counts->in_collections, &pair);
    if (is_in_member_log(head)) {
        counts->of_member_log++;
        return;
    }
    raise_number(&counts->of_devices, &head->header.device);
    counts->of_user++;
}

/* Whether it goes on where a branch ends. */
static bool extends(const cf_head_counts *counts, const cf_entry *entry)
{
    return entry->header.sequence > 1 && number_of(&counts->heads, &entry->header.previous);
}

void cf_head_counts_take(cf_head_counts *counts, const cf_entry *entry)
{
    if (!extends(counts, entry)) {
        cf_head_counts_add(counts, entry);
        return;
    }
    remove_key(&counts->heads, &entry->header.previous);
    raise_number(&counts->heads, &entry->hash)->place = place_of(entry);
}

bool cf_head_counts_place(const cf_head_counts *counts, const cf_hash *entry, cf_head_place *out)
{
    const counted *found = find(&counts->heads, entry);

    if (!found)
        return false;
    *out = found->place;
    return true;
}

/* The account can't leave and join again, and signs with a chain of its own each time. */
static bool is_bound(const cf_entry *entry, cf_head_claim claim)
{
    bool is_account = cf_hash_equal(&entry->header.device, &entry->header.user);

    return claim.is_by_author && !(is_account && is_in_member_log(entry));
}

cf_head_room cf_head_counts_room(const cf_head_counts *counts, const cf_head_bounds *bounds,
                                 const cf_entry *entry, cf_head_claim claim)
{
    bool is_member = is_in_member_log(entry);
    const cf_hash pair = pair_of(entry);
    /* What nobody may write must not keep an owner from shutting out who wrote it. */
    uint64_t most = is_member ? bounds->of_member_log * (claim.is_void ? 1 : 2) : bounds->of_user;

    if (extends(counts, entry))
        return CF_HEAD_ROOM;
    if (is_bound(entry, claim)) {
        if (number_of(&counts->in_collections, &pair) >= bounds->of_device_in_collection)
            return CF_HEAD_ROOM_NOT_IN_COLLECTION;
        if (!is_member &&
            number_of(&counts->of_devices, &entry->header.device) >= bounds->of_device)
            return CF_HEAD_ROOM_NOT_OF_DEVICE;
    }
    return (is_member ? counts->of_member_log : counts->of_user) < most ? CF_HEAD_ROOM
                                                                        : CF_HEAD_ROOM_NOT_OF_USER;
}
