/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers that a seed gives, the same ones everywhere. */
#ifndef CF_TESTS_CHANCE_H
#define CF_TESTS_CHANCE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} chance;

/* Streams of one seed have nothing to do with each other. */
chance chance_of_seed(uint64_t seed, uint64_t stream);
uint64_t chance_next(chance *self);
uint64_t chance_below(chance *self, uint64_t limit);
/* True once in so many times. */
bool chance_one_in(chance *self, uint64_t times);
void chance_fill(chance *self, void *out, size_t size);

#endif
