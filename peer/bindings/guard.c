/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/guard.h"

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
    const cf_guard_count count = {fields->gone, fields->count, fields->gone, fields->count};

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
