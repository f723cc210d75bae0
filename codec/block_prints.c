/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/block_prints.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

/* librsync's (src/rabinkarp.h): odd, and of no short period modulo 2^32. */
#define FACTOR 0x08104225u
enum { LANES = 32 };

size_t cf_block_size(uint64_t size)
{
    size_t block = CF_BLOCK_MIN;

    while (block < CF_LEAF_SIZE && size > block * CF_BLOCKS_MAX)
        block *= 2;
    return block < CF_LEAF_SIZE ? block : 0;
}

uint64_t cf_block_count(uint64_t size)
{
    const size_t block = cf_block_size(size);

    return block ? size / block + (size % block != 0) : 0;
}

/* The power FACTOR^exponent. */
static uint32_t power(size_t exponent)
{
    uint32_t result = 1, square = FACTOR;

    for (; exponent; exponent /= 2, square *= square)
        if (exponent % 2)
            result *= square;
    return result;
}

/* Each lane takes every LANES-th byte, so that none waits for another. */
__attribute__((always_inline)) static inline uint32_t checksum_in_lanes(cf_bytes block)
{
    uint32_t lanes[LANES] = {0};
    uint32_t sum = 0;
    size_t at = 0;

    const uint32_t stride = power(LANES);
    for (; block.size - at >= LANES; at += LANES)
        for (size_t i = 0; i < LANES; i++)
            lanes[i] = lanes[i] * stride + block.data[at + i];
    for (size_t i = 0; i < LANES; i++)
        sum = sum * FACTOR + lanes[i];
    for (; at < block.size; at++)
        sum = sum * FACTOR + block.data[at];
    return sum;
}

#ifdef __x86_64__
/* With the instructions that most machines have, and no compiler expects by itself. */
__attribute__((target("avx2"))) static uint32_t checksum_avx2(cf_bytes block)
{
    return checksum_in_lanes(block);
}
#endif

uint32_t cf_block_checksum(cf_bytes block)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return checksum_avx2(block);
#endif
    return checksum_in_lanes(block);
}

void cf_block_print(const uint8_t key[CF_BLOCK_KEY], cf_bytes block, uint8_t out[CF_BLOCK_PRINT])
{
    cf_put_u32(out, cf_block_checksum(block));
    crypto_onetimeauth(out + 4, block.data, block.size, key);
}

cf_block_window cf_block_window_of(cf_bytes bytes)
{
    return (cf_block_window){cf_block_checksum(bytes), power(bytes.size)};
}

/*     F^(n-1)·a + … + z   becomes   F^(n-1)·b + … + F·z + y   */
void cf_block_window_move(cf_block_window *window, uint8_t leaves, uint8_t comes)
{
    window->sum = window->sum * FACTOR - leaves * window->weight + comes;
}

/* ---- The search ---- */

enum {
    WINDOW = 1 << 20,   /* bytes of the target that are held */
    PROBES_MAX = 16,    /* slots looked at for one checksum */
    VAIN_FACTOR = 4,    /* hashed without a match: so many times the target, */
    VAIN_FREE = 1 << 24 /* and this */
};

typedef struct {
    uint32_t sum;
    uint32_t block; /* its number and one; 0: free */
} slot;

struct cf_block_search {
    const cf_block_prints *source;
    const cf_reader_at *target;
    uint64_t block; /* bytes */
    slot *slots;
    unsigned bits; /* of the count of slots */
    uint8_t *window;
    uint64_t begin, end; /* which bytes of the target the window holds */
    uint64_t vain;       /* bytes hashed for nothing */
};

static const uint8_t *print_of(const cf_block_search *self, uint64_t block)
{
    return self->source->prints.data + block * CF_BLOCK_PRINT;
}

static uint64_t length_of(const cf_block_search *self, uint64_t block)
{
    const uint64_t left = self->source->size - block * self->block;

    return left < self->block ? left : self->block;
}

/* ---- Checksum → blocks ---- */

static slot *first_slot(const cf_block_search *self, uint32_t sum)
{
    return &self->slots[(sum * 0x9e3779b1u) >> (32 - self->bits)];
}

static slot *next_slot(const cf_block_search *self, slot *at)
{
    return at + 1 == self->slots + ((size_t)1 << self->bits) ? self->slots : at + 1;
}

/* Of equal blocks the first; of blocks with one checksum only some. */
static void add_block(cf_block_search *self, uint64_t block)
{
    const uint8_t *print = print_of(self, block);
    const uint32_t sum = cf_get_u32(print);
    slot *at = first_slot(self, sum);

    for (int i = 0; i < PROBES_MAX && at->block; i++, at = next_slot(self, at))
        if (at->sum == sum && memcmp(print_of(self, at->block - 1), print, CF_BLOCK_PRINT) == 0)
            return;
    if (!at->block)
        *at = (slot){sum, (uint32_t)block + 1};
}

