/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/file_looks.h"

#include "codec/bytes.h"

#include <stdlib.h>

static int order(const void *a, const void *b)
{
    const cf_file_look *one = a, *other = b;

    if (one->size != other->size)
        return one->size < other->size ? -1 : 1;
    return (one->mtime_ns > other->mtime_ns) - (one->mtime_ns < other->mtime_ns);
}

void cf_file_looks_add(cf_file_looks *list, uint64_t size, int64_t mtime_ns)
{
    *cf_one_more(list->at, list->count, list->capacity) = (cf_file_look){size, mtime_ns};
}

void cf_file_looks_sort(cf_file_looks *list)
{
    if (list->count)
        qsort(list->at, list->count, sizeof *list->at, order);
}

bool cf_file_looks_have(const cf_file_looks *list, uint64_t size, int64_t mtime_ns)
{
    const cf_file_look wanted = {size, mtime_ns};

    return list->count && bsearch(&wanted, list->at, list->count, sizeof *list->at, order) != NULL;
}

void cf_file_looks_release(cf_file_looks *list)
{
    free(list->at);
    *list = (cf_file_looks){0};
}
