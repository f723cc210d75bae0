/* SPDX-License-Identifier: Apache-2.0 */
/* Which disk it is that lies below a share, as far as its files tell: the one that went is back, or
 * another one took its place before a look saw it go.
 *
 *     card/ held a, b, c, d and e, and was not changed since all was seen: nothing was renamed to
 *     there, nor made or removed
 *
 *     a to d are other files, of other sizes or times    another disk: they are no edits, and what
 *                                                        lies beside it isn't, either
 *     a is another file                                  nobody knows: numbers may not last
 *     a to d are of other sizes                          they were written to
 */
#include "peer/sources/files/scan_inside.h"

static bool looks_as_before(const cf_node *node, const cf_listed *seen)
{
    return node->kind == CF_KIND_FILE && seen->kind == CF_KIND_FILE &&
           node->stat.size == seen->stat.size && node->stat.mtime_ns == seen->stat.mtime_ns;
}

static size_t count_equal(const cf_node_set *sorted, size_t from)
{
    size_t end = from;

    while (end < sorted->count && sorted->at[end] == sorted->at[from])
        end++;
    return end - from;
}

/* How often it is among them. */
static size_t count_of(const cf_node_set *sorted, uint64_t number)
{
    size_t low = 0, high = sorted->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (sorted->at[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sorted->count && sorted->at[low] == number ? count_equal(sorted, low) : 0;
}

/* ---- The disk is back ---- */

/* In the very directory that was there while its disk was away, or below it. */
static bool is_beneath(const cf_scan *scan, const cf_node *node)
{
    const cf_binding *binding = scan->options.binding;

    for (; node; node = cf_nodes_find(binding->nodes, node->parent)) {
        const cf_bare_time *now = cf_scan_folder_time(scan, node->parent);

        if (now && cf_bare_times_have_inode(&binding->seen.bare, node->parent, now->inode))
            return true;
    }
    return false;
}

/* No copy: one has another number, and was made later, though its times were set. */
static bool is_the_very_file(const cf_node *node, const cf_listed *seen)
{
    return node->stat.inode == seen->stat.inode && node->stat.ctime_ns == seen->stat.ctime_ns;
}

typedef struct {
    cf_node_set held, back, same; /* for each file the number of what it was held with */
} returning;

static void find_back(cf_scan *scan, returning *self)
{
    const cf_nodes *nodes = scan->options.binding->nodes;

    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_listed *seen = &scan->listing.entries[i];
        const cf_node *node = scan->numbers[i] ? cf_scan_base_node(scan, i) : NULL;

        if (!node || !cf_disk_is_below(node->disk) || !looks_as_before(node, seen))
            continue;
        if (!is_beneath(scan, node)) {
            cf_node_set_add(&self->back, node->disk);
            if (is_the_very_file(node, seen))
                cf_node_set_add(&self->same, node->disk);
        }
        for (; node && cf_disk_is_below(node->disk); node = cf_nodes_find(nodes, node->parent))
            cf_node_set_add(&scan->shown, node->parent);
    }
    for (const cf_node *node = self->back.count ? cf_nodes_next(nodes, NULL) : NULL; node;
         node = cf_nodes_next(nodes, node))
        if (cf_disk_is_below(node->disk) && node->kind == CF_KIND_FILE)
            cf_node_set_add(&self->held, node->disk);
    cf_node_set_sort(&scan->shown);
    cf_node_set_sort(&self->held);
    cf_node_set_sort(&self->back);
    cf_node_set_sort(&self->same);
}

/* Where over half of the files that were held together lie as they were, the disk is back that had
 * them, or a copy of it: what differs is an edit, as in the camera meanwhile; and what is missing
 * was removed on it where most of these are no copies. One card of two has files of the other, and
 * some may have been copied back beneath. */
void cf_scan_find_returned(cf_scan *scan)
{
    returning self = {0};

    find_back(scan, &self);
    for (size_t i = 0, count; i < self.back.count; i += count) {
        const uint64_t number = self.back.at[i];

        count = count_equal(&self.back, i);
        if (2 * count <= count_of(&self.held, number))
            continue;
        cf_node_set_add(&scan->returned, number);
        if (2 * count_of(&self.same, number) > count)
            cf_node_set_add(&scan->same, number);
    }
    cf_node_set_release(&self.held);
    cf_node_set_release(&self.back);
    cf_node_set_release(&self.same);
}

/* ---- Another one took its place ---- */

/* By its number, or because nothing was done to it since all was seen: where the numbers of two
 * disks are the same it lay on the other one. What both times tell alike may be set by anybody. */
static bool is_another(const cf_scan *scan, const cf_node *node, const cf_listed *seen)
{
    return node->stat.inode != seen->stat.inode ||
           (seen->stat.ctime_ns != seen->stat.mtime_ns &&
            cf_binding_saw_all_since(scan->options.binding, seen->stat.ctime_ns));
}

typedef struct {
    /* For each file: the directory in which it lay. Of those that are in their places some differ,
     * and of these some are others, surely so where the directory did not change. */
    cf_node_set known, differ, others, sure, gone;
} swapping;

/* It, or one above, is another directory now, and the one in which that lies was changed: it was
 * renamed to there. */
static bool was_put_there(const cf_scan *scan, uint64_t directory)
{
    const cf_binding *binding = scan->options.binding;
    const cf_node *node;

    for (; (node = cf_nodes_find(binding->nodes, directory)); directory = node->parent) {
        const cf_bare_time *now = cf_scan_folder_time(scan, directory);
        const cf_bare_time *above = cf_scan_folder_time(scan, node->parent);

        if (now && above && now->inode != node->stat.inode &&
            !cf_binding_saw_all_since(binding, above->changed_ns))
            return true;
    }
    return false;
}

/* The file that the base has where one is listed now; NULL: none, or it is held. */
static const cf_node *file_in_place(const cf_scan *scan, size_t entry)
{
    const cf_listed *seen = &scan->listing.entries[entry];
    const cf_node *node = scan->numbers[entry] ? cf_scan_base_node(scan, entry) : NULL;

    return node && node->kind == CF_KIND_FILE && seen->kind == CF_KIND_FILE &&
                   node->parent == cf_scan_folder_number(scan, seen->folder) &&
                   cf_bytes_equal(node->name, seen->name) && !cf_node_went_below(node)
               ? node
               : NULL;
}

static void find_known(const cf_scan *scan, swapping *self)
{
    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_node *node = file_in_place(scan, i);

        if (node)
            cf_node_set_add(&self->known, node->parent);
    }
    cf_node_set_sort(&self->known);
}

