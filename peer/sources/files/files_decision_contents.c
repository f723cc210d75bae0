/* SPDX-License-Identifier: Apache-2.0 */
/* Rule 7 of files_identity.h: an unknown file that is equal to a missing one was moved. A file is
 * hashed only where a missing one has its size: until the hash is there, the decision only asks for
 * it. */
#include "peer/sources/files/files_decision_inside.h"

#include <stdlib.h>

typedef struct {
    uint64_t size;
    const cf_hash *content;
    size_t node;
} missing_file;

static int order_content(const missing_file *a, const missing_file *b)
{
    int order = (a->size > b->size) - (a->size < b->size);

    if (order == 0 && a->content && b->content)
        order = cf_hash_compare(a->content, b->content);
    return order;
}

static int order_missing(const void *a, const void *b)
{
    const missing_file *left = a, *right = b;
    int order = order_content(left, right);

    return order ? order : (left->node > right->node) - (left->node < right->node);
}

typedef struct {
    missing_file *files; /* by size, content, node */
    size_t count;
} missing_files;

static missing_files find_missing(cf_decision *self)
{
    size_t nodes = self->input->node_count;
    missing_files missing = {.files = cf_arena_allocate(self->arena, nodes, sizeof *missing.files)};

    for (size_t i = 0; i < nodes; i++) {
        const cf_identity_node *node = cf_decision_node(self, i);

        if (node->kind == 'f' && self->claimed[i] == CF_KNOWN_NONE &&
            cf_decision_left(self, i, false))
            missing.files[missing.count++] = (missing_file){node->stat.size, &node->content, i};
    }
    if (missing.count)
        qsort(missing.files, missing.count, sizeof *missing.files, order_missing);
    return missing;
}

/* The first one that is like this, or of this size where `content` is NULL; else `count`. */
static size_t first_like(const missing_files *missing, uint64_t size, const cf_hash *content)
{
    missing_file wanted = {.size = size, .content = content};
    size_t low = 0, high = missing->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (order_content(&missing->files[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < missing->count && order_content(&missing->files[low], &wanted) == 0
               ? low
               : missing->count;
}

/* The missing one with this content; of several the one of this name, else the first. */
static size_t equal_missing(const cf_decision *self, const missing_files *missing, size_t entry)
{
    const cf_listed *found = &self->listing->entries[entry];
    missing_file like = {.size = found->stat.size, .content = self->input->hashes[entry]};
    size_t best = CF_KNOWN_NONE;

    for (size_t i = first_like(missing, like.size, like.content);
         i < missing->count && order_content(&missing->files[i], &like) == 0; i++) {
        size_t node = missing->files[i].node;

        if (self->claimed[node] != CF_KNOWN_NONE)
            continue;
        if (cf_bytes_equal(cf_decision_node(self, node)->name, found->name))
            return node;
        if (best == CF_KNOWN_NONE)
            best = node;
    }
    return best;
}

void cf_decision_match_contents(cf_decision *self)
{
    static const cf_hash no_hash;
    const cf_listing *listing = self->listing;
    const missing_files missing = find_missing(self);

    for (size_t e = 0; e < listing->entry_count && missing.count; e++) {
        const cf_listed *entry = &listing->entries[e];

        if (entry->kind != 'f' || !cf_decision_open(self, e) || entry->excluded ||
            !entry->readable || first_like(&missing, entry->stat.size, NULL) == missing.count)
            continue;
        if (!self->input->hashes || !self->input->hashes[e]) {
            self->out->hash_wanted[self->out->hash_wanted_count++] = e;
            continue;
        }
        size_t node = CF_KNOWN_NONE;
        if (!cf_hash_equal(self->input->hashes[e], &no_hash))
            node = equal_missing(self, &missing, e);
        if (node != CF_KNOWN_NONE)
            cf_decision_claim(self, e, node, CF_TOKEN_MOVED);
    }
}
