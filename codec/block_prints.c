/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/block_prints.h"

#include <sodium.h>

/* librsync's (src/rabinkarp.h): odd, and of no short period modulo 2^32. */
#define FACTOR 0x08104225u
enum { STRIDE = 16 };

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

/* Sixteen bytes at a time, whose products don't wait for each other. */
uint32_t cf_block_checksum(cf_bytes block)
{
    uint32_t weights[STRIDE], sum = 0;
    size_t at = 0;

    for (size_t i = 0; i < STRIDE; i++)
        weights[i] = power(STRIDE - 1 - i);
    const uint32_t stride = power(STRIDE);
    for (; block.size - at >= STRIDE; at += STRIDE) {
        sum *= stride;
        for (size_t i = 0; i < STRIDE; i++)
            sum += block.data[at + i] * weights[i];
    }
    for (; at < block.size; at++)
        sum = sum * FACTOR + block.data[at];
    return sum;
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
