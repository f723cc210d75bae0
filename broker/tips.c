/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/tips.h"

#include <stdlib.h>

enum { BUCKETS = 1024 };

struct remembered {
    struct remembered *next;
    cf_hash entry;
    cf_tip tip;
    size_t under_way;
};

struct cf_tips {
    struct remembered *buckets[BUCKETS];
};

cf_tips *cf_tips_new(void)
{
    return cf_allocate(1, sizeof(cf_tips));
}

void cf_tips_destroy(cf_tips **tips)
{
    if (!*tips)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*tips)->buckets[i]) {
            struct remembered *first = (*tips)->buckets[i];

            (*tips)->buckets[i] = first->next;
            free(first);
        }
    free(*tips);
    *tips = NULL;
}

/* The link that points at the entry, or at the end of its bucket. */
static struct remembered **place(const cf_tips *tips, const cf_hash *entry)
{
    struct remembered **at =
        (struct remembered **)&tips->buckets[cf_get_u32(entry->bytes) % BUCKETS];

    while (*at && !cf_hash_equal(&(*at)->entry, entry))
        at = &(*at)->next;
    return at;
}

const cf_tip *cf_tips_find(const cf_tips *tips, const cf_hash *entry)
{
    const struct remembered *found = *place(tips, entry);

    return found ? &found->tip : NULL;
}

bool cf_tips_is_under_way(const cf_tips *tips, const cf_hash *entry)
{
    const struct remembered *found = *place(tips, entry);

    return found && found->under_way;
}

void cf_tips_begin(cf_tips *tips, const cf_entry *entry)
{
    struct remembered **at = place(tips, &entry->hash);

    if (!*at) {
        *at = cf_allocate(1, sizeof **at);
        (*at)->entry = entry->hash;
        (*at)->tip = (cf_tip){entry->header.device, entry->header.collection, entry->header.epoch};
    }
    (*at)->under_way++;
}

static void forget(cf_tips *tips, const cf_hash *entry)
{
    struct remembered **at = place(tips, entry), *found = *at;

    if (!found || found->under_way)
        return;
    *at = found->next;
    free(found);
}

void cf_tips_end(cf_tips *tips, const cf_hash *entry, const cf_hash *previous, bool worked)
{
    struct remembered *found = *place(tips, entry);

    if (found)
        found->under_way--;
    forget(tips, worked ? previous : entry);
}
