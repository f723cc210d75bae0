/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/chance.h"

/* splitmix64, Steele et al. 2014. */
uint64_t chance_next(chance *self)
{
    uint64_t z = (self->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

chance chance_of_seed(uint64_t seed, uint64_t stream)
{
    chance mixed = {stream};

    mixed.state = seed ^ chance_next(&mixed);
    mixed.state = chance_next(&mixed);
    return mixed;
}

uint64_t chance_below(chance *self, uint64_t limit)
{
    return chance_next(self) % limit;
}

bool chance_one_in(chance *self, uint64_t times)
{
    return chance_below(self, times) == 0;
}

void chance_fill(chance *self, void *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)chance_next(self);
}
