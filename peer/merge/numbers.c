/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/numbers.h"

#include <stdlib.h>

#include "codec/bytes.h"

static int ascending(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

void cf_numbers_add(cf_numbers *numbers, uint64_t number)
{
    *cf_one_more(numbers->at, numbers->count, numbers->capacity) = number;
}

void cf_numbers_sort(cf_numbers *numbers)
{
    if (numbers->count)
        qsort(numbers->at, numbers->count, sizeof *numbers->at, ascending);
}

bool cf_numbers_have(const cf_numbers *sorted, uint64_t number)
{
    return sorted->count &&
           bsearch(&number, sorted->at, sorted->count, sizeof *sorted->at, ascending);
}

void cf_numbers_release(cf_numbers *numbers)
{
    free(numbers->at);
    *numbers = (cf_numbers){0};
}
