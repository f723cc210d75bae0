/* SPDX-License-Identifier: Apache-2.0 */
/* When all of a world has come to rest, and whether what it holds is alike. */
#ifndef CF_TESTS_REST_H
#define CF_TESTS_REST_H
#include "codec/bytes.h"

typedef struct {
    void *world;
    bool (*round)(void *world); /* false: somebody does not come to an end */
    void (*list)(void *world, cf_buffer *out);
    uint64_t (*entries)(void *world);
    int rounds;         /* at most */
    bool ends_at_first; /* at the first round that is false, else another one may be true */
} resting;

/* After at least two rounds the last changed nothing: neither what is listed, nor the log. */
bool comes_to_rest(const resting *how);

/* What one device lists, and another. Else: both are appended to `difference`. */
bool lists_alike(cf_bytes one, int number, cf_bytes other, int other_number, cf_buffer *difference);

#endif
