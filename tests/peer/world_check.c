/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold after every step, and in the end. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/tree.h"
#include "tests/peer/world.h"

enum { ROUNDS_MAX = 6 };

/* One group of a view, as text. */
typedef struct {
    const cf_id *directories;
    size_t count;
    cf_bytes text;
} group_listing;

struct world_listing {
    cf_arena arena;
    group_listing *groups;
    size_t count, capacity;
};

void world_forget_listing(world_device *device)
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

static void list_groups(cf_view *view, const cf_group *group, struct world_listing *out)
{
    const cf_shown *shown;
    size_t count;
    cf_buffer text = {0};
    test_tree level = {0};

    cf_view_list(view, group, &out->arena, &shown, &count);
    level.lines = cf_allocate(count, sizeof *level.lines);
    level.count = count;
    for (size_t i = 0; i < count; i++)
        level.lines[i] = (tree_line){.path = shown[i].name, .shown = &shown[i]};
    tree_print(&level, &text);
    tree_release(&level);
    out->groups = cf_grow(out->groups, &out->capacity, out->count + 1, sizeof *out->groups);
    out->groups[out->count++] =
        (group_listing){sorted_directories(group, &out->arena), group->count,
                        cf_arena_copy(&out->arena, cf_buffer_view(&text))};
    cf_buffer_release(&text);
    for (size_t i = 0; i < count; i++) {
        cf_group below;

        if (shown[i].kind != CF_KIND_DIRECTORY)
            continue;
        cf_view_group_of(view, &shown[i].items[0], &out->arena, &below);
        list_groups(view, &below, out);
    }
}

static bool is_named(const cf_group *groups, size_t count, const group_listing *listing)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < groups[i].count; j++)
            for (size_t k = 0; k < listing->count; k++)
                if (cf_id_equal(&groups[i].directories[j], &listing->directories[k]))
                    return true;
    return false;
}

static bool is_listed(const struct world_listing *all, const group_listing *one)
{
    for (size_t i = 0; i < all->count; i++)
        if (cf_bytes_equal(all->groups[i].text, one->text) &&
            cf_bytes_equal(
                cf_bytes_of(all->groups[i].directories, all->groups[i].count * sizeof(cf_id)),
                cf_bytes_of(one->directories, one->count * sizeof(cf_id))))
            return true;
    return false;
}

static void check_named(const test_world *world, const struct world_listing *these,
                        const struct world_listing *others, const cf_group *changed, size_t count)
{
    for (size_t i = 0; i < these->count; i++)
        if (!is_listed(others, &these->groups[i]) && !is_named(changed, count, &these->groups[i]))
            world_fail(world, "a group changed, but it was not said:\n%.*s",
                       (int)these->groups[i].text.size, (const char *)these->groups[i].text.data);
}

static void check_changed_groups(test_world *world, world_device *device)
{
    struct world_listing *now = cf_allocate(1, sizeof *now);
    const cf_group *changed;
    size_t count;
    cf_group root;

    cf_view_take_changed(device->view, &now->arena, &changed, &count);
    cf_view_group_of(device->view, &cf_root_item, &now->arena, &root);
    list_groups(device->view, &root, now);
    if (device->listed) {
        check_named(world, now, device->listed, changed, count);
        check_named(world, device->listed, now, changed, count);
    }
    world_forget_listing(device);
    device->listed = now;
}

static void check_places(test_world *world, world_device *device, const test_tree *tree)
{
    cf_arena arena = {0};

    for (size_t i = 0; i < tree->count; i++)
        for (size_t j = 0; j < tree->lines[i].shown->item_count; j++) {
            const cf_shown *shown = tree->lines[i].shown;
            cf_place place;

            if (!cf_view_find(device->view, &shown->items[j], &arena, &place) ||
                !cf_bytes_equal(place.shown->name, shown->name))
                world_fail(world, "%.*s is not found by its item", (int)shown->name.size,
                           (const char *)shown->name.data);
        }
    cf_arena_release(&arena);
}

static void print_view(cf_view *view, cf_buffer *out)
{
    test_tree tree = {0};

    tree_of(&tree, view);
    tree_print(&tree, out);
    tree_release(&tree);
}

void world_check_view(test_world *world, world_device *device)
{
    cf_buffer kept = {0}, made = {0};
    test_tree tree = {0};
    cf_view *whole = cf_view_new(&world->rules, device->state);

    check_changed_groups(world, device);
    tree_of(&tree, device->view);
    tree_print(&tree, &kept);
    check_places(world, device, &tree);
    tree_release(&tree);
    cf_view_update_all(whole);
    print_view(whole, &made);
    if (!cf_bytes_equal(cf_buffer_view(&kept), cf_buffer_view(&made)))
        world_fail(world, "the view that was kept up\n%.*sis not the whole view\n%.*s",
                   (int)kept.size, (const char *)kept.data, (int)made.size,
                   (const char *)made.data);
    cf_view_destroy(&whole);
    cf_buffer_release(&kept);
    cf_buffer_release(&made);
}

static void file_path(const world_device *device, const world_file *file, cf_buffer *out)
{
    const world_file *above = world_find(device, file->parent);

    if (above) {
        file_path(device, above, out);
        cf_buffer_append(out, "/", 1);
    }
    cf_buffer_append_text(out, "%s", file->name);
}

