/* SPDX-License-Identifier: Apache-2.0 */
/* A changeset is taken when its last part is held, and each part before, in a row by `previous`,
 * or when what comes before the held ones counts already. Parts whose numbers don't follow each
 * other, or say another total, are none of it: 1 of 3, 2 of 4. */
#include "peer/log/changesets.h"

#include <stdlib.h>

#include "codec/hash_table.h"

typedef struct {
    cf_hash_link link; /* by the entry's hash */
    cf_head head;
    cf_hash previous;
    uint64_t part, parts;
    cf_buffer wire;
} held_part;

struct cf_changesets {
    cf_hash_table parts;
};

static uint64_t hash_of(const cf_hash *entry)
{
    return cf_hash_bytes(0, cf_bytes_of(entry->bytes, sizeof entry->bytes));
}

static held_part *find(const cf_changesets *self, const cf_hash *entry)
{
    for (cf_hash_link *link = cf_hash_table_first(&self->parts, hash_of(entry)); link;
         link = cf_hash_table_next(link)) {
        held_part *part = cf_container_of(link, held_part, link);

        if (cf_hash_equal(&part->head.hash, entry))
            return part;
    }
    return NULL;
}

static void drop(cf_changesets *self, held_part *part)
{
    cf_hash_table_remove(&self->parts, &part->link);
    cf_buffer_release(&part->wire);
    free(part);
}

cf_changesets *cf_changesets_new(void)
{
    return cf_allocate(1, sizeof(cf_changesets));
}

void cf_changesets_destroy(cf_changesets **changesets)
{
    if (!*changesets)
        return;
    for (cf_hash_link *link; (link = cf_hash_table_walk(&(*changesets)->parts, NULL));)
        drop(*changesets, cf_container_of(link, held_part, link));
    cf_hash_table_release(&(*changesets)->parts);
    free(*changesets);
    *changesets = NULL;
}

size_t cf_changesets_count(const cf_changesets *changesets)
{
    return changesets->parts.count;
}

void cf_changesets_hold(cf_changesets *changesets, const cf_entry *entry, uint64_t part,
                        uint64_t parts)
{
    if (find(changesets, &entry->hash))
        return;
    held_part *held = cf_allocate(1, sizeof *held);
    held->head = (cf_head){entry->header.writer, entry->header.sequence, entry->hash};
    held->previous = entry->header.previous;
    held->part = part;
    held->parts = parts;
    cf_buffer_append(&held->wire, entry->wire.data, entry->wire.size);
    cf_hash_table_add(&changesets->parts, &held->link, hash_of(&entry->hash));
}

/* How many parts before the last one are kept, in a row; where one is missing that does not count
 * either, false. */
static bool is_whole(const cf_changesets *self, const held_part *last, cf_part_counts *counts,
                     void *context, size_t *kept)
{
    const held_part *part = last;

    for (*kept = 1; part->part > 1; ++*kept) {
        const held_part *before = find(self, &part->previous);
        cf_head head = {part->head.writer, part->head.sequence - 1, part->previous};

        if (!before)
            return counts(context, &head);
        if (before->part != part->part - 1 || before->parts != part->parts)
            return false;
        part = before;
    }
    return true;
}

static void take(cf_changesets *self, held_part *last, size_t kept, cf_arena *arena,
                 cf_bytes **wires)
{
    *wires = cf_arena_allocate(arena, kept, sizeof **wires);
    for (size_t i = kept; i-- > 0;) {
        cf_hash previous = last->previous;

        (*wires)[i] = cf_arena_copy(arena, cf_buffer_view(&last->wire));
        drop(self, last);
        last = i ? find(self, &previous) : NULL;
    }
}

bool cf_changesets_take(cf_changesets *changesets, cf_part_counts *counts, void *context,
                        cf_arena *arena, cf_bytes **wires, size_t *count)
{
    for (cf_hash_link *link = cf_hash_table_walk(&changesets->parts, NULL); link;
         link = cf_hash_table_walk(&changesets->parts, link)) {
        held_part *last = cf_container_of(link, held_part, link);

        if (last->part != last->parts || !is_whole(changesets, last, counts, context, count))
            continue;
        take(changesets, last, *count, arena, wires);
        return true;
    }
    return false;
}
