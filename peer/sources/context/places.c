/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/places.h"

#include <stdlib.h>

int cf_look_place_order(const cf_look_place *a, const cf_look_place *b)
{
    return a->folder != b->folder ? (a->folder > b->folder ? 1 : -1)
                                  : cf_bytes_compare(a->name, b->name);
}

static int by_place(const void *a, const void *b)
{
    return cf_look_place_order(a, b);
}

void cf_look_places_add(cf_look_places *places, uint64_t folder, cf_bytes name, cf_absence absence)
{
    *cf_one_more(places->at, places->count, places->capacity) =
        (cf_look_place){folder, name.size ? cf_arena_copy(&places->arena, name) : name, absence};
}

void cf_look_places_sort(cf_look_places *places)
{
    size_t kept = 0;

    if (places->count)
        qsort(places->at, places->count, sizeof *places->at, by_place);
    for (size_t i = 0; i < places->count; i++)
        if (kept == 0 || cf_look_place_order(&places->at[kept - 1], &places->at[i]))
            places->at[kept++] = places->at[i];
        else if (places->at[kept - 1].absence < places->at[i].absence)
            places->at[kept - 1].absence = places->at[i].absence;
    places->count = kept;
}

const cf_look_place *cf_look_places_find(const cf_look_places *sorted, uint64_t folder,
                                         cf_bytes name)
{
    const cf_look_place wanted = {.folder = folder, .name = name};

    return sorted->count ? bsearch(&wanted, sorted->at, sorted->count, sizeof *sorted->at, by_place)
                         : NULL;
}

void cf_look_places_release(cf_look_places *places)
{
    cf_arena_release(&places->arena);
    free(places->at);
    *places = (cf_look_places){0};
}
