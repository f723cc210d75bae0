/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are found by bisection, so only after they were put in order; who adds a number twice has
 * it there twice, which no question notices. */
#include "peer/merge/node_set.h"

#include <stdlib.h>

#include "codec/bytes.h"

static int ascending(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

void cf_node_set_add(cf_node_set *numbers, uint64_t number)
{
    *cf_one_more(numbers->at, numbers->count, numbers->capacity) = number;
}

void cf_node_set_sort(cf_node_set *numbers)
{
    if (numbers->count)
        qsort(numbers->at, numbers->count, sizeof *numbers->at, ascending);
}

bool cf_node_set_have(const cf_node_set *sorted, uint64_t number)
{
    return sorted->count &&
           bsearch(&number, sorted->at, sorted->count, sizeof *sorted->at, ascending);
}

void cf_node_set_release(cf_node_set *numbers)
{
    free(numbers->at);
    *numbers = (cf_node_set){0};
}
