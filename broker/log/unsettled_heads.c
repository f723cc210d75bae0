/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/unsettled_heads.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024 };

struct remembered {
    struct remembered *next;
    cf_hash entry;
    cf_unsettled_head tip;
    size_t under_way;
};

struct cf_unsettled_heads {
    struct remembered *buckets[BUCKETS];
};

cf_unsettled_heads *cf_unsettled_heads_new(void)
{
    return cf_allocate(1, sizeof(cf_unsettled_heads));
}

static void drop(struct remembered **at)
{
    struct remembered *found = *at;

    *at = found->next;
    free((void *)found->tip.members);
    free(found);
}

void cf_unsettled_heads_destroy(cf_unsettled_heads **heads_under_way)
{
    if (!*heads_under_way)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*heads_under_way)->buckets[i])
            drop(&(*heads_under_way)->buckets[i]);
    free(*heads_under_way);
    *heads_under_way = NULL;
}

/* The link that points at the entry, or at the end of its bucket. */
static struct remembered **place(const cf_unsettled_heads *heads_under_way, const cf_hash *entry)
{
    struct remembered **at =
        (struct remembered **)&heads_under_way->buckets[cf_get_u32(entry->bytes) % BUCKETS];

    while (*at && !cf_hash_equal(&(*at)->entry, entry))
        at = &(*at)->next;
    return at;
}

const cf_unsettled_head *cf_unsettled_heads_find(const cf_unsettled_heads *heads_under_way,
                                                 const cf_hash *entry)
{
    const struct remembered *found = *place(heads_under_way, entry);

    return found ? &found->tip : NULL;
}

bool cf_unsettled_heads_is_under_way(const cf_unsettled_heads *heads_under_way,
                                     const cf_hash *entry)
{
    const struct remembered *found = *place(heads_under_way, entry);

    return found && found->under_way;
}

static void copy(cf_unsettled_head *to, const cf_unsettled_head *tip)
{
    cf_head *members = NULL;

    if (tip->member_count) {
        members = cf_allocate(tip->member_count, sizeof *members);
        memcpy(members, tip->members, tip->member_count * sizeof *members);
    }
    *to = *tip;
    to->members = members;
}

void cf_unsettled_heads_begin(cf_unsettled_heads *heads_under_way, const cf_hash *entry,
                              const cf_unsettled_head *tip)
{
    struct remembered **at = place(heads_under_way, entry);

    if (!*at) {
        *at = cf_allocate(1, sizeof **at);
        (*at)->entry = *entry;
        copy(&(*at)->tip, tip);
    }
    (*at)->under_way++;
}

static void forget(cf_unsettled_heads *heads_under_way, const cf_hash *entry)
{
    struct remembered **at = place(heads_under_way, entry);

    if (*at && !(*at)->under_way)
        drop(at);
}

void cf_unsettled_heads_end(cf_unsettled_heads *heads_under_way, const cf_hash *entry,
                            const cf_hash *previous, bool worked)
{
    struct remembered *found = *place(heads_under_way, entry);

    if (found)
        found->under_way--;
    forget(heads_under_way, worked ? previous : entry);
}
