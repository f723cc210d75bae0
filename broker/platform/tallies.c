/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/tallies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000 };

static cf_tally *find(const cf_tallies *tallies, const char *kind, const char *source)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (strcmp(tallies->list[i].kind, kind) == 0 &&
            strcmp(tallies->list[i].source, source) == 0)
            return &tallies->list[i];
    return NULL;
}

/* The last places belong to the sums of all who have no place of their own. */
static cf_tally *find_or_add(cf_tallies *tallies, const char *kind, const char *source,
                             uint64_t now_ms)
{
    char kept[CF_TALLY_SOURCE];

    snprintf(kept, sizeof kept, "%s", source);
    cf_tally *found = find(tallies, kind, kept);
    if (!found && tallies->count >= CF_TALLIES_MAX) {
        kept[0] = '\0';
        found = find(tallies, kind, kept);
    }
    if (found)
        return found;
    found = cf_one_more(tallies->list, tallies->count, tallies->capacity);
    *found = (cf_tally){.kind = kind, .since_ms = now_ms};
    memcpy(found->source, kept, sizeof kept);
    return found;
}

cf_tally *cf_tallies_take(cf_tallies *tallies, const char *kind, const char *source, unsigned burst,
                          uint64_t now_ms)
{
    cf_tally *it = find_or_add(tallies, kind, source, now_ms);

    if (it->written < burst) {
        it->written++;
        return NULL;
    }
    it->counted++;
    return it;
}

uint64_t cf_tallies_tick(cf_tallies *tallies, uint64_t now_ms, cf_tallies_tell *tell, void *context)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = tallies->count; i-- > 0;) {
        cf_tally *it = &tallies->list[i];
        bool is_over = now_ms < it->since_ms || now_ms - it->since_ms >= MINUTE_MS;

        if (is_over) {
            if (it->counted)
                tell(context, it);
            *it = tallies->list[--tallies->count];
        } else if (it->since_ms + MINUTE_MS < next) {
            next = it->since_ms + MINUTE_MS;
        }
    }
    return next;
}

void cf_tallies_release(cf_tallies *tallies, cf_tallies_tell *tell, void *context)
{
    for (size_t i = 0; i < tallies->count; i++)
        if (tallies->list[i].counted)
            tell(context, &tallies->list[i]);
    free(tallies->list);
    *tallies = (cf_tallies){0};
}
