/* SPDX-License-Identifier: Apache-2.0 */
/* Which conflict copies a view shows, without a look at all that it shows: they lie in groups that
 * are not plain, or are pinned. */
#include "peer/merge/view.h"

#include <stdlib.h>

#include "peer/merge/view_inside.h"

typedef struct {
    cf_view *view;
    cf_arena *arena;
    cf_seen_list groups; /* by the directory of each that came first */
    cf_conflict_copy *at;
    size_t count, capacity;
} search;

/* The root, or a directory that lies in another. */
static bool is_shown(const cf_view *view, const cf_seen *directory)
{
    return directory == view->root || directory->parent;
}

/* False: the group is among those found already. */
static bool add_group(search *self, cf_seen *const *members)
{
    if (members[0]->marks & CF_MARK_SEARCHED)
        return false;
    members[0]->marks |= CF_MARK_SEARCHED;
    cf_seen_list_add(&self->groups, members[0]);
    return true;
}

/* Adds the directory's group if it is of several directories, and those below that are of several
 * for that. */
static void add_merged(search *self, cf_seen *directory)
{
    cf_seen_list waiting = {0};
    cf_arena scratch = {0};
    size_t count;

    cf_seen_list_add(&waiting, directory);
    while (waiting.count) {
        cf_seen **members =
            cf_view_members(self->view, waiting.at[--waiting.count], &scratch, &count);

        if (count > 1 && add_group(self, members))
            for (size_t i = 0; i < count; i++)
                cf_view_subdirectories(members[i], &waiting);
    }
    free(waiting.at);
    cf_arena_release(&scratch);
}

/* Adds the group of a directory that isn't even. Where things in it share a name, directories may
 * be among them: these are one then. */
static void add_uneven(search *self, cf_seen *directory)
{
    cf_seen_list below = {0};
    cf_arena scratch = {0};
    size_t count;
    cf_seen **members = cf_view_members(self->view, directory, &scratch, &count);

    add_group(self, members);
    for (size_t i = 0; directory->crowded && i < count; i++)
        cf_view_subdirectories(members[i], &below);
    for (size_t i = 0; i < below.count; i++)
        add_merged(self, below.at[i]);
    free(below.at);
    cf_arena_release(&scratch);
}

/* The groups of the directories that became uneven and are so still; of the others the mark
 * ends. */
static void find_groups(search *self)
{
    cf_seen_list *uneven = &self->view->uneven;
    size_t kept = 0;

    for (size_t i = 0; i < uneven->count; i++) {
        cf_seen *directory = uneven->at[i];

        if (!cf_seen_is_even(directory)) {
            uneven->at[kept++] = directory;
            if (is_shown(self->view, directory))
                add_uneven(self, directory);
        } else {
            directory->marks &= (uint8_t)~CF_MARK_UNEVEN;
        }
    }
    uneven->count = kept;
}

static void append_path(const cf_view *view, cf_seen *directory, cf_buffer *out)
{
    cf_seen_list above = {0};

    for (cf_seen *at = directory; at != view->root; at = at->parent)
        cf_seen_list_add(&above, at);
    while (above.count) {
        const cf_bytes name = above.at[--above.count]->name;

        cf_buffer_append(out, name.data, name.size);
        cf_buffer_append(out, "/", 1);
    }
    free(above.at);
}

/* The name that a pinned copy's name was made of, if nothing in the group has that any more; none
 * for a copy that no pin holds, as what the copy lies beside has that name. */
static cf_bytes free_name(search *self, const cf_group *group, const cf_shown *copy)
{
    cf_arena scratch = {0};
    cf_buffer name = {0};
    cf_bytes out = {0};

    if (!copy->conflict && cf_name_in_conflict(copy->name, &name) &&
        !cf_view_named(self->view, group, cf_buffer_view(&name), &scratch))
        out = cf_arena_copy(self->arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    cf_arena_release(&scratch);
    return out;
}

/* Adds those of the things shown that have a conflict name, or are copies that a pin holds. */
static void add_copies(search *self, cf_seen *directory, const cf_shown *shown, size_t count)
{
    cf_arena scratch = {0};
    cf_buffer path = {0};
    cf_group group;

    append_path(self->view, directory, &path);
    cf_view_group_of(self->view, &directory->id, &scratch, &group);
    const size_t size = path.size;
    for (size_t i = 0; i < count; i++) {
        if (!shown[i].conflict && !shown[i].pinned_copy)
            continue;
        cf_buffer_append(&path, shown[i].name.data, shown[i].name.size);
        *cf_one_more(self->at, self->count, self->capacity) =
            (cf_conflict_copy){cf_arena_copy(self->arena, cf_buffer_view(&path)), shown[i].written,
                               free_name(self, &group, &shown[i])};
        path.size = size;
    }
    cf_buffer_release(&path);
    cf_arena_release(&scratch);
}

static void add_group_copies(search *self, cf_seen *directory)
{
    cf_arena scratch = {0};
    cf_shown *shown;
    size_t count;

    cf_view_lay(self->view, CF_LAY_PLACES, directory, &scratch, &shown, &count);
    add_copies(self, directory, shown, count);
    cf_arena_release(&scratch);
}

/* Adds a pinned copy that lies in a plain group: in any other it is among what that group shows. */
static void add_pinned_copy(search *self, cf_seen *copy)
{
    const cf_seen_list alone = {.at = &copy, .count = 1};
    cf_arena scratch = {0};
    cf_shown *shown;
    size_t count;

    if (!copy->parent || !cf_view_is_plain(self->view, copy->parent))
        return;
    cf_view_lay_items(self->view, CF_LAY_PLACES, copy->parent, &alone, &scratch, &shown, &count);
    add_copies(self, copy->parent, shown, count);
    cf_arena_release(&scratch);
}

/* Adds the items that became pinned copies and are so still; of the others the mark ends. */
static void add_pinned_copies(search *self)
{
    cf_seen_list *pinned = &self->view->pinned_copies;
    size_t kept = 0;

    for (size_t i = 0; i < pinned->count; i++) {
        cf_seen *copy = pinned->at[i];

        if (copy->is_pinned_copy) {
            pinned->at[kept++] = copy;
            add_pinned_copy(self, copy);
        } else {
            copy->marks &= (uint8_t)~CF_MARK_PINNED_COPY;
        }
    }
    pinned->count = kept;
}

static int by_path(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_conflict_copy *)left)->path,
                            ((const cf_conflict_copy *)right)->path);
}

void cf_view_conflicts(cf_view *view, cf_arena *arena, const cf_conflict_copy **out, size_t *count)
{
    search self = {.view = view, .arena = arena};

    find_groups(&self);
    for (size_t i = 0; i < self.groups.count; i++) {
        self.groups.at[i]->marks &= (uint8_t)~CF_MARK_SEARCHED;
        add_group_copies(&self, self.groups.at[i]);
    }
    add_pinned_copies(&self);
    if (self.count)
        qsort(self.at, self.count, sizeof *self.at, by_path);
    *out = (const cf_conflict_copy *)cf_arena_copy(
               arena, cf_bytes_of(self.at, self.count * sizeof *self.at))
               .data;
    *count = self.count;
    free(self.groups.at);
    free(self.at);
}
