/* SPDX-License-Identifier: Apache-2.0 */
/* How long an entry is remembered: from when it is on its way until its append failed, or a
 * successor was stored. What is on its way more than once stays until the last of these has ended.
 */
#include "broker/log/unsettled_heads.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hash_table.h"

struct remembered {
    cf_hash_link link;
    cf_hash entry;
    cf_unsettled_head tip;
    size_t under_way;
};

struct cf_unsettled_heads {
    cf_hash_table by_entry;
};

cf_unsettled_heads *cf_unsettled_heads_new(void)
{
    return cf_allocate(1, sizeof(cf_unsettled_heads));
}

static void drop(cf_unsettled_heads *heads_under_way, struct remembered *found)
{
    cf_hash_table_remove(&heads_under_way->by_entry, &found->link);
    free((void *)found->tip.members);
    free(found);
}

void cf_unsettled_heads_destroy(cf_unsettled_heads **heads_under_way)
{
    if (!*heads_under_way)
        return;
    for (cf_hash_link *link = cf_hash_table_walk(&(*heads_under_way)->by_entry, NULL), *after; link;
         link = after) {
        after = cf_hash_table_walk(&(*heads_under_way)->by_entry, link);
        drop(*heads_under_way, cf_container_of(link, struct remembered, link));
    }
    cf_hash_table_release(&(*heads_under_way)->by_entry);
    free(*heads_under_way);
    *heads_under_way = NULL;
}

static struct remembered *find(const cf_unsettled_heads *heads_under_way, const cf_hash *entry)
{
    cf_hash_link *link = cf_hash_table_first(&heads_under_way->by_entry, cf_hash_hash(entry));

    while (link && !cf_hash_equal(&cf_container_of(link, struct remembered, link)->entry, entry))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, struct remembered, link) : NULL;
}

const cf_unsettled_head *cf_unsettled_heads_find(const cf_unsettled_heads *heads_under_way,
                                                 const cf_hash *entry)
{
    const struct remembered *found = find(heads_under_way, entry);

    return found ? &found->tip : NULL;
}

bool cf_unsettled_heads_is_under_way(const cf_unsettled_heads *heads_under_way,
                                     const cf_hash *entry)
{
    const struct remembered *found = find(heads_under_way, entry);

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
    struct remembered *found = find(heads_under_way, entry);

    if (!found) {
        found = cf_allocate(1, sizeof *found);
        found->entry = *entry;
        copy(&found->tip, tip);
        cf_hash_table_add(&heads_under_way->by_entry, &found->link, cf_hash_hash(entry));
    }
    found->under_way++;
}

static void forget(cf_unsettled_heads *heads_under_way, const cf_hash *entry)
{
    struct remembered *found = find(heads_under_way, entry);

    if (found && !found->under_way)
        drop(heads_under_way, found);
}

void cf_unsettled_heads_end(cf_unsettled_heads *heads_under_way, const cf_hash *entry,
                            const cf_hash *previous, bool worked)
{
    struct remembered *found = find(heads_under_way, entry);

    if (found)
        found->under_way--;
    forget(heads_under_way, worked ? previous : entry);
}
