/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CF_TESTS_SUM_H
#define CF_TESTS_SUM_H
#include "codec/bytes.h"

#include <string.h>

/* What tells contents apart in one run: FNV-1a, eight bytes at a time, which is compared with
 * itself alone. */
static inline uint64_t sum_of_bytes(cf_bytes bytes)
{
    uint64_t sum = UINT64_C(14695981039346656037), word;

    for (size_t i = 0; i < bytes.size; i += sizeof word) {
        word = 0;
        memcpy(&word, bytes.data + i, bytes.size - i < sizeof word ? bytes.size - i : sizeof word);
        sum = (sum ^ word) * UINT64_C(1099511628211);
        sum ^= sum >> 29;
    }
    return sum;
}

#endif