static const world_file *file_at(const world_device *device, cf_bytes path)
{
    const world_file *found = NULL;
    cf_buffer own = {0};

    for (size_t i = 0; i < device->file_count && !found; i++) {
        cf_buffer_clear(&own);
        file_path(device, &device->files[i], &own);
        if (cf_bytes_equal(cf_buffer_view(&own), path))
            found = &device->files[i];
    }
    cf_buffer_release(&own);
    return found;
}

static bool is_number(cf_bytes value, uint64_t number)
{
    cf_buffer packed = {0};

    cf_pack_uint(&packed, number);
    bool same = value.size == 0 || cf_bytes_equal(value, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return same;
}

static bool is_text(cf_bytes value, const char *text)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, cf_bytes_of_text(text));
    bool same = cf_bytes_equal(value, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return same;
}

/* The base shows just what the view does: nothing that others wrote waits. */
static void check_base(test_world *world, const world_device *device, const world_file *file,
                       const cf_shown *shown)
{
    const cf_node *node = cf_nodes_find(device->base, file->number);
    cf_buffer refs = {0};

    cf_refs_pack(&refs, shown->refs, shown->ref_count);
    if (!cf_bytes_equal(cf_buffer_view(&refs), node->refs))
        world_fail(world, "the base of %s shows other writes than the view", file->name);
    if (!cf_bytes_equal(cf_bytes_of(node->items, node->item_count * sizeof(cf_id)),
                        cf_bytes_of(shown->items, shown->item_count * sizeof(cf_id))))
        world_fail(world, "the base of %s has other items than the view", file->name);
    cf_buffer_release(&refs);
}

void world_check_disk(test_world *world, world_device *device)
{
    test_tree tree = {0};

    tree_of(&tree, device->view);
    if (tree.count != device->file_count)
        world_fail(world, "fidelity: %zu nodes on the disk, %zu in the view", device->file_count,
                   tree.count);
    for (size_t i = 0; i < tree.count; i++) {
        const cf_shown *shown = tree.lines[i].shown;
        const world_file *file = file_at(device, tree.lines[i].path);

        if (!file || file->kind != shown->kind || !is_number(shown->mode, file->mode) ||
            !is_number(shown->mtime, file->mtime_ns) ||
            (file->kind != CF_KIND_DIRECTORY && !is_text(shown->content, file->content)))
            world_fail(world, "fidelity: %.*s is not on the disk as in the view",
                       (int)tree.lines[i].path.size, (const char *)tree.lines[i].path.data);
        check_base(world, device, file, shown);
    }
    tree_release(&tree);
}

static bool exchange_all(test_world *world)
{
    bool published = false;

    for (size_t i = 0; i < world->device_count; i++)
        if (!world->devices[i].dead)
            published = world_scan(world, &world->devices[i]) || published;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < world->device_count; i++)
            for (size_t j = 0; !world->devices[i].dead && j < world->device_count; j++)
                world_receive(world, &world->devices[i], &world->devices[j], 3);
    for (size_t i = 0; i < world->device_count; i++)
        if (!world->devices[i].dead) {
            world_apply(world, &world->devices[i]);
            world_check_view(world, &world->devices[i]);
        }
    return published;
}

static void check_equal(test_world *world)
{
    cf_buffer first = {0}, other = {0};

    for (size_t i = 0; i < world->device_count; i++) {
        if (world->devices[i].dead)
            continue;
        cf_buffer_clear(&other);
        print_view(world->devices[i].view, first.size ? &other : &first);
        if (other.size && !cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&other)))
            world_fail(world, "convergence:\n%.*s%.*s", (int)first.size, (const char *)first.data,
                       (int)other.size, (const char *)other.data);
    }
    cf_buffer_release(&first);
    cf_buffer_release(&other);
}

static size_t times_shown(const world_device *device, const char *content)
{
    size_t count = 0;

    for (size_t i = 0; i < device->file_count; i++)
        count += device->files[i].kind != CF_KIND_DIRECTORY &&
                 strcmp(device->files[i].content, content) == 0;
    return count;
}

static void check_contents(test_world *world, const world_device *device)
{
    for (size_t i = 0; i < world->content_count; i++) {
        const world_content *content = &world->contents[i];
        size_t shown = times_shown(device, content->content);

        if (content->written && !content->gone && shown == 0)
            world_fail(world, "loss: %s is nowhere", content->content);
        if (shown > 1 && !content->shared)
            world_fail(world, "twice: %s", content->content);
        if (shown && !content->written)
            world_fail(world, "invention: %s", content->content);
        if (shown && content->edited && !content->shared)
            world_fail(world, "stale: %s was replaced by one who saw it", content->content);
    }
}

void world_settle(test_world *world)
{
    bool published = true;

    for (int round = 0; round < ROUNDS_MAX && (published || round < 2); round++)
        published = exchange_all(world);
    if (published)
        world_fail(world, "quiet: devices go on publishing");
    check_equal(world);
    for (size_t i = 0; i < world->device_count && !world->revoked; i++)
        check_contents(world, &world->devices[i]);
}
