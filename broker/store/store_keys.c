/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store/store_keys.h"

#include <assert.h>

cf_position_key cf_position_key_of(const cf_hash *user, uint64_t position)
{
    cf_position_key key;

    memcpy(key.bytes, user->bytes, CF_HASH_SIZE);
    cf_put_u64(key.bytes + CF_HASH_SIZE, position);
    return key;
}

uint64_t cf_position_of_key(cf_bytes key)
{
    assert(key.size == CF_POSITION_KEY_SIZE);
    return cf_get_u64(key.data + CF_HASH_SIZE);
}

cf_head_key cf_head_key_of(const cf_hash *user, const cf_head *head)
{
    cf_head_key key;
    uint8_t *at = key.bytes;

    memcpy(at, user->bytes, CF_HASH_SIZE);
    at += CF_HASH_SIZE;
    memcpy(at, head->writer.bytes, CF_ID_SIZE);
    at += CF_ID_SIZE;
    cf_put_u64(at, head->sequence);
    memcpy(at + 8, head->hash.bytes, CF_HASH_SIZE);
    return key;
}

cf_head cf_head_of_key(cf_bytes key)
{
    cf_head head;
    const uint8_t *at = key.data + CF_HASH_SIZE;

    assert(key.size == CF_HEAD_KEY_SIZE);
    memcpy(head.writer.bytes, at, CF_ID_SIZE);
    at += CF_ID_SIZE;
    head.sequence = cf_get_u64(at);
    memcpy(head.hash.bytes, at + 8, CF_HASH_SIZE);
    return head;
}
