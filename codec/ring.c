/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ring.h"

#include "codec/bulk.h"
#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    cf_hash epoch;
    cf_hash commitment;
    bool known;
    uint8_t key[CF_KEY_SIZE];
} slot;

struct cf_ring {
    cf_hash user;
    slot *slots; /* in locked memory */
    size_t count, capacity;
};

cf_ring *cf_ring_new(const cf_hash *user)
{
    cf_ring *ring = cf_allocate(1, sizeof *ring);

    ring->user = *user;
    return ring;
}

void cf_ring_destroy(cf_ring **ring)
{
    if (!*ring)
        return;
    cf_secret_free((*ring)->slots);
    free(*ring);
    *ring = NULL;
}

const cf_hash *cf_ring_user(const cf_ring *ring)
{
    return &ring->user;
}

cf_hash cf_commitment(const cf_hash *user, const uint8_t key[CF_KEY_SIZE])
{
    const cf_bytes parts[] = {cf_bytes_of(user->bytes, CF_HASH_SIZE),
                              cf_bytes_of(key, CF_KEY_SIZE)};

    return cf_hash_of("commitment", parts, 2);
}

static slot *find(const cf_ring *ring, const cf_hash *epoch)
{
    for (size_t i = 0; i < ring->count; i++)
        if (cf_hash_equal(&ring->slots[i].epoch, epoch))
            return &ring->slots[i];
    return NULL;
}

static void make_room(cf_ring *ring)
{
    if (ring->count < ring->capacity)
        return;
    size_t capacity = ring->capacity ? 2 * ring->capacity : 8;
    slot *slots = cf_secret_allocate(capacity * sizeof *slots);
    if (ring->count)
        memcpy(slots, ring->slots, ring->count * sizeof *slots);
    cf_secret_free(ring->slots);
    ring->slots = slots;
    ring->capacity = capacity;
}

void cf_ring_expect(cf_ring *ring, const cf_hash *epoch, const cf_hash *commitment)
{
    if (find(ring, epoch))
        return;
    make_room(ring);
    ring->slots[ring->count++] = (slot){.epoch = *epoch, .commitment = *commitment};
}

cf_status cf_ring_give(cf_ring *ring, const cf_hash *epoch, const uint8_t key[CF_KEY_SIZE],
                       cf_error *error)
{
    slot *found = find(ring, epoch);

    if (!found)
        return cf_fail(error, CF_MISSING, "a content key came for an epoch that is not known");
    cf_hash commitment = cf_commitment(&ring->user, key);
    if (!cf_hash_equal(&commitment, &found->commitment))
        return cf_fail(error, CF_FORGED, "a content key is not the one that was committed to");
    memcpy(found->key, key, CF_KEY_SIZE);
    found->known = true;
    return CF_OK;
}

bool cf_ring_holds(const cf_ring *ring, const cf_hash *epoch)
{
    return cf_ring_key(ring, epoch) != NULL;
}

size_t cf_ring_count(const cf_ring *ring)
{
    return ring->count;
}

const uint8_t *cf_ring_key_at(const cf_ring *ring, size_t index)
{
    return ring->slots[index].known ? ring->slots[index].key : NULL;
}

const cf_hash *cf_ring_epoch(const cf_ring *ring, size_t index)
{
    return &ring->slots[index].epoch;
}

const cf_hash *cf_ring_commitment(const cf_ring *ring, const cf_hash *epoch)
{
    const slot *found = find(ring, epoch);

    return found ? &found->commitment : NULL;
}

const uint8_t *cf_ring_key(const cf_ring *ring, const cf_hash *epoch)
{
    const slot *found = find(ring, epoch);

    return found && found->known ? found->key : NULL;
}

cf_status cf_ring_extract(const cf_ring *ring, const cf_hash *epoch, cf_ring **out, cf_error *error)
{
    const slot *found = find(ring, epoch);

    if (!found || !found->known)
        return cf_fail(error, CF_MISSING, "this device does not have the content key (yet)");
    cf_ring *made = cf_ring_new(&ring->user);
    make_room(made);
    made->slots[made->count++] = *found;
    *out = made;
    return CF_OK;
}

cf_status cf_ring_derive(const cf_ring *ring, const cf_hash *epoch, const cf_id *collection,
                         cf_purpose purpose, uint8_t out[CF_KEY_SIZE], cf_error *error)
{
    static const char *const purposes[] = {
        [CF_PURPOSE_BODY] = "body key",
        [CF_PURPOSE_BLOB] = "blob key",
        [CF_PURPOSE_NONCE] = "nonce key",
        [CF_PURPOSE_LOCK] = "lock key",
    };
    const uint8_t *key = cf_ring_key(ring, epoch);
    uint8_t collection_key[CF_KEY_SIZE];

    if (!key)
        return cf_fail(error, CF_MISSING, "this device does not have the content key (yet)");
    cf_key_derive(key, "collection key", cf_bytes_of(collection->bytes, CF_ID_SIZE),
                  collection_key);
    cf_key_derive(collection_key, purposes[purpose], cf_bytes_of(NULL, 0), out);
    cf_wipe(collection_key, sizeof collection_key);
    return CF_OK;
}

