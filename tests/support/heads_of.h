/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_HEADS_OF_H
#define CF_TESTS_HEADS_OF_H
#include "codec/heads.h"

/* A set of these, one after the other. */
static inline cf_heads heads_of_all(const cf_head *heads, size_t count)
{
    cf_heads set = {0};

    for (size_t i = 0; i < count; i++)
        cf_heads_insert(&set, &heads[i]);
    return set;
}

#endif
