/* SPDX-License-Identifier: Apache-2.0 */
/* The names of things: 32-byte hashes for what others check, 16-byte ids for what only its user
 * tells apart, and dots. All are plain data, compared byte by byte. */
#ifndef CF_CODEC_IDS_H
#define CF_CODEC_IDS_H
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { CF_HASH_SIZE = 32, CF_ID_SIZE = 16 };

/* SHA-256: user, device, entry header, blob, content. */
typedef struct {
    uint8_t bytes[CF_HASH_SIZE];
} cf_hash;

/* Item (its first byte is the kind), collection, writer. */
typedef struct {
    uint8_t bytes[CF_ID_SIZE];
} cf_id;

/* A dot names one entry of one branch of a writer, and with (item, field) one write. */
typedef struct {
    cf_id writer;
    uint64_t sequence; /* from 1 */
    uint8_t hash[16];  /* the first 16 bytes of the entry's header hash */
} cf_dot;

static inline int cf_hash_compare(const cf_hash *a, const cf_hash *b)
{
    return memcmp(a->bytes, b->bytes, CF_HASH_SIZE);
}
static inline bool cf_hash_equal(const cf_hash *a, const cf_hash *b)
{
    return cf_hash_compare(a, b) == 0;
}
static inline int cf_id_compare(const cf_id *a, const cf_id *b)
{
    return memcmp(a->bytes, b->bytes, CF_ID_SIZE);
}
static inline bool cf_id_equal(const cf_id *a, const cf_id *b)
{
    return cf_id_compare(a, b) == 0;
}
/* Orders by writer, sequence, hash. */
static inline int cf_dot_compare(const cf_dot *a, const cf_dot *b)
{
    int order = cf_id_compare(&a->writer, &b->writer);

    if (order == 0)
        order = (a->sequence > b->sequence) - (a->sequence < b->sequence);
    return order ? order : memcmp(a->hash, b->hash, sizeof a->hash);
}
static inline bool cf_dot_equal(const cf_dot *a, const cf_dot *b)
{
    return cf_dot_compare(a, b) == 0;
}

#endif
