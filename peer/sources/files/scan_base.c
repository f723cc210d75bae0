/* SPDX-License-Identifier: Apache-2.0 */
/* What of the base a look has to know: as much as was listed, not as there is. */
#include "peer/sources/files/scan_inside.h"

#include "codec/content.h"

#include <stdlib.h>

typedef struct {
    const cf_scan *scan;
    const cf_nodes *nodes;
    cf_node_set numbers;
    cf_node_set *owners; /* by listed folder: base directories that it may be */
} gathering;

static void fill(const cf_node *node, cf_identity_node *out)
{
    uint64_t size;
    cf_error ignored;

    *out = (cf_identity_node){
        .number = node->number,
        .parent = node->parent,
        .name = node->name,
        .kind = (char)node->kind,
        .stat = cf_stat_of_node(node),
        .disk = node->disk,
    };
    if (node->content.size)
        cf_content_identity_read(node->content, &out->content, &size, &ignored);
}

static void add_all_below(gathering *self, uint64_t folder)
{
    for (const cf_node *node = NULL; (node = cf_nodes_next_child(self->nodes, folder, node));) {
        cf_node_set_add(&self->numbers, node->number);
        if (node->kind == CF_KIND_DIRECTORY)
            add_all_below(self, node->number);
    }
}

static const cf_listed *entry_named(const cf_listing *listing, const cf_listed_folder *folder,
                                    cf_bytes name)
{
    size_t low = folder->first, high = folder->first + folder->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_bytes_compare(listing->entries[middle].name, name);

        if (order == 0)
            return &listing->entries[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* With all that is in it where it is not in its place: it may be gone, or somewhere else. */
static void add_node(gathering *self, const cf_listed_folder *folder, const cf_node *node)
{
    const cf_stat known = cf_stat_of_node(node);

    cf_node_set_add(&self->numbers, node->number);
    if (node->kind != CF_KIND_DIRECTORY)
        return;
    const cf_listed *there = entry_named(&self->scan->listing, folder, node->name);
    if (!there || !cf_stat_same_file(&known, &there->stat))
        add_all_below(self, node->number);
}

static void add_children(gathering *self, const cf_listed_folder *folder, uint64_t owner)
{
    const cf_node *node = NULL;

    for (size_t i = 0; i < folder->asked_count; i++)
        if ((node = cf_nodes_child(self->nodes, owner, folder->asked[i])))
            add_node(self, folder, node);
    for (node = NULL;
         !folder->asked_count && (node = cf_nodes_next_child(self->nodes, owner, node));)
        add_node(self, folder, node);
}

/* The directory that the base has in its place, and each that was this file. */
static void find_owners(gathering *self, size_t index)
{
    const cf_listing *listing = &self->scan->listing;
    const cf_listed_folder *folder = &listing->folders[index];
    cf_node_set *owners = &self->owners[index];
    const cf_node *node = NULL;

    if (folder->entry == CF_LISTED_START) {
        cf_node_set_add(owners, folder->node);
    } else {
        const cf_listed *entry = &listing->entries[folder->entry];
        const cf_node_set *above = &self->owners[entry->folder];

        for (size_t i = 0; i < above->count; i++)
            if ((node = cf_nodes_child(self->nodes, above->at[i], entry->name)))
                cf_node_set_add(owners, node->number);
    }
    for (node = NULL; folder->stat.inode &&
                      (node = cf_nodes_next_of_inode(self->nodes, folder->stat.inode, node));)
        if (node->kind == CF_KIND_DIRECTORY && !(owners->count && owners->at[0] == node->number))
            cf_node_set_add(owners, node->number);
}

static void drop_doubles(cf_node_set *numbers)
{
    size_t kept = 0;

    cf_node_set_sort(numbers);
    for (size_t i = 0; i < numbers->count; i++)
        if (kept == 0 || numbers->at[kept - 1] != numbers->at[i])
            numbers->at[kept++] = numbers->at[i];
    numbers->count = kept;
}

/* Of a directory without a birth time, that anything was in it says something. */
static void add_nodes_of(gathering *self, uint64_t inode)
{
    const cf_node *node = NULL, *child;

    while ((node = cf_nodes_next_of_inode(self->nodes, inode, node))) {
        cf_node_set_add(&self->numbers, node->number);
        if (node->kind == CF_KIND_DIRECTORY &&
            (child = cf_nodes_next_child(self->nodes, node->number, NULL)))
            cf_node_set_add(&self->numbers, child->number);
    }
}

/* Of a file with many names all may be listed: its nodes are asked for once. */
static void add_same_files(gathering *self)
{
    const cf_listing *listing = &self->scan->listing;
    cf_node_set inodes = {0};

    for (size_t i = 0; i < listing->entry_count; i++)
        if (listing->entries[i].kind)
            cf_node_set_add(&inodes, listing->entries[i].stat.inode);
    drop_doubles(&inodes);
    for (size_t i = 0; i < inodes.count; i++)
        add_nodes_of(self, inodes.at[i]);
    cf_node_set_release(&inodes);
}

/* Among the first `count`, which are sorted. They move as others are added. */
static bool has_first(const gathering *self, size_t count, uint64_t number)
{
    const cf_node_set first = {.at = self->numbers.at, .count = count};

    return cf_node_set_have(&first, number);
}

static void add_above(gathering *self)
{
    drop_doubles(&self->numbers);
    for (size_t i = 0, count = self->numbers.count; i < count; i++) {
        const cf_node *node = cf_nodes_find(self->nodes, self->numbers.at[i]);

        while (node && node->parent != CF_NODE_ROOT && !has_first(self, count, node->parent)) {
            node = cf_nodes_find(self->nodes, node->parent);
            if (node)
                cf_node_set_add(&self->numbers, node->number);
        }
    }
    drop_doubles(&self->numbers);
}

static void gather(gathering *self)
{
    const cf_listing *listing = &self->scan->listing;

    self->owners = cf_allocate(listing->folder_count, sizeof *self->owners);
    for (size_t i = 0; i < listing->folder_count; i++) {
        find_owners(self, i);
        for (size_t k = 0; k < self->owners[i].count; k++) {
            if (self->owners[i].at[k] != CF_NODE_ROOT)
                cf_node_set_add(&self->numbers, self->owners[i].at[k]);
            add_children(self, &listing->folders[i], self->owners[i].at[k]);
        }
    }
    add_same_files(self);
    add_above(self);
    for (size_t i = 0; i < listing->folder_count; i++)
        cf_node_set_release(&self->owners[i]);
    free(self->owners);
}

typedef struct {
    cf_identity_node *out;
    size_t count;
} filling;

/* ---- Where numbers don't last ---- */

static int order_number(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = ((const cf_identity_node *)b)->number;

    return (left > right) - (left < right);
}

/* Without births nothing tells whether the disk of a mount below the root does. */
static bool renumbers(const cf_scan *scan, const cf_identity_node *node)
{
    return cf_binding_renumbers(scan->options.binding, node->disk, node->stat.birth_ns);
}

static cf_identity_node *filled_node(const filling *self, uint64_t number)
{
    return bsearch(&number, self->out, self->count, sizeof *self->out, order_number);
}

static void renumber(const cf_scan *scan, filling *self, uint64_t number, const cf_stat *there)
{
    cf_identity_node *node = filled_node(self, number);

    if (!node || !renumbers(scan, node))
        return;
    node->stat.device = there->device;
    node->stat.inode = there->inode;
    node->stat.birth_ns = there->birth_ns;
}

static int order_nodes(const void *a, const void *b)
{
    return order_number(&((const cf_identity_node *)a)->number, b);
}

/* What is in its place has the number that it has there by now, and nothing else has any:
 *
 *     f1 was 7, f2 was 8; f2 is 7, f3 is 8    f2 is itself, f3 is new or what went, by its content
 */
static void renumber_all(const cf_scan *scan, filling *self)
{
    const cf_listing *listing = &scan->listing;

    for (size_t i = 0; i < self->count; i++)
        if (renumbers(scan, &self->out[i])) {
            self->out[i].stat.inode = 0;
            self->out[i].was_renamed = false;
        }
    for (size_t i = 0; i < listing->folder_count; i++)
        if (listing->folders[i].entry == CF_LISTED_START)
            renumber(scan, self, listing->folders[i].node, &listing->folders[i].stat);
    for (size_t i = 0; i < listing->entry_count; i++) {
        const cf_node *node = cf_scan_node_in_place(scan, i);

        if (node)
            renumber(scan, self, node->number, &listing->entries[i].stat);
    }
}

/* In the directory of this number: what the base has there, or, if that is nothing, what was told
 * to have been renamed to there, or `match`, which is known by what is in it. 0: none of these, or
 * it was seen already. */
static uint64_t renamed_there(const cf_scan *scan, const filling *self, uint64_t folder,
                              const cf_listed *listed, uint64_t match)
{
    const cf_nodes *nodes = scan->options.binding->nodes;
    const cf_look_place there = {.folder = folder, .name = listed->name};
    const cf_node *node = cf_nodes_child(nodes, folder, listed->name);
    cf_look_place from;

    if (!node && scan->options.renames && cf_renames_find(scan->options.renames, &there, &from))
        node = cf_nodes_child(nodes, from.folder, from.name);
    if (!node && match)
        node = cf_nodes_find(nodes, match);
    const cf_identity_node *filled = node ? filled_node(self, node->number) : NULL;
    return filled && filled->kind == listed->kind &&
                   (renumbers(scan, filled) ? !filled->stat.inode
                                            : cf_stat_same_file(&filled->stat, &listed->stat))
               ? filled->number
               : 0;
}

/* What is not where it was, and was told to be here, or is known by what is in it (`matches`, by
 * entry); and what is in such a directory as it was. A number that lasts may still be another's by
 * now, where there are no births: then only this tells. */
static void follow_renames(const cf_scan *scan, filling *self, const uint64_t *matches)
{
    const cf_listing *listing = &scan->listing;
    cf_arena arena = {0};
    uint64_t *numbers = cf_arena_allocate(&arena, listing->entry_count, sizeof *numbers);

    for (size_t f = 0; f < listing->folder_count; f++) {
        const cf_listed_folder *folder = &listing->folders[f];
        const bool starts = folder->entry == CF_LISTED_START;
        const uint64_t number = starts ? folder->node : numbers[folder->entry];

        for (size_t e = folder->first; e < folder->first + folder->count; e++) {
            const cf_listed *listed = &listing->entries[e];
            const cf_node *node = cf_scan_node_in_place(scan, e);

            numbers[e] = node               ? node->number
                         : starts || number ? renamed_there(scan, self, number, listed, matches[e])
                                            : 0;
            if (node || !numbers[e])
                continue;
            renumber(scan, self, numbers[e], &listed->stat);
            filled_node(self, numbers[e])->was_renamed = true;
        }
    }
    cf_arena_release(&arena);
}

static bool any_renumbers(const cf_scan *scan, const filling *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (renumbers(scan, &self->out[i]))
            return true;
    return false;
}

static void renumber_and_follow(cf_scan *scan, filling *self)
{
    const cf_renames *renames = scan->options.renames;
    cf_arena arena = {0};
    uint64_t *matches = cf_arena_allocate(&arena, scan->listing.entry_count, sizeof *matches);
    bool follows = renames && cf_renames_any(renames);

    scan->any_renumbers = any_renumbers(scan, self);
    if (scan->any_renumbers || follows)
        qsort(self->out, self->count, sizeof *self->out, order_nodes);
    if (scan->any_renumbers) {
        renumber_all(scan, self);
        if (cf_scan_is_whole(scan))
            follows |= cf_scan_match_members(scan, self->out, self->count, matches);
    }
    if (follows)
        follow_renames(scan, self, matches);
    cf_arena_release(&arena);
}

static void fill_next(void *context, const cf_node *node)
{
    filling *self = context;

    fill(node, &self->out[self->count++]);
}

static const cf_identity_node *keep(cf_scan *scan, const filling *filled, size_t *count)
{
    scan->base = filled->out;
    scan->base_count = *count = filled->count;
    return filled->out;
}

bool cf_scan_was_renamed(const cf_scan *scan, uint64_t number)
{
    const filling filled = {(cf_identity_node *)scan->base, scan->base_count};
    const cf_identity_node *node = scan->any_renumbers ? filled_node(&filled, number) : NULL;

    return node && node->was_renamed;
}

static const cf_identity_node *whole_base(cf_scan *scan, size_t *count)
{
    const cf_nodes *nodes = scan->options.binding->nodes;
    filling filled = {scan->whole_base, scan->whole_count};

    if (!filled.out) {
        filled.out = cf_arena_allocate(&scan->arena, cf_nodes_count(nodes), sizeof *filled.out);
        cf_nodes_each(nodes, fill_next, &filled);
        scan->whole_base = filled.out;
        scan->whole_count = filled.count;
    }
    renumber_and_follow(scan, &filled);
    return keep(scan, &filled, count);
}

const cf_identity_node *cf_scan_base(cf_scan *scan, size_t *count)
{
    gathering self = {.scan = scan, .nodes = scan->options.binding->nodes};
    filling filled = {0};

    if (cf_scan_is_whole(scan))
        return whole_base(scan, count);
    gather(&self);
    filled.out = cf_arena_allocate(&scan->identity_arena, self.numbers.count, sizeof *filled.out);
    for (size_t i = 0; i < self.numbers.count; i++) {
        const cf_node *node = cf_nodes_find(self.nodes, self.numbers.at[i]);

        if (node) /* a start may have gone */
            fill_next(&filled, node);
    }
    cf_node_set_release(&self.numbers);
    renumber_and_follow(scan, &filled);
    return keep(scan, &filled, count);
}
