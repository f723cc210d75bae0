/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/guard.h"

#include <errno.h>
#include <stdlib.h>

enum { MANY = 500, HALF_FROM = 10, ALL_FROM = 3 };

cf_status cf_delete_word_read(const char *text, cf_delete_word *out, cf_error *error)
{
    char *end;

    errno = 0;
    unsigned long long limit = strtoull(text, &end, 10);
    bool percent = *end == '%';
    if (end == text || text[0] == '-' || errno || end[percent ? 1 : 0] != '\0' ||
        (percent && limit > 100))
        return cf_fail(error, CF_USAGE, "'%s' is no number of items and no percentage such as 30%%",
                       text);
    *out = (cf_delete_word){true, percent, limit};
    return CF_OK;
}

cf_delete_word cf_delete_word_all(void)
{
    return (cf_delete_word){true, false, UINT64_MAX};
}

bool cf_guard_allows(cf_delete_word word, uint64_t deleted, uint64_t items)
{
    if (deleted == 0)
        return true;
    if (word.given)
        return word.percent ? deleted <= items / 100 * word.limit + items % 100 * word.limit / 100
                            : deleted <= word.limit;
    if (items >= HALF_FROM && deleted > items / 2)
        return false;
    return deleted <= MANY && !(items >= ALL_FROM && deleted >= items);
}