static void find_others(const cf_scan *scan, swapping *self)
{
    const cf_scan_batch *batch = &scan->batch;

    for (size_t i = 0; i < scan->listing.entry_count; i++) {
        const cf_node *node = file_in_place(scan, i);

        if (!node || looks_as_before(node, &scan->listing.entries[i]))
            continue;
        cf_node_set_add(&self->differ, node->parent);
        if (!is_another(scan, node, &scan->listing.entries[i]))
            continue;
        cf_node_set_add(&self->others, node->parent);
        if (scan->options.binding->traits.keeps_ctimes && cf_scan_has_lost_nothing(scan, node) &&
            !was_put_there(scan, node->parent))
            cf_node_set_add(&self->sure, node->parent);
    }
    for (size_t i = 0; i < batch->gone_count; i++) {
        const cf_node *node = cf_nodes_find(scan->options.binding->nodes, batch->gone[i]);

        if (node->kind == CF_KIND_FILE && !cf_node_went_below(node))
            cf_node_set_add(&self->gone, node->parent);
    }
    cf_node_set_sort(&self->differ);
    cf_node_set_sort(&self->others);
    cf_node_set_sort(&self->sure);
    cf_node_set_sort(&self->gone);
}

/* The directory in the source's root in which it lies. */
static uint64_t uppermost(const cf_scan *scan, uint64_t directory)
{
    const cf_node *node;

    while ((node = cf_nodes_find(scan->options.binding->nodes, directory)) && node->parent)
        directory = node->parent;
    return directory;
}

/* A disk went in this look: it had this directory, too, which was changed since all was seen, where
 * hardly anything in it is as it was.
 *
 *     card/1/ was not changed, and its photos are others; one was made in card/2/ a minute ago, and
 *     all beside it are others, or missing    they are no edits of those, and none was removed
 */
static void add_beside(cf_scan *scan, const swapping *self, const cf_node_set *directories,
                       const cf_node_set *went)
{
    for (size_t i = 0, count; i < directories->count; i += count) {
        const uint64_t directory = directories->at[i];
        const size_t gone = count_of(&self->gone, directory);

        count = count_equal(directories, i);
        if (cf_node_set_have(went, uppermost(scan, directory)) &&
            2 * (count_of(&self->others, directory) + gone) >
                count_of(&self->known, directory) + gone)
            cf_node_set_add(&scan->bare, directory);
    }
}

/* So many of those that lie in the directory that it may be another disk's. */
static bool are_most(const swapping *self, const cf_node_set *files, uint64_t directory)
{
    const size_t count = count_of(files, directory);

    return count >= CF_FILES_TELLING && 2 * count > count_of(&self->known, directory);
}

void cf_scan_find_swapped(cf_scan *scan)
{
    swapping self = {0};
    cf_node_set went = {0};

    find_others(scan, &self);
    if (self.differ.count || self.gone.count)
        find_known(scan, &self);
    for (size_t i = 0; i < self.differ.count; i += count_equal(&self.differ, i))
        scan->differs |= are_most(&self, &self.differ, self.differ.at[i]);
    for (size_t i = 0; i < self.sure.count; i += count_equal(&self.sure, i))
        if (are_most(&self, &self.sure, self.sure.at[i]))
            cf_node_set_add(&scan->bare, self.sure.at[i]);
    for (size_t i = 0; i < scan->bare.count; i++)
        if (scan->bare.at[i] != CF_NODE_ROOT)
            cf_node_set_add(&went, uppermost(scan, scan->bare.at[i]));
    cf_node_set_sort(&went);
    add_beside(scan, &self, &self.others, &went);
    add_beside(scan, &self, &self.gone, &went);
    cf_node_set_sort(&scan->bare);
    cf_node_set_release(&self.known);
    cf_node_set_release(&self.differ);
    cf_node_set_release(&self.others);
    cf_node_set_release(&self.sure);
    cf_node_set_release(&self.gone);
    cf_node_set_release(&went);
}
