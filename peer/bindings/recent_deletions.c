/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/recent_deletions.h"

#include "codec/id_list.h"

#include <stdlib.h>

#include "codec/bytes.h"

static int by_item(const void *a, const void *b)
{
    return cf_id_compare(&((const cf_recent_deletion *)a)->item,
                         &((const cf_recent_deletion *)b)->item);
}

/* A clock that was set back makes nothing recent for longer. */
static bool is_recent(const cf_recent_deletion *one, uint64_t now_ms)
{
    return one->at_ms + CF_RECENT_MS > now_ms && one->at_ms < now_ms + CF_RECENT_MS;
}

void cf_recent_add(cf_recent_deletions *recent, cf_recent_deletion *added, size_t count,
                   uint64_t now_ms)
{
    const size_t all = recent->count + count;
    cf_recent_deletion *merged = all ? cf_allocate(all, sizeof *merged) : NULL;
    size_t kept = 0, old = 0;

    if (count)
        qsort(added, count, sizeof *added, by_item);
    for (size_t i = 0; i < count || old < recent->count;) {
        const int order = i == count             ? 1
                          : old == recent->count ? -1
                                                 : by_item(&added[i], &recent->at[old]);
        const cf_recent_deletion *one = order <= 0 ? &added[i++] : &recent->at[old++];

        if (order == 0)
            old++;
        if (is_recent(one, now_ms) && !(kept && cf_id_equal(&merged[kept - 1].item, &one->item)))
            merged[kept++] = *one;
    }
    free(recent->at);
    *recent = (cf_recent_deletions){merged, kept, all};
}

cf_recent_count cf_recent_counted(const cf_recent_deletions *recent, const cf_id *missing,
                                  size_t count, uint64_t now_ms)
{
    cf_ids sorted = {0};
    cf_recent_count counted = {0};

    cf_ids_add_all(&sorted, missing, recent->count ? count : 0);
    cf_ids_sort(&sorted);
    for (size_t i = 0; i < recent->count; i++) {
        const cf_recent_deletion *one = &recent->at[i];

        if (!is_recent(one, now_ms) || one->born_ms + CF_RECENT_MS > now_ms ||
            cf_ids_has(&sorted, &one->item))
            continue;
        counted.items++;
        counted.older += one->older;
    }
    free(sorted.at);
    return counted;
}

cf_recent_count cf_recent_earlier_counted(const cf_recent_earlier *earlier, uint64_t now_ms)
{
    return earlier->until_ms > now_ms && earlier->until_ms <= now_ms + CF_RECENT_MS
               ? earlier->count
               : (cf_recent_count){0};
}

void cf_recent_release(cf_recent_deletions *recent)
{
    free(recent->at);
    *recent = (cf_recent_deletions){0};
}