cf_status cf_ring_collection_id(const cf_ring *ring, cf_bytes first_name, cf_id *out,
                                cf_error *error)
{
    uint8_t hash[CF_KEY_SIZE];

    if (ring->count == 0 || !ring->slots[0].known)
        return cf_fail(error, CF_MISSING, "this device does not have the first content key (yet)");
    cf_key_derive(ring->slots[0].key, "collection id", first_name, hash);
    memcpy(out->bytes, hash, CF_ID_SIZE);
    return CF_OK;
}

/* --- The file of secrets: [1, user, seed, [[epoch, commitment, key or nil]…]], then a checksum ---
 */

enum { SECRETS_VERSION = 1, SLOT_SIZE_MAX = 128, SECRETS_HEAD_MAX = 256 };

void cf_secrets_pack(const cf_keys *device, const cf_ring *ring, cf_buffer *out)
{
    size_t start = out->size;

    cf_buffer_reserve(out, SECRETS_HEAD_MAX + ring->count * SLOT_SIZE_MAX);
    cf_pack_array(out, 4);
    cf_pack_uint(out, SECRETS_VERSION);
    cf_pack_bin(out, cf_bytes_of(ring->user.bytes, CF_HASH_SIZE));
    cf_pack_bin(out, cf_bytes_of(cf_keys_seed(device), CF_KEY_SIZE));
    cf_pack_array(out, ring->count);
    for (size_t i = 0; i < ring->count; i++) {
        const slot *each = &ring->slots[i];

        cf_pack_array(out, 3);
        cf_pack_bin(out, cf_bytes_of(each->epoch.bytes, CF_HASH_SIZE));
        cf_pack_bin(out, cf_bytes_of(each->commitment.bytes, CF_HASH_SIZE));
        if (each->known)
            cf_pack_bin(out, cf_bytes_of(each->key, CF_KEY_SIZE));
        else
            cf_pack_nil(out);
    }
    cf_bytes packed = cf_bytes_of(out->data + start, out->size - start);
    cf_hash check = cf_hash_of("secrets", &packed, 1);
    cf_buffer_append(out, check.bytes, CF_HASH_SIZE);
}

static cf_status read_slot(cf_reader *reader, cf_ring *ring, cf_error *error)
{
    cf_hash epoch, commitment;
    cf_bytes key;
    cf_type type;
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status && count != 3)
        status = cf_fail(error, CF_MALFORMED, "an epoch has %zu parts", count);
    if (!status)
        status = cf_read_bin_exact(reader, epoch.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_bin_exact(reader, commitment.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_type(reader, &type, error);
    if (status)
        return status;
    cf_ring_expect(ring, &epoch, &commitment);
    if (type == CF_TYPE_NIL)
        return cf_read_nil(reader, error);
    status = cf_read_bin(reader, &key, error);
    if (!status && key.size != CF_KEY_SIZE)
        status = cf_fail(error, CF_MALFORMED, "a key has %zu bytes", key.size);
    return status ? status : cf_ring_give(ring, &epoch, key.data, error);
}

/* Reads up to the seed and makes both objects. */
static cf_status read_head(cf_reader *reader, cf_keys **device, cf_ring **ring, cf_error *error)
{
    uint64_t version;
    cf_hash user;
    cf_bytes seed;
    size_t count;

    cf_status status = cf_read_array(reader, &count, error);
    if (!status)
        status = cf_read_uint(reader, &version, error);
    if (!status && (version != SECRETS_VERSION || count != 4))
        status = cf_fail(error, CF_BROKEN, "they are of a newer format");
    if (!status)
        status = cf_read_bin_exact(reader, user.bytes, CF_HASH_SIZE, error);
    if (!status)
        status = cf_read_bin(reader, &seed, error);
    if (!status && seed.size != CF_KEY_SIZE)
        status = cf_fail(error, CF_MALFORMED, "a seed has %zu bytes", seed.size);
    if (status)
        return status;
    *device = cf_keys_new(seed.data);
    *ring = cf_ring_new(&user);
    return CF_OK;
}

cf_status cf_secrets_read(cf_bytes bytes, cf_keys **device, cf_ring **ring, cf_error *error)
{
    cf_keys *keys = NULL;
    cf_ring *read = NULL;
    size_t count = 0;
    cf_status status;

    if (bytes.size < CF_HASH_SIZE) {
        status = cf_fail(error, CF_BROKEN, "they are cut short");
        goto done;
    }
    cf_bytes packed = cf_bytes_of(bytes.data, bytes.size - CF_HASH_SIZE);
    cf_hash check = cf_hash_of("secrets", &packed, 1);
    if (memcmp(check.bytes, bytes.data + packed.size, CF_HASH_SIZE) != 0) {
        status = cf_fail(error, CF_BROKEN, "their checksum is wrong");
        goto done;
    }
    cf_reader reader = cf_reader_of(packed);
    status = read_head(&reader, &keys, &read, error);
    if (!status)
        status = cf_read_array(&reader, &count, error);
    for (size_t i = 0; !status && i < count; i++)
        status = read_slot(&reader, read, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (status)
        goto done;
    *device = keys;
    *ring = read;
    keys = NULL;
    read = NULL;
done:
    if (status) {
        status = error->status = CF_BROKEN;
        cf_error_while(error, "reading the device's secrets");
    }
    cf_keys_destroy(&keys);
    cf_ring_destroy(&read);
    return status;
}
