/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/withheld.h"

#include <stdlib.h>

void cf_withheld_release(cf_withheld *withheld)
{
    free(withheld->at);
    *withheld = (cf_withheld){0};
}

size_t cf_withheld_count(const cf_withheld *withheld)
{
    size_t count = 0;

    for (size_t i = 0; i < withheld->count; i++)
        count += (size_t)(withheld->at[i].last.sequence - withheld->at[i].first) + 1;
    return count;
}

bool cf_withheld_has(const cf_withheld *withheld, const cf_head *entry)
{
    for (size_t i = 0; i < withheld->count; i++)
        if (cf_id_equal(&withheld->at[i].last.writer, &entry->writer) &&
            entry->sequence >= withheld->at[i].first &&
            entry->sequence <= withheld->at[i].last.sequence)
            return true;
    return false;
}

void cf_withheld_leave_out(const cf_withheld *withheld, cf_heads *heads)
{
    for (size_t i = 0; i < withheld->count; i++) {
        const cf_withheld_part *part = &withheld->at[i];

        if (!cf_heads_contain(heads, &part->last))
            continue;
        cf_heads_remove(heads, &part->last);
        if (part->before.sequence)
            cf_heads_insert(heads, &part->before);
    }
}
