/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/entry_places.h"

#include <stdlib.h>

static int compare(const cf_entry_place *place, cf_bytes field, cf_bytes value)
{
    int order = cf_bytes_compare(place->field, field);

    return order ? order : cf_bytes_compare(place->value, value);
}

static int by_place(const void *left, const void *right)
{
    const cf_entry_place *a = left, *b = right;
    int order = compare(a, b->field, b->value);

    return order ? order : (a->index > b->index) - (a->index < b->index);
}

void cf_entry_places_sort(cf_entry_place *places, size_t count)
{
    if (count)
        qsort(places, count, sizeof *places, by_place);
}

size_t cf_entry_places_find(const cf_entry_place *places, size_t count, cf_bytes field,
                            cf_bytes value)
{
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (compare(&places[middle], field, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && cf_entry_place_is(&places[low], field, value) ? low : count;
}

bool cf_entry_place_is(const cf_entry_place *place, cf_bytes field, cf_bytes value)
{
    return compare(place, field, value) == 0;
}
