/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/lineage.h"

#include "broker/store/store.h"

#include <stdlib.h>
#include <string.h>

/* What is remembered may be forgotten at any time: it is found again. */
enum { BUCKETS = 256, REMEMBERED_MAX = 4096 };

/* The member past of one entry. */
struct memory {
    struct memory *next;
    cf_hash entry;
    cf_member_past past;
};

struct cf_lineage {
    cf_store *store;
    const cf_hash *user;
    const cf_registry *registry;
    const cf_tips *tips;
    struct memory *buckets[BUCKETS];
    size_t count;
};

cf_lineage *cf_lineage_new(cf_store *store, const cf_hash *user, const cf_registry *registry,
                           const cf_tips *tips)
{
    cf_lineage *lineage = cf_allocate(1, sizeof *lineage);

    lineage->store = store;
    lineage->user = user;
    lineage->registry = registry;
    lineage->tips = tips;
    return lineage;
}

static void drop(cf_lineage *lineage, struct memory **at)
{
    struct memory *memory = *at;

    *at = memory->next;
    cf_member_past_release(&memory->past);
    free(memory);
    lineage->count--;
}

static void forget_all(cf_lineage *lineage)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while (lineage->buckets[i])
            drop(lineage, &lineage->buckets[i]);
}

void cf_lineage_destroy(cf_lineage **lineage)
{
    if (!*lineage)
        return;
    forget_all(*lineage);
    free(*lineage);
    *lineage = NULL;
}

static struct memory **place(cf_lineage *lineage, const cf_hash *entry)
{
    struct memory **at = &lineage->buckets[cf_get_u32(entry->bytes) % BUCKETS];

    while (*at && !cf_hash_equal(&(*at)->entry, entry))
        at = &(*at)->next;
    return at;
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

static void remember(cf_lineage *lineage, const cf_hash *entry, const cf_member_past *past)
{
    struct memory *memory = cf_allocate(1, sizeof *memory);

    if (lineage->count >= REMEMBERED_MAX)
        forget_all(lineage);
    memory->entry = *entry;
    merge(&memory->past, past);
    struct memory **at = place(lineage, entry);
    *at = memory;
    lineage->count++;
}

/* Adds what one entry names itself, and goes to the one before it. */
static cf_status step_back(cf_lineage *lineage, cf_head *at, cf_member_past *past, cf_error *error)
{
    const cf_tip *tip = cf_tips_find(lineage->tips, &at->hash);
    cf_buffer wire = {0};
    cf_arena arena = {0};
    cf_entry entry;

    if (tip) {
        cf_registry_reach(lineage->registry, tip->members, tip->member_count, past);
        *at = tip->previous;
        return CF_OK;
    }
    cf_status status =
        cf_store_entry(lineage->store, lineage->user, at, &wire, &arena, &entry, error);
    if (!status) {
        cf_registry_reach(lineage->registry, entry.header.after, entry.header.after_count, past);
        *at = cf_head_before(&entry.header);
    }
    cf_arena_release(&arena);
    cf_buffer_release(&wire);
    return status;
}

cf_status cf_lineage_past(cf_lineage *lineage, const cf_header *header, cf_member_past *past,
                          cf_error *error)
{
    const cf_head previous = cf_head_before(header);
    cf_head at = previous;
    cf_member_past before = {0};
    cf_status status = CF_OK;

    while (!status && at.sequence > 0 && !*place(lineage, &at.hash))
        status = step_back(lineage, &at, &before, error);
    if (!status && at.sequence > 0) { /* known from here on */
        struct memory **found = place(lineage, &at.hash);

        merge(&before, &(*found)->past);
        if (!cf_hash_equal(&at.hash, &previous.hash))
            drop(lineage, found);
    }
    if (!status && previous.sequence > 0 && !*place(lineage, &previous.hash))
        remember(lineage, &previous.hash, &before);
    if (!status) {
        merge(past, &before);
        cf_registry_reach(lineage->registry, header->after, header->after_count, past);
    }
    cf_member_past_release(&before);
    return status;
}
