/* SPDX-License-Identifier: Apache-2.0 */
/* An entry's past in the member log is what its header names and the past of the entry before it,
 * walked back to an entry that is remembered. What is remembered moves to the newest entry of its
 * chain, and is dropped whole when it is too much. */
#include "broker/log/member_ancestry.h"

#include "broker/store/store.h"
#include "codec/hash_table.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered may be forgotten at any time: it is found again. */
enum { REMEMBERED_MAX = 4096 };

/* The member past of one entry. */
struct memory {
    cf_hash_link link;
    cf_hash entry;
    cf_member_past past;
};

struct cf_member_ancestry {
    cf_store *store;
    const cf_hash *user;
    const cf_registry *registry;
    const cf_unsettled_heads *heads_under_way;
    cf_hash_table by_entry;
};

cf_member_ancestry *cf_member_ancestry_new(cf_store *store, const cf_hash *user,
                                           const cf_registry *registry,
                                           const cf_unsettled_heads *heads_under_way)
{
    cf_member_ancestry *ancestry = cf_allocate(1, sizeof *ancestry);

    ancestry->store = store;
    ancestry->user = user;
    ancestry->registry = registry;
    ancestry->heads_under_way = heads_under_way;
    return ancestry;
}

static void drop(cf_member_ancestry *ancestry, struct memory *memory)
{
    cf_hash_table_remove(&ancestry->by_entry, &memory->link);
    cf_member_past_release(&memory->past);
    free(memory);
}

static void forget_all(cf_member_ancestry *ancestry)
{
    for (cf_hash_link *link = cf_hash_table_walk(&ancestry->by_entry, NULL), *after; link;
         link = after) {
        after = cf_hash_table_walk(&ancestry->by_entry, link);
        drop(ancestry, cf_container_of(link, struct memory, link));
    }
}

void cf_member_ancestry_destroy(cf_member_ancestry **ancestry)
{
    if (!*ancestry)
        return;
    forget_all(*ancestry);
    cf_hash_table_release(&(*ancestry)->by_entry);
    free(*ancestry);
    *ancestry = NULL;
}

static struct memory *find(const cf_member_ancestry *ancestry, const cf_hash *entry)
{
    cf_hash_link *link = cf_hash_table_first(&ancestry->by_entry, cf_hash_hash(entry));

    while (link && !cf_hash_equal(&cf_container_of(link, struct memory, link)->entry, entry))
        link = cf_hash_table_next(link);
    return link ? cf_container_of(link, struct memory, link) : NULL;
}

static void merge(cf_member_past *into, const cf_member_past *past)
{
    if (into->count < past->count) {
        uint64_t *grown = cf_allocate(past->count, sizeof *grown);

        if (into->count)
            memcpy(grown, into->words, into->count * sizeof *grown);
        free(into->words);
        *into = (cf_member_past){grown, past->count};
    }
    for (size_t i = 0; i < past->count; i++)
        into->words[i] |= past->words[i];
}

static void remember(cf_member_ancestry *ancestry, const cf_hash *entry, const cf_member_past *past)
{
    struct memory *memory = cf_allocate(1, sizeof *memory);

    if (ancestry->by_entry.count >= REMEMBERED_MAX)
        forget_all(ancestry);
    memory->entry = *entry;
    merge(&memory->past, past);
    cf_hash_table_add(&ancestry->by_entry, &memory->link, cf_hash_hash(entry));
}

/* Adds what one entry names itself, and goes to the one before it. */
static cf_status step_back(cf_member_ancestry *ancestry, cf_head *at, cf_member_past *past,
                           cf_error *error)
{
    const cf_unsettled_head *unsettled =
        cf_unsettled_heads_find(ancestry->heads_under_way, &at->hash);
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    if (unsettled) {
        cf_registry_reach(ancestry->registry, unsettled->members, unsettled->member_count, past);
        *at = unsettled->previous;
        return CF_OK;
    }
    cf_status status =
        cf_store_entry(ancestry->store, ancestry->user, at, &wire, &arena, &entry, error);
    if (!status) {
        cf_registry_reach(ancestry->registry, entry.header.after, entry.header.after_count, past);
        *at = cf_head_before(&entry.header);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

cf_status cf_member_ancestry_past(cf_member_ancestry *ancestry, const cf_header *header,
                                  cf_member_past *past, cf_error *error)
{
    const cf_head previous = cf_head_before(header);
    cf_head at = previous;
    cf_member_past before = {0};
    cf_status status = CF_OK;

    while (!status && at.sequence > 0 && !find(ancestry, &at.hash))
        status = step_back(ancestry, &at, &before, error);
    if (!status && at.sequence > 0) { /* known from here on */
        struct memory *found = find(ancestry, &at.hash);

        merge(&before, &found->past);
        if (!cf_hash_equal(&at.hash, &previous.hash))
            drop(ancestry, found);
    }
    if (!status && previous.sequence > 0 && !find(ancestry, &previous.hash))
        remember(ancestry, &previous.hash, &before);
    if (!status) {
        merge(past, &before);
        cf_registry_reach(ancestry->registry, header->after, header->after_count, past);
    }
    cf_member_past_release(&before);
    return status;
}
