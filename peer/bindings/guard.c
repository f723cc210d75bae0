/* SPDX-License-Identifier: Apache-2.0 */
/* May so much vanish at once? Where the user has said how much, that decides. Else each question
 * has two shares that are held, all and half of it, and from how many on it is asked at all. */
#include "peer/bindings/guard.h"

#include "codec/bytes.h"
#include "codec/id_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { HALF_FROM = 100, ALL_FROM = 10, OTHERS_HALF_FROM = 10, OTHERS_ALL_FROM = 3 };

cf_status cf_delete_word_read(const char *text, cf_delete_word *out, cf_error *error)
{
    char *end;

    errno = 0;
    unsigned long long limit = strtoull(text, &end, 10);
    bool percent = *end == '%';
    if (text[0] < '0' || text[0] > '9' || errno || end[percent ? 1 : 0] != '\0' ||
        limit > (percent ? 100 : CF_DELETE_LIMIT_MAX))
        return cf_fail(error, CF_USAGE,
                       "'%s' is no number of items up to 4294967295 and no percentage such as 30%%",
                       text);
    *out = (cf_delete_word){true, percent, limit};
    return CF_OK;
}

void cf_delete_word_show(cf_delete_word word, char out[CF_DELETE_WORD_TEXT])
{
    snprintf(out, CF_DELETE_WORD_TEXT, "%llu%s", (unsigned long long)word.limit,
             word.percent ? "%" : "");
}

cf_delete_word cf_delete_word_all(void)
{
    return (cf_delete_word){true, false, UINT64_MAX};
}

bool cf_delete_word_is_all(cf_delete_word word)
{
    return word.given && !word.percent && word.limit == UINT64_MAX;
}

static bool word_allows(cf_delete_word word, uint64_t gone, uint64_t items)
{
    return word.percent ? gone <= items / 100 * word.limit + items % 100 * word.limit / 100
                        : gone <= word.limit;
}

bool cf_guard_is_empty(const cf_guard_count *count)
{
    return count->items >= ALL_FROM && count->gone >= count->items;
}

bool cf_guard_allows(cf_delete_word word, const cf_guard_count *count)
{
    if (count->gone == 0)
        return true;
    if (word.given)
        return word_allows(word, count->gone, count->items);
    if (cf_guard_is_empty(count))
        return false;
    return count->older < HALF_FROM || count->gone_older <= count->older / 2;
}

bool cf_guard_are_few(uint64_t gone)
{
    return gone <= HALF_FROM / 2;
}

bool cf_guard_allows_fields(cf_delete_word word, const cf_guard_fields *fields)
{
    const uint64_t gone = fields->gone + fields->went, all = fields->count + fields->went;
    const cf_guard_count count = {gone, all, gone, all};

    return cf_guard_allows(word, &count) && (word.given || !fields->gone || fields->left);
}

bool cf_guard_allows_values(cf_delete_word word, uint64_t gone, uint64_t count)
{
    const cf_guard_count values = {gone, count, gone, count};

    return cf_guard_allows((cf_delete_word){0}, &values) ||
           (word.given && cf_guard_allows(word, &values));
}

bool cf_guard_allows_others(cf_delete_word word, uint64_t others, uint64_t items)
{
    if (others == 0)
        return true;
    if (word.given)
        return word_allows(word, others, items);
    return !(items >= OTHERS_HALF_FROM && others > items / 2) &&
           !(items >= OTHERS_ALL_FROM && others >= items);
}

/* ---- What went within the last minute ---- */

bool cf_is_recent(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms + CF_RECENT_MS > now_ms && at_ms < now_ms + CF_RECENT_MS;
}

static int by_item(const void *a, const void *b)
{
    return cf_id_compare(&((const cf_recent_deletion *)a)->item,
                         &((const cf_recent_deletion *)b)->item);
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
        if (cf_is_recent(one->at_ms, now_ms) &&
            !(kept && cf_id_equal(&merged[kept - 1].item, &one->item)))
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

        if (!cf_is_recent(one->at_ms, now_ms) || one->born_ms + CF_RECENT_MS > now_ms ||
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
