/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/tips.h"

#include <stdlib.h>
#include <string.h>

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

static void drop(struct remembered **at)
{
    struct remembered *found = *at;

    *at = found->next;
    free((void *)found->tip.members);
    free(found);
}

void cf_tips_destroy(cf_tips **tips)
{
    if (!*tips)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*tips)->buckets[i])
            drop(&(*tips)->buckets[i]);
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

static void copy(cf_tip *to, const cf_tip *tip)
{
    cf_head *members = NULL;

    if (tip->member_count) {
        members = cf_allocate(tip->member_count, sizeof *members);
        memcpy(members, tip->members, tip->member_count * sizeof *members);
    }
    *to = *tip;
    to->members = members;
}

void cf_tips_begin(cf_tips *tips, const cf_hash *entry, const cf_tip *tip)
{
    struct remembered **at = place(tips, entry);

    if (!*at) {
        *at = cf_allocate(1, sizeof **at);
        (*at)->entry = *entry;
        copy(&(*at)->tip, tip);
    }
    (*at)->under_way++;
}

static void forget(cf_tips *tips, const cf_hash *entry)
{
    struct remembered **at = place(tips, entry);

    if (*at && !(*at)->under_way)
        drop(at);
}

void cf_tips_end(cf_tips *tips, const cf_hash *entry, const cf_hash *previous, bool worked)
{
    struct remembered *found = *place(tips, entry);

    if (found)
        found->under_way--;
    forget(tips, worked ? previous : entry);
}
