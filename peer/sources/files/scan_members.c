/* SPDX-License-Identifier: Apache-2.0 */
/* Where inode numbers don't last, a directory that was renamed unseen is known by what is in it:
 *
 *     base in/ (a 5 bytes of noon, sub/ (b 7 bytes of one)), disk out/ with just that, no in/
 *     out is in: one move, and nothing in it is read
 *     in/ and in2/ both had just that, or out/ and out2/ have it    each file by its content
 *
 * Of a directory without any file nothing is told. */
#include "peer/sources/files/scan_inside.h"

#include "codec/hash_table.h"

#include <stdlib.h>

/* All that is in a directory: the sum of what its members are, so in any order. */
typedef struct {
    uint64_t sum;
    size_t files;
    bool is_whole;
} members;

typedef struct {
    members in;
    uint64_t number; /* of the base's directory that is nowhere; 0: a listed one, */
    size_t entry;    /* this one */
} candidate;

typedef struct {
    const cf_scan *scan;
    const cf_identity_node *base; /* ascending by number */
    size_t count;
    size_t *folders; /* by entry of the listing: the folder that lists it, and one; 0: none does */
    candidate *candidates;
    size_t candidate_count, capacity;
} matching;

static uint64_t hash_member(cf_bytes name, char kind, uint64_t size, int64_t mtime_ns)
{
    const uint64_t told[] = {(uint64_t)kind, size, (uint64_t)mtime_ns};

    return cf_hash_bytes(cf_hash_bytes(0, name), cf_bytes_of(told, sizeof told));
}

static void add_file(members *in, cf_bytes name, char kind, const cf_stat *stat)
{
    in->files++;
    in->sum += hash_member(name, kind, stat->size, kind == CF_KIND_FILE ? stat->mtime_ns : 0);
}

static void add_directory(members *in, cf_bytes name, const members *below)
{
    in->files += below->files;
    in->is_whole &= below->is_whole;
    in->sum += hash_member(name, CF_KIND_DIRECTORY, below->sum, 0);
}

static members members_of_node(const matching *self, uint64_t directory)
{
    const cf_nodes *nodes = self->scan->options.binding->nodes;
    members in = {.is_whole = true};

    for (const cf_node *node = NULL; (node = cf_nodes_next_child(nodes, directory, node));) {
        if (node->kind == CF_KIND_DIRECTORY) {
            const members below = members_of_node(self, node->number);

            add_directory(&in, node->name, &below);
        } else {
            const cf_stat stat = cf_stat_of_node(node);

            add_file(&in, node->name, (char)node->kind, &stat);
        }
    }
    return in;
}

static members members_of_entry(const matching *self, size_t entry)
{
    const cf_listing *listing = &self->scan->listing;
    members in = {0};

    if (!self->folders[entry])
        return in;
    const cf_listed_folder *folder = &listing->folders[self->folders[entry] - 1];
    in.is_whole = folder->complete;
    for (size_t i = folder->first; i < folder->first + folder->count; i++) {
        const cf_listed *listed = &listing->entries[i];

        if (!listed->kind || listed->skipped || listed->excluded || !listed->readable)
            continue;
        if (listed->kind == CF_KIND_DIRECTORY) {
            const members below = members_of_entry(self, i);

            add_directory(&in, listed->name, &below);
        } else {
            add_file(&in, listed->name, listed->kind, &listed->stat);
        }
    }
    return in;
}

/* ---- Which are sought ---- */

static int order_number(const void *a, const void *b)
{
    const uint64_t left = *(const uint64_t *)a, right = ((const cf_identity_node *)b)->number;

    return (left > right) - (left < right);
}

static bool is_missing(const matching *self, const cf_identity_node *node)
{
    return node->kind == CF_KIND_DIRECTORY && !node->stat.inode &&
           cf_binding_renumbers(self->scan->options.binding, node->disk, node->stat.birth_ns);
}

/* And the directory above is where it was. */
static bool went(const matching *self, const cf_identity_node *node)
{
    const cf_identity_node *above =
        bsearch(&node->parent, self->base, self->count, sizeof *self->base, order_number);

    return is_missing(self, node) && !(above && is_missing(self, above));
}

static bool came(const matching *self, size_t entry)
{
    const cf_scan *scan = self->scan;
    const cf_listed *listed = &scan->listing.entries[entry];
    const size_t above = scan->listing.folders[listed->folder].entry;

    return listed->kind == CF_KIND_DIRECTORY && !cf_scan_node_in_place(scan, entry) &&
           (above == CF_LISTED_START || cf_scan_node_in_place(scan, above));
}

static void add_candidate(matching *self, candidate one)
{
    if (!one.in.is_whole || !one.in.files)
        return;
    *cf_one_more(self->candidates, self->candidate_count, self->capacity) = one;
}

static void add_all_that_went(matching *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (went(self, &self->base[i]))
            add_candidate(self, (candidate){.in = members_of_node(self, self->base[i].number),
                                            .number = self->base[i].number});
}

static void add_all_that_came(matching *self, cf_arena *arena)
{
    const cf_listing *listing = &self->scan->listing;

    self->folders = cf_arena_allocate(arena, listing->entry_count, sizeof *self->folders);
    for (size_t i = 0; i < listing->folder_count; i++)
        if (listing->folders[i].entry != CF_LISTED_START)
            self->folders[listing->folders[i].entry] = i + 1;
    for (size_t i = 0; i < listing->entry_count; i++)
        if (came(self, i))
            add_candidate(self, (candidate){.in = members_of_entry(self, i), .entry = i});
}

/* ---- Which are one ---- */

/* What went before what came. */
static int order_candidates(const void *a, const void *b)
{
    const candidate *one = a, *other = b;

    if (one->in.sum != other->in.sum)
        return one->in.sum < other->in.sum ? -1 : 1;
    return (one->number == 0) - (other->number == 0);
}

static size_t count_alike(const matching *self, size_t first)
{
    size_t end = first;

    while (end < self->candidate_count &&
           self->candidates[end].in.sum == self->candidates[first].in.sum)
        end++;
    return end - first;
}

bool cf_scan_match_members(const cf_scan *scan, const cf_identity_node *base, size_t count,
                           uint64_t *numbers)
{
    matching self = {.scan = scan, .base = base, .count = count};
    cf_arena arena = {0};
    bool any = false;

    add_all_that_went(&self);
    if (self.candidate_count)
        add_all_that_came(&self, &arena);
    if (self.candidate_count)
        qsort(self.candidates, self.candidate_count, sizeof *self.candidates, order_candidates);
    for (size_t i = 0, alike; i < self.candidate_count; i += alike) {
        const candidate *from = &self.candidates[i], *to = from + 1;

        alike = count_alike(&self, i);
        if (alike == 2 && from->number && !to->number && from->in.files == to->in.files) {
            numbers[to->entry] = from->number;
            any = true;
        }
    }
    free(self.candidates);
    cf_arena_release(&arena);
    return any;
}
