/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that a seed gives, the same ones everywhere. */
#ifndef CF_TESTS_CHANCE_H
#define CF_TESTS_CHANCE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} chance; /* {seed}; streams that have nothing to do with each other: chance_of_seed */

/* splitmix64, Steele et al. 2014. */
static inline uint64_t chance_next(chance *self)
{
    uint64_t z = (self->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline chance chance_of_seed(uint64_t seed, uint64_t stream)
{
    chance mixed = {stream};

    mixed.state = seed ^ chance_next(&mixed);
    mixed.state = chance_next(&mixed);
    return mixed;
}

static inline uint64_t chance_below(chance *self, uint64_t limit)
{
    return chance_next(self) % limit;
}

/* True once in so many times. */
static inline bool chance_one_in(chance *self, uint64_t times)
{
    return chance_below(self, times) == 0;
}

static inline void chance_fill(chance *self, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)chance_next(self);
}

/* Of a cf_env whose context is a chance. */
static inline void chance_random(void *self, void *out, size_t size)
{
    chance_fill(self, out, size);
}

#endif
