/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of nodes: gathered, then put in order, then asked for. */
#ifndef CF_PEER_MERGE_NUMBERS_H
#define CF_PEER_MERGE_NUMBERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t *at;
    size_t count, capacity;
} cf_numbers; /* {0} is empty */

void cf_numbers_add(cf_numbers *numbers, uint64_t number);
void cf_numbers_sort(cf_numbers *numbers);
/* Of those that are in order. */
bool cf_numbers_have(const cf_numbers *sorted, uint64_t number);
void cf_numbers_release(cf_numbers *numbers);

#endif
