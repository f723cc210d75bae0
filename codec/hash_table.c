/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/hash_table.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

enum { FIRST_SIZE = 16 };

static cf_hash_link **bucket_of(const cf_hash_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->size - 1)];
}

static void grow(cf_hash_table *table, size_t size)
{
    cf_hash_table larger = {.size = size, .count = table->count};

    larger.buckets = cf_allocate(larger.size, sizeof(cf_hash_link *));
    for (size_t i = 0; i < table->size; i++) {
        cf_hash_link *reversed = NULL; /* so that the latest stays first */

        for (cf_hash_link *link = table->buckets[i], *next; link; link = next) {
            next = link->next;
            link->next = reversed;
            reversed = link;
        }
        for (cf_hash_link *link = reversed, *next; link; link = next) {
            next = link->next;
            cf_hash_link **bucket = bucket_of(&larger, link->hash);
            link->next = *bucket;
            *bucket = link;
        }
    }
    free(table->buckets);
    *table = larger;
}

void cf_hash_table_reserve(cf_hash_table *table, size_t count)
{
    size_t size = table->size ? table->size : FIRST_SIZE;

    while (size < count)
        size *= 2;
    if (size > table->size)
        grow(table, size);
}

void cf_hash_table_add(cf_hash_table *table, cf_hash_link *link, uint64_t hash)
{
    if (table->count >= table->size)
        grow(table, table->size ? 2 * table->size : FIRST_SIZE);
    link->hash = hash;
    cf_hash_link **bucket = bucket_of(table, hash);
    link->next = *bucket;
    *bucket = link;
    table->count++;
}

void cf_hash_table_remove(cf_hash_table *table, cf_hash_link *link)
{
    cf_hash_link **at = bucket_of(table, link->hash);

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    link->next = NULL;
    table->count--;
}

static cf_hash_link *with_hash(cf_hash_link *link, uint64_t hash)
{
    while (link && link->hash != hash)
        link = link->next;
    return link;
}

cf_hash_link *cf_hash_table_first(const cf_hash_table *table, uint64_t hash)
{
    return table->size ? with_hash(*bucket_of(table, hash), hash) : NULL;
}

cf_hash_link *cf_hash_table_next(const cf_hash_link *link)
{
    return with_hash(link->next, link->hash);
}

cf_hash_link *cf_hash_table_walk(const cf_hash_table *table, const cf_hash_link *previous)
{
    size_t i = 0;

    if (previous) {
        if (previous->next)
            return previous->next;
        i = (previous->hash & (table->size - 1)) + 1;
    }
    for (; i < table->size; i++)
        if (table->buckets[i])
            return table->buckets[i];
    return NULL;
}

void cf_hash_table_release(cf_hash_table *table)
{
    free(table->buckets);
    *table = (cf_hash_table){0};
}

uint64_t cf_hash_bytes(uint64_t seed, cf_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    uint64_t hash = (seed + left) * UINT64_C(0x9e3779b97f4a7c15);

    while (left) {
        uint64_t word = 0;
        size_t step = left < sizeof word ? left : sizeof word;

        memcpy(&word, at, step);
        hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
        at += step;
        left -= step;
    }
    hash *= UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ hash >> 29;
}

/* ---- Against an adversary ---- */

static struct {
    uint8_t bytes[CF_HASH_KEY_SIZE];
    bool begun;
} chance;

void cf_hash_begin(const uint8_t key[CF_HASH_KEY_SIZE])
{
    _Static_assert(CF_HASH_KEY_SIZE == crypto_shorthash_KEYBYTES, "SipHash has another key");
    if (!chance.begun)
        memcpy(chance.bytes, key, sizeof chance.bytes);
    chance.begun = true;
}

uint64_t cf_hash_keyed(cf_bytes bytes)
{
    uint64_t hash;

    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "SipHash is of another size");
    crypto_shorthash((unsigned char *)&hash, bytes.data, bytes.size, chance.bytes);
    return hash;
}
