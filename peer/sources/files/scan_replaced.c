/* SPDX-License-Identifier: Apache-2.0 */
/* Where inode numbers don't last, another number at a place says nothing by itself. It may be
 * another file of the same size and time all the same:
 *
 *     a was 7, b was 8; a is 8, b is 7, z is still 9    they changed places since: both are read
 *     a was 7, b was 8; a is 8, there is no b           b may have been put over a: a is read
 *     a was 7, b was 8; a is 12, there is no b          the same
 *     a was 7, b was 8; a is 8, b is 9, z is 10         it was mounted anew
 */
#include "peer/sources/files/scan_inside.h"

#include <stdlib.h>

typedef struct {
    uint64_t size;
    int64_t mtime_ns;
} look_of_file;

typedef struct {
    const cf_scan *scan;
    look_of_file *left; /* of files that are not at their places, in order */
    size_t left_count;
    bool is_same_mount; /* something has the number that it had */
} replacing;

static int order_looks(const void *a, const void *b)
{
    const look_of_file *one = a, *other = b;

    if (one->size != other->size)
        return one->size < other->size ? -1 : 1;
    return (one->mtime_ns > other->mtime_ns) - (one->mtime_ns < other->mtime_ns);
}

static void add_left(replacing *self, const cf_node *node)
{
    if (node && node->kind == CF_KIND_FILE)
        self->left[self->left_count++] =
            (look_of_file){(uint64_t)node->stat.size, node->stat.mtime_ns};
}

static bool looks_the_same(const cf_node *node, const cf_stat *stat)
{
    return node->stat.size == stat->size && node->stat.mtime_ns == stat->mtime_ns;
}

static void find_left(replacing *self)
{
    const cf_scan *scan = self->scan;
    const cf_identity *identity = &scan->identity;

    for (size_t i = 0; i < identity->gone_count; i++)
        add_left(self, cf_nodes_find(scan->options.binding->nodes, identity->gone[i]));
    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_stat *stat = &scan->listing.entries[i].stat;
        const cf_node *node = cf_scan_base_node(scan, i);

        if (!node)
            continue;
        self->is_same_mount |= node->stat.inode == stat->inode;
        if (identity->tokens[i].how == CF_TOKEN_MOVED || !looks_the_same(node, stat))
            add_left(self, node);
    }
    qsort(self->left, self->left_count, sizeof *self->left, order_looks);
}

/* The file that had this number looked like this one. */
static bool has_anothers_number(const replacing *self, const cf_node *node, const cf_stat *stat)
{
    const cf_nodes *nodes = self->scan->options.binding->nodes;
    const cf_node *other = NULL;

    while ((other = cf_nodes_next_of_inode(nodes, stat->inode, other)))
        if (other != node && other->kind == CF_KIND_FILE && looks_the_same(other, stat))
            return true;
    return false;
}

static bool may_be_another(const replacing *self, const cf_node *node, const cf_stat *stat)
{
    const look_of_file look = {(uint64_t)stat->size, stat->mtime_ns};

    if (self->left_count && bsearch(&look, self->left, self->left_count, sizeof look, order_looks))
        return true;
    return self->is_same_mount && has_anothers_number(self, node, stat);
}

static bool has_root_number(const cf_scan *scan)
{
    const cf_listing *listing = &scan->listing;

    for (size_t i = 0; i < listing->folder_count; i++)
        if (listing->folders[i].entry == CF_LISTED_START && !listing->folders[i].node &&
            listing->folders[i].stat.inode == scan->options.binding->folder.inode)
            return true;
    return false;
}

void cf_scan_find_replaced(const cf_scan *scan, bool *replaced)
{
    const cf_listing *listing = &scan->listing;
    cf_arena arena = {0};
    replacing self = {.scan = scan};

    /* Between two looks at parts it was not mounted anew: that is a look at everything. */
    self.is_same_mount = !cf_scan_is_whole(scan) || has_root_number(scan);
    self.left = cf_arena_allocate(&arena, listing->entry_count + scan->identity.gone_count,
                                  sizeof *self.left);
    find_left(&self);
    for (size_t i = 0; i < listing->entry_count; i++) {
        const cf_listed *listed = &listing->entries[i];
        const cf_node *node = cf_scan_base_node(scan, i);

        replaced[i] =
            listed->kind == CF_KIND_FILE && listed->stat.size && node &&
            scan->identity.tokens[i].how == CF_TOKEN_SAME &&
            cf_binding_renumbers(scan->options.binding, node->disk, node->stat.birth_ns) &&
            node->stat.inode != listed->stat.inode && may_be_another(&self, node, &listed->stat);
    }
    cf_arena_release(&arena);
}
