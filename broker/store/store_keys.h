/* SPDX-License-Identifier: Apache-2.0 */
/* The keys under which a store keeps things: numbers big-endian, the user first, so that one user's
 * things lie together and in order. */
#ifndef CF_BROKER_STORE_STORE_KEYS_H
#define CF_BROKER_STORE_STORE_KEYS_H
#include "codec/entry.h"

enum {
    CF_POSITION_KEY_SIZE = CF_HASH_SIZE + 8,                         /* user · position */
    CF_HEAD_KEY_SIZE = CF_HASH_SIZE + CF_ID_SIZE + 8 + CF_HASH_SIZE, /* user · a cf_head */
};

typedef struct {
    uint8_t bytes[CF_POSITION_KEY_SIZE];
} cf_position_key;

enum { CF_WRITER_KEY_SIZE = CF_HASH_SIZE + CF_ID_SIZE }; /* begins all head keys of a writer */

/* Of the tables `chain` and `heads`. */
typedef struct {
    uint8_t bytes[CF_HEAD_KEY_SIZE];
} cf_head_key;

cf_position_key cf_position_key_of(const cf_hash *user, uint64_t position);
uint64_t cf_position_of_key(cf_bytes key);
cf_head_key cf_head_key_of(const cf_hash *user, const cf_head *head);
cf_head cf_head_of_key(cf_bytes key);

#endif
