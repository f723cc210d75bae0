/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/model_shown.h"

#include <stdlib.h>

struct model_shown {
    test_tree tree;
    cf_buffer packed;
};

void model_forget_shown(model_device *device)
{
    device->checked = false;
    if (!device->shown)
        return;
    tree_release(&device->shown->tree);
    cf_buffer_release(&device->shown->packed);
    free(device->shown);
    device->shown = NULL;
}

static const struct model_shown *shown_by(model_device *device)
{
    if (device->shown)
        return device->shown;
    device->shown = cf_allocate(1, sizeof *device->shown);
    tree_of(&device->shown->tree, device->view);
    tree_pack(&device->shown->tree, &device->shown->packed);
    return device->shown;
}

const test_tree *model_shown_tree(model_device *device)
{
    return &shown_by(device)->tree;
}

cf_bytes model_shown_packed(model_device *device)
{
    return cf_buffer_view(&shown_by(device)->packed);
}

/* ---- Group by group ---- */

/* One group of a view, packed. */
typedef struct {
    const cf_id *directories;
    size_t count;
    cf_bytes packed;
} group_listing;

struct model_listing {
    cf_arena arena;
    group_listing *groups;
    size_t count, capacity;
};

void model_forget_listing(model_device *device)
{
    if (!device->listed)
        return;
    cf_arena_release(&device->listed->arena);
    free(device->listed->groups);
    free(device->listed);
    device->listed = NULL;
}

static int by_id(const void *left, const void *right)
{
    return cf_id_compare(left, right);
}

/* Their order says which is written to; the node above shows that. */
static const cf_id *sorted_directories(const cf_group *group, cf_arena *arena)
{
    cf_id *sorted = cf_arena_allocate(arena, group->count, sizeof *sorted);

    memcpy(sorted, group->directories, group->count * sizeof *sorted);
    qsort(sorted, group->count, sizeof *sorted, by_id);
    return sorted;
}

/* The lines from `first` on that lie deeper than `depth`, or at it, are in the group. */
static void list_group(const test_tree *tree, const cf_group *group, size_t first, size_t depth,
                       struct model_listing *out)
{
    cf_buffer packed = {0};
    test_tree level = {.lines = cf_allocate(tree->count, sizeof *level.lines)};

    for (size_t i = first; i < tree->count && tree->lines[i].depth >= depth; i++)
        if (tree->lines[i].depth == depth)
            level.lines[level.count++] =
                (tree_line){.path = tree->lines[i].shown->name, .shown = tree->lines[i].shown};
    tree_pack(&level, &packed);
    tree_release(&level);
    *cf_one_more(out->groups, out->count, out->capacity) =
        (group_listing){sorted_directories(group, &out->arena), group->count,
                        cf_arena_copy(&out->arena, cf_buffer_view(&packed))};
    cf_buffer_release(&packed);
}

static void list_groups(model_device *device, struct model_listing *out)
{
    const test_tree *tree = model_shown_tree(device);
    cf_group root;

    cf_view_group_of(device->view, &cf_root_item, &out->arena, &root);
    list_group(tree, &root, 0, 0, out);
    for (size_t i = 0; i < tree->count; i++)
        if (tree->lines[i].shown->kind == CF_KIND_DIRECTORY)
            list_group(tree, &tree->lines[i].group, i + 1, tree->lines[i].depth + 1, out);
}

static bool is_named(const cf_ids *said, const group_listing *listing)
{
    for (size_t i = 0; i < said->count; i++)
        for (size_t k = 0; k < listing->count; k++)
            if (cf_id_equal(&said->at[i], &listing->directories[k]))
                return true;
    return false;
}

static bool is_listed(const struct model_listing *all, const group_listing *one)
{
    for (size_t i = 0; i < all->count; i++)
        if (cf_bytes_equal(all->groups[i].packed, one->packed) &&
            cf_bytes_equal(
                cf_bytes_of(all->groups[i].directories, all->groups[i].count * sizeof(cf_id)),
                cf_bytes_of(one->directories, one->count * sizeof(cf_id))))
            return true;
    return false;
}

static void check_named(const model_world *world, const struct model_listing *these,
                        const struct model_listing *others, const cf_ids *said)
{
    for (size_t i = 0; i < these->count; i++)
        if (!is_listed(others, &these->groups[i]) && !is_named(said, &these->groups[i]))
            model_fail(world, "a group of %zu directories changed, but it was not said",
                       these->groups[i].count);
}

void model_check_changed(const model_world *world, model_device *device)
{
    struct model_listing *now = cf_allocate(1, sizeof *now);

    model_take_changed(device);
    list_groups(device, now);
    if (device->listed) {
        check_named(world, now, device->listed, &device->said);
        check_named(world, device->listed, now, &device->said);
    }
    model_forget_listing(device);
    device->listed = now;
    device->said.count = 0;
}
