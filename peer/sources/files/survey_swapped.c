/* SPDX-License-Identifier: Apache-2.0 */
/* Which disk it is that lies below a share, as far as its files tell: the one that went is back, or
 * another one took its place before a look saw it go.
 *
 *     card/ held a, b, c, d and e, and was not changed since all was seen: nothing was renamed to
 *     there, nor made or removed
 *
 *     a to d are other files, of other sizes or times    another disk: they are no edits
 *     a is another file                                  nobody knows: numbers may not last
 *     a to d are of other sizes                          they were written to
 */
#include "peer/sources/files/survey_inside.h"

enum { TELLING = 4 }; /* files: of fewer, half are soon edited */

static bool looks_as_before(const cf_node *node, const cf_listed *seen)
{
    return node->kind == CF_KIND_FILE && seen->kind == CF_KIND_FILE &&
           node->stat.size == seen->stat.size && node->stat.mtime_ns == seen->stat.mtime_ns;
}

static size_t count_equal(const cf_numbers *sorted, size_t from)
{
    size_t end = from;

    while (end < sorted->count && sorted->at[end] == sorted->at[from])
        end++;
    return end - from;
}

/* How often it is among them. */
static size_t count_of(const cf_numbers *sorted, uint64_t number)
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
static bool is_beneath(const cf_survey *survey, const cf_node *node)
{
    const cf_binding *binding = survey->options.binding;

    for (; node; node = cf_nodes_find(binding->nodes, node->parent)) {
        const cf_bare_time *now = cf_survey_folder_time(survey, node->parent);

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
    cf_numbers held, back, same; /* for each file the number of what it was held with */
} returning;

static void find_back(cf_survey *survey, returning *self)
{
    const cf_nodes *nodes = survey->options.binding->nodes;

    for (size_t i = 0; i < survey->listing.entry_count; i++) {
        const cf_listed *seen = &survey->listing.entries[i];
        const cf_node *node = survey->numbers[i] ? cf_survey_base_node(survey, i) : NULL;

        if (!node || !cf_disk_is_below(node->disk) || !looks_as_before(node, seen))
            continue;
        if (!is_beneath(survey, node)) {
            cf_numbers_add(&self->back, node->disk);
            if (is_the_very_file(node, seen))
                cf_numbers_add(&self->same, node->disk);
        }
        for (; node && cf_disk_is_below(node->disk); node = cf_nodes_find(nodes, node->parent))
            cf_numbers_add(&survey->shown, node->parent);
    }
    for (const cf_node *node = self->back.count ? cf_nodes_next(nodes, NULL) : NULL; node;
         node = cf_nodes_next(nodes, node))
        if (cf_disk_is_below(node->disk) && node->kind == CF_KIND_FILE)
            cf_numbers_add(&self->held, node->disk);
    cf_numbers_sort(&survey->shown);
    cf_numbers_sort(&self->held);
    cf_numbers_sort(&self->back);
    cf_numbers_sort(&self->same);
}

/* Where over half of the files that were held together lie as they were, the disk is back that had
 * them, or a copy of it: what differs is an edit, as in the camera meanwhile; and what is missing
 * was removed on it where most of these are no copies. One card of two has files of the other, and
 * some may have been copied back beneath. */
void cf_survey_find_returned(cf_survey *survey)
{
    returning self = {0};

    find_back(survey, &self);
    for (size_t i = 0, count; i < self.back.count; i += count) {
        const uint64_t number = self.back.at[i];

        count = count_equal(&self.back, i);
        if (2 * count <= count_of(&self.held, number))
            continue;
        cf_numbers_add(&survey->returned, number);
        if (2 * count_of(&self.same, number) > count)
            cf_numbers_add(&survey->same, number);
    }
    cf_numbers_release(&self.held);
    cf_numbers_release(&self.back);
    cf_numbers_release(&self.same);
}

/* ---- Another one took its place ---- */

/* It is not the file that lay there, and doesn't look like it. */
static bool is_another(const cf_node *node, const cf_listed *seen)
{
    return node->stat.inode != seen->stat.inode && !looks_as_before(node, seen);
}

void cf_survey_find_swapped(cf_survey *survey)
{
    cf_numbers known = {0}, others = {0}; /* for each file that lies where it did: in what */

    for (size_t i = 0; i < survey->listing.entry_count; i++) {
        const cf_listed *seen = &survey->listing.entries[i];
        const cf_node *node = survey->numbers[i] ? cf_survey_base_node(survey, i) : NULL;

        if (!node || node->kind != CF_KIND_FILE || seen->kind != CF_KIND_FILE ||
            node != cf_survey_node_in_place(survey, i))
            continue;
        cf_numbers_add(&known, node->parent);
        if (is_another(node, seen) && cf_survey_has_lost_nothing(survey, node))
            cf_numbers_add(&others, node->parent);
    }
    cf_numbers_sort(&known);
    cf_numbers_sort(&others);
    for (size_t i = 0, count; i < others.count; i += count) {
        count = count_equal(&others, i);
        if (count >= TELLING && 2 * count > count_of(&known, others.at[i]))
            cf_numbers_add(&survey->bare, others.at[i]);
    }
    cf_numbers_sort(&survey->bare);
    cf_numbers_release(&known);
    cf_numbers_release(&others);
}
