/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry names first, of heads that don't fit: the ones without which it is malformed
 * (where its device was added, where its epoch was opened), the member log's, what the body names,
 * the others; the newest first. Member heads leave half of the room to what the body names. */
#include "peer/log/after.h"

#include "broker/members/registry.h"
#include "codec/content.h"
#include "codec/item.h"
#include "peer/log/contents_ways.h"

#include <stdlib.h>
#include <string.h>

/* In the order in which they are chosen. */
enum rank { SOUND, MEMBER, NAMED, MEMBER_BEYOND, OTHER };

typedef struct {
    cf_head head;
    enum rank rank;
    uint64_t position; /* in the log */
} candidate;

/* ---- What the body names ---- */

/* Where a writer has one branch its head holds all; of several it is the one that ends with the
 * write, or may be any that is long enough. */
static void mark_writer(const cf_heads *heads, const cf_dot *dot, bool *named)
{
    size_t count, exact;
    const cf_head *run = cf_heads_of_writer(heads, &dot->writer, &count);

    for (exact = 0; exact < count; exact++)
        if (run[exact].sequence == dot->sequence &&
            memcmp(run[exact].hash.bytes, dot->hash, sizeof dot->hash) == 0)
            break;
    for (size_t i = 0; i < count; i++)
        if (exact < count ? i == exact : run[i].sequence >= dot->sequence)
            named[run - heads->heads + (ptrdiff_t)i] = true;
}

static void mark_dot(const cf_after *after, const cf_heads *heads, const cf_dot *dot, bool *named)
{
    size_t count;
    const cf_head *told = cf_heads_of_writer(after->told, &dot->writer, &count);

    if (count != 1 || told->sequence < dot->sequence) /* else it was told, with an earlier head */
        mark_writer(heads, dot, named);
}

static void mark_base(const cf_after *after, const cf_heads *heads, const cf_ways_table *ways,
                      const cf_change *change, bool *named)
{
    cf_content content;
    cf_ways found;
    cf_error ignored;

    if (!change->value.size || !cf_item_has_content(&change->item, change->field, change->value) ||
        cf_content_read(change->value, after->blob_count, &content, &ignored) ||
        !content.how.is_patch)
        return;
    const cf_content_key key = {*after->collection, content.how.base};
    if (cf_ways_get(ways, &key, &found, &ignored))
        return;
    for (size_t i = 0; i < found.count; i++) {
        const cf_head *entry = &found.at[i].entry;
        cf_dot dot = {.writer = entry->writer, .sequence = entry->sequence};

        memcpy(dot.hash, entry->hash.bytes, sizeof dot.hash);
        mark_dot(after, heads, &dot, named);
    }
}

/* For each head whether something that the body names is to be found behind it. */
static size_t mark_named(const cf_after *after, const cf_heads *heads, bool *named)
{
    cf_arena arena = {0};
    size_t count = 0, marked = 0;

    if (!after->body)
        return 0;
    cf_ways_table *ways = cf_ways_table_new(after->log);
    const cf_dot *dots = cf_body_dots(after->body, &arena, &count);
    for (size_t i = 0; i < count; i++)
        mark_dot(after, heads, &dots[i], named);
    for (size_t i = 0; i < after->body->change_count; i++)
        mark_base(after, heads, ways, &after->body->changes[i], named);
    for (size_t i = 0; i < heads->count; i++)
        marked += named[i];
    cf_ways_table_destroy(&ways);
    cf_arena_release(&arena);
    return marked;
}

bool cf_after_is_beyond(const cf_after *after, const cf_heads *heads)
{
    if (heads->count <= after->most)
        return false;
    bool *named = cf_allocate(heads->count, sizeof *named);
    bool beyond = mark_named(after, heads, named) > after->most / 2;
    free(named);
    return beyond;
}

/* ---- The choice ---- */

/* The first that reaches the author's adding, and the first that reaches the epoch: without these
 * the entry is malformed. */
static void mark_sound(const cf_after *after, candidate *all, size_t count)
{
    const cf_registry *registry = cf_log_registry(after->log);
    bool added = false, opened = !after->epoch;

    for (size_t i = 0; i < count && !(added && opened); i++) {
        const cf_head *head = &all[i].head;
        bool adds = !added && cf_registry_reaches_device(registry, head, 1, after->device);
        bool opens = !opened && cf_registry_reaches_epoch(registry, head, 1, after->epoch);

        if (adds || opens)
            all[i].rank = SOUND;
        added |= adds;
        opened |= opens;
    }
}

static int by_choice(const void *a, const void *b)
{
    const candidate *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return (x->position < y->position) - (x->position > y->position); /* the newest first */
}

/* Members that might keep out what the body names. */
static void yield_members(const cf_after *after, candidate *all, size_t count)
{
    size_t members = 0;

    for (size_t i = 0; i < count; i++)
        if (all[i].rank == MEMBER && ++members > after->most / 2 - 2)
            all[i].rank = MEMBER_BEYOND;
}

cf_status cf_after_cut(const cf_after *after, cf_heads *heads, cf_error *error)
{
    cf_store *store = cf_log_store(after->log);
    cf_status status = CF_OK;
    size_t count = heads->count;

    if (count <= after->most)
        return CF_OK;
    candidate *all = cf_allocate(count, sizeof *all);
    bool *named = cf_allocate(count, sizeof *named);
    mark_named(after, heads, named);
    for (size_t i = 0; !status && i < count; i++) {
        bool is_member = cf_heads_contain(after->members, &heads->heads[i]);

        all[i] = (candidate){heads->heads[i], is_member ? MEMBER : named[i] ? NAMED : OTHER, 0};
        status = store->find(store, cf_log_user(after->log), &all[i].head, &all[i].position, error);
        if (status == CF_MISSING) /* of entries that are made and not committed yet */
            status = CF_OK, all[i].position = UINT64_MAX;
    }
    if (!status) {
        mark_sound(after, all, count);
        qsort(all, count, sizeof *all, by_choice);
        yield_members(after, all, count);
        qsort(all, count, sizeof *all, by_choice);
        heads->count = 0;
        for (size_t i = 0; i < after->most; i++)
            cf_heads_insert(heads, &all[i].head);
    }
    free(named);
    free(all);
    return status;
}