cf_block_search *cf_block_search_new(const cf_block_prints *source, const cf_reader_at *target)
{
    cf_block_search *self = cf_allocate(1, sizeof *self);
    const uint64_t count = cf_block_count(source->size);

    self->source = source;
    self->target = target;
    self->block = cf_block_size(source->size);
    self->window = cf_allocate(WINDOW, 1);
    for (self->bits = 1; (uint64_t)1 << self->bits < 2 * count;)
        self->bits++;
    self->slots = cf_allocate((size_t)1 << self->bits, sizeof *self->slots);
    for (uint64_t i = 0; i < source->size / self->block; i++)
        add_block(self, i);
    return self;
}

void cf_block_search_destroy(cf_block_search **search)
{
    if (!*search)
        return;
    free((*search)->window);
    free((*search)->slots);
    free(*search);
    *search = NULL;
}

/* ---- The target ---- */

/* The bytes of the target from `from` on, up to the end of a block that begins before `to`. */
static cf_status hold(cf_block_search *self, uint64_t from, uint64_t to, cf_error *error)
{
    const uint64_t size = self->target->size;
    const uint64_t wanted = size - to < self->block ? size : to + self->block;

    if (from >= self->begin && wanted <= self->end)
        return CF_OK;
    self->begin = self->end = from;
    const uint64_t held = size - from < WINDOW ? size - from : WINDOW;
    cf_status status = cf_reader_at_read(self->target, from, self->window, (size_t)held, error);
    if (!status)
        self->end = from + held;
    return status;
}

static cf_bytes target_at(const cf_block_search *self, uint64_t at, uint64_t size)
{
    return cf_bytes_of(self->window + (at - self->begin), (size_t)size);
}

/* ---- Matches ---- */

/* These bytes of the target are the block with this print; their checksums are equal. */
static bool has_print(cf_block_search *self, cf_bytes bytes, const uint8_t *print)
{
    uint8_t found[CF_BLOCK_PRINT];

    cf_block_print(self->source->key, bytes, found);
    const bool has = memcmp(found, print, CF_BLOCK_PRINT) == 0;
    self->vain += has ? 0 : bytes.size;
    return has;
}

/* This block of the source is what the target has there. */
static bool fits(cf_block_search *self, uint64_t block, uint64_t at, cf_block_match *out)
{
    if (block >= cf_block_count(self->source->size))
        return false;
    const uint64_t size = length_of(self, block);
    if (size > self->target->size - at)
        return false;
    const cf_bytes bytes = target_at(self, at, size);
    if (cf_block_checksum(bytes) != cf_get_u32(print_of(self, block)) ||
        !has_print(self, bytes, print_of(self, block)))
        return false;
    *out = (cf_block_match){at, block * self->block, size};
    return true;
}

/* One of the blocks with this checksum. */
static bool find_block(cf_block_search *self, uint32_t sum, uint64_t at, cf_block_match *out)
{
    const cf_bytes bytes = target_at(self, at, self->block);
    slot *of = first_slot(self, sum);

    for (int i = 0; i < PROBES_MAX && of->block; i++, of = next_slot(self, of)) {
        const uint64_t block = of->block - 1;

        if (of->sum != sum || !has_print(self, bytes, print_of(self, block)))
            continue;
        *out = (cf_block_match){at, block * self->block, self->block};
        return true;
    }
    return false;
}

static bool is_vain(const cf_block_search *self)
{
    return self->vain > VAIN_FACTOR * self->target->size + VAIN_FREE;
}

/* At every offset. */
static bool roll(cf_block_search *self, uint64_t from, uint64_t to, cf_block_match *out)
{
    const uint64_t size = self->block;

    if (size > self->target->size - from || is_vain(self))
        return false;
    if (self->target->size - size < to - 1)
        to = self->target->size - size + 1;
    cf_block_window window = cf_block_window_of(target_at(self, from, size));
    const uint8_t *bytes = target_at(self, from, size).data;
    for (uint64_t at = from;; at++, bytes++) {
        if (first_slot(self, window.sum)->block && find_block(self, window.sum, at, out))
            return true;
        if (at + 1 == to || is_vain(self))
            return false;
        cf_block_window_move(&window, bytes[0], bytes[size]);
    }
}

/* A last block that is shorter than the others is looked for where the target ends. */
static bool find_end(cf_block_search *self, uint64_t from, uint64_t to, cf_block_match *out)
{
    const uint64_t size = self->source->size % self->block;

    if (!size || size > self->target->size)
        return false;
    const uint64_t at = self->target->size - size;
    return at >= from && at < to && fits(self, self->source->size / self->block, at, out);
}

cf_status cf_block_search_find(cf_block_search *search, uint64_t from, uint64_t to, uint64_t next,
                               cf_block_match *out, cf_error *error)
{
    cf_block_search *self = search;

    *out = (cf_block_match){0};
    cf_status status = hold(self, from, to, error);
    if (status)
        return status;
    if (!(next % self->block == 0 && fits(self, next / self->block, from, out)) &&
        !(from % self->block == 0 && fits(self, from / self->block, from, out)) &&
        !roll(self, from, to, out))
        find_end(self, from, to, out);
    return CF_OK;
}
