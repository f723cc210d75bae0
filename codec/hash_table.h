/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive hash table: what is in it embeds a cf_hash_link, and brings its hash and its
 * equality. */
#ifndef CF_CODEC_HASH_TABLE_H
#define CF_CODEC_HASH_TABLE_H
#include "codec/bytes.h"
#include "codec/ids.h"

#define CF_HASH_KEY_SIZE 16

typedef struct cf_hash_link {
    struct cf_hash_link *next;
    uint64_t hash;
} cf_hash_link;

typedef struct {
    cf_hash_link **buckets;
    size_t size, count;
} cf_hash_table; /* {0} is empty */

void cf_hash_table_add(cf_hash_table *table, cf_hash_link *link, uint64_t hash);
void cf_hash_table_remove(cf_hash_table *table, cf_hash_link *link);
/* Makes room for so many links at once. */
void cf_hash_table_reserve(cf_hash_table *table, size_t count);
/* All links of this hash, the latest first. */
cf_hash_link *cf_hash_table_first(const cf_hash_table *table, uint64_t hash);
cf_hash_link *cf_hash_table_next(const cf_hash_link *link);
/* Every link, in no order: `previous` NULL gives the first. Take the next before you free one. */
cf_hash_link *cf_hash_table_walk(const cf_hash_table *table, const cf_hash_link *previous);
/* Frees the table, not what is in it; {0} afterwards. */
void cf_hash_table_release(cf_hash_table *table);

/* For tables only, not against an adversary. */
uint64_t cf_hash_bytes(uint64_t seed, cf_bytes bytes);
static inline uint64_t cf_hash_id(uint64_t seed, const cf_id *id)
{
    return cf_hash_bytes(seed, cf_bytes_of(id->bytes, sizeof id->bytes));
}

/* Of what strangers choose: without the key nobody can choose bytes that meet in one bucket.
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). */
uint64_t cf_hash_keyed(cf_bytes bytes);
/* The key, from chance, before there is any table or thread; later ones are ignored. Until then it
 * is all zeros, the same in every run. */
void cf_hash_begin(const uint8_t key[CF_HASH_KEY_SIZE]);
static inline uint64_t cf_hash_hash(const cf_hash *hash)
{
    return cf_hash_keyed(cf_bytes_of(hash->bytes, sizeof hash->bytes));
}

#endif
