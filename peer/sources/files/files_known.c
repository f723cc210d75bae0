/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes are one file by kind, inode and birth, and at one place by directory and name. Of several
 * that fit, the first of the base comes first, so that what is listed alike is decided alike. */
#include "peer/sources/files/files_known.h"

#include <string.h>

/* Three hash tables of chains: `first` by hash, `next` by node, both indexes of nodes. */
typedef struct {
    size_t *first, *next;
    size_t mask;
} table;

struct cf_files_known {
    cf_arena *arena;
    const cf_identity_node *nodes;
    size_t count;
    table numbers, places, files;
    table names; /* of files; made when it is asked for */
};

static table table_new(cf_arena *arena, size_t count)
{
    size_t size = 16;

    while (size < 2 * count)
        size *= 2;
    table made = {.first = cf_arena_allocate(arena, size, sizeof *made.first),
                  .next = cf_arena_allocate(arena, count, sizeof *made.next),
                  .mask = size - 1};
    memset(made.first, 0xff, size * sizeof *made.first);
    return made;
}

static uint64_t mixed(uint64_t hash, uint64_t number)
{
    hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t hash_of_place(uint64_t parent, cf_bytes name)
{
    uint64_t hash = mixed(0, parent);

    for (size_t i = 0; i < name.size; i++)
        hash = mixed(hash, name.data[i]);
    return hash;
}

static void table_add(table *into, uint64_t hash, size_t index)
{
    into->next[index] = into->first[hash & into->mask];
    into->first[hash & into->mask] = index;
}

cf_files_known *cf_files_known_new(cf_arena *arena, const cf_identity_node *nodes, size_t count)
{
    cf_files_known *known = cf_arena_allocate(arena, 1, sizeof *known);

    *known = (cf_files_known){.arena = arena,
                              .nodes = nodes,
                              .count = count,
                              .numbers = table_new(arena, count),
                              .places = table_new(arena, count),
                              .files = table_new(arena, count)};
    for (size_t i = count; i-- > 0;) { /* backwards: chains are in the order of the nodes */
        table_add(&known->numbers, mixed(0, nodes[i].number), i);
        table_add(&known->places, hash_of_place(nodes[i].parent, nodes[i].name), i);
        table_add(&known->files, mixed(0, nodes[i].stat.inode), i);
    }
    return known;
}

size_t cf_files_known_number(const cf_files_known *known, uint64_t number)
{
    size_t at = known->numbers.first[mixed(0, number) & known->numbers.mask];

    while (at != CF_KNOWN_NONE && known->nodes[at].number != number)
        at = known->numbers.next[at];
    return at;
}

size_t cf_files_known_place(const cf_files_known *known, uint64_t parent, cf_bytes name)
{
    size_t at = known->places.first[hash_of_place(parent, name) & known->places.mask];

    while (at != CF_KNOWN_NONE &&
           (known->nodes[at].parent != parent || !cf_bytes_equal(known->nodes[at].name, name)))
        at = known->places.next[at];
    return at;
}

size_t cf_files_known_next_same(const cf_files_known *known, const cf_stat *stat, char kind,
                                size_t after)
{
    size_t at = after == CF_KNOWN_NONE
                    ? known->files.first[mixed(0, stat->inode) & known->files.mask]
                    : known->files.next[after];

    while (at != CF_KNOWN_NONE &&
           (known->nodes[at].kind != kind || !cf_stat_same_file(&known->nodes[at].stat, stat)))
        at = known->files.next[at];
    return at;
}

static void make_names(cf_files_known *known)
{
    known->names = table_new(known->arena, known->count);
    for (size_t i = known->count; i-- > 0;)
        table_add(&known->names, hash_of_place(known->nodes[i].stat.inode, known->nodes[i].name),
                  i);
}

size_t cf_files_known_next_named(cf_files_known *known, const cf_stat *stat, char kind,
                                 cf_bytes name, size_t after)
{
    if (!known->names.first)
        make_names(known);
    size_t at = after == CF_KNOWN_NONE
                    ? known->names.first[hash_of_place(stat->inode, name) & known->names.mask]
                    : known->names.next[after];

    while (at != CF_KNOWN_NONE &&
           (known->nodes[at].kind != kind || !cf_stat_same_file(&known->nodes[at].stat, stat) ||
            !cf_bytes_equal(known->nodes[at].name, name)))
        at = known->names.next[at];
    return at;
}

typedef struct {
    const cf_stat *stat;
    size_t number;
} indexed;

struct cf_stat_index {
    table chains;
    indexed *items;
    size_t count;
};

cf_stat_index *cf_stat_index_new(cf_arena *arena, size_t capacity)
{
    cf_stat_index *index = cf_arena_allocate(arena, 1, sizeof *index);

    index->chains = table_new(arena, capacity);
    index->items = cf_arena_allocate(arena, capacity, sizeof *index->items);
    return index;
}

void cf_stat_index_add(cf_stat_index *index, const cf_stat *stat, size_t number)
{
    index->items[index->count] = (indexed){stat, number};
    table_add(&index->chains, mixed(0, stat->inode), index->count++);
}

size_t cf_stat_index_find(const cf_stat_index *index, const cf_stat *stat)
{
    size_t at = index->chains.first[mixed(0, stat->inode) & index->chains.mask];

    while (at != CF_KNOWN_NONE && !cf_stat_same_file(index->items[at].stat, stat))
        at = index->chains.next[at];
    return at == CF_KNOWN_NONE ? CF_KNOWN_NONE : index->items[at].number;
}
