/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/id_list.h"

#include "codec/bytes.h"

#include <stdlib.h>

void cf_ids_add(cf_ids *ids, const cf_id *id)
{
    *cf_one_more(ids->at, ids->count, ids->capacity) = *id;
}

void cf_ids_add_all(cf_ids *ids, const cf_id *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cf_ids_add(ids, &from[i]);
}

int cf_id_order(const void *a, const void *b)
{
    return cf_id_compare(a, b);
}

void cf_ids_sort(cf_ids *ids)
{
    size_t kept = 0;

    if (ids->count)
        qsort(ids->at, ids->count, sizeof *ids->at, cf_id_order);
    for (size_t i = 0; i < ids->count; i++)
        if (!kept || !cf_id_equal(&ids->at[kept - 1], &ids->at[i]))
            ids->at[kept++] = ids->at[i];
    ids->count = kept;
}

bool cf_id_is_in(const cf_id *id, const cf_id *at, size_t count)
{
    return count && bsearch(id, at, count, sizeof *at, cf_id_order);
}

bool cf_ids_has(const cf_ids *ids, const cf_id *id)
{
    return cf_id_is_in(id, ids->at, ids->count);
}

bool cf_ids_equal(const cf_ids *a, const cf_ids *b)
{
    return a->count == b->count &&
           (!a->count || memcmp(a->at, b->at, a->count * sizeof *a->at) == 0);
}
