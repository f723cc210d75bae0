/* SPDX-License-Identifier: Apache-2.0 */
/* The disk of a device, its base, and the way from one to the other in both directions. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/world.h"

enum { PLAIN_MODE = 0644 };

world_file *world_find(const world_device *device, uint64_t number)
{
    for (size_t i = 0; i < device->file_count; i++)
        if (device->files[i].number == number)
            return &device->files[i];
    return NULL;
}

static world_file *add_file(world_device *device, const world_file *file)
{
    device->files = cf_grow(device->files, &device->file_capacity, device->file_count + 1,
                            sizeof *device->files);
    device->files[device->file_count] = *file;
    return &device->files[device->file_count++];
}

static cf_bytes packed_number(cf_arena *arena, uint64_t number)
{
    cf_buffer packed = {0};

    cf_pack_uint(&packed, number);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

static cf_bytes packed_content(cf_arena *arena, const world_file *file)
{
    cf_buffer packed = {0};

    if (file->kind == CF_KIND_DIRECTORY)
        return (cf_bytes){0};
    cf_pack_text(&packed, cf_bytes_of_text(file->content));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

static cf_finding finding_of(cf_arena *arena, const world_file *file)
{
    cf_finding finding = {
        .number = file->number,
        .parent = file->parent,
        .name = cf_bytes_of_text(file->name),
        .kind = file->kind,
        .content = packed_content(arena, file),
        .mode = packed_number(arena, file->mode),
    };

    if (file->kind == CF_KIND_FILE)
        finding.mtime = packed_number(arena, file->mtime_ns);
    return finding;
}

static bool is_as_in_base(const cf_nodes *base, const cf_finding *found)
{
    const cf_node *node = cf_nodes_find(base, found->number);

    return node && node->parent == found->parent && cf_bytes_equal(node->name, found->name) &&
           cf_bytes_equal(node->content, found->content) &&
           cf_bytes_equal(node->mode, found->mode) && cf_bytes_equal(node->mtime, found->mtime);
}

typedef struct {
    const world_device *device;
    uint64_t *gone;
    size_t count;
} missing_nodes;

static void find_gone(void *context, const cf_node *node)
{
    missing_nodes *missing = context;

    if (!world_find(missing->device, node->number))
        missing->gone[missing->count++] = node->number;
}

static void compare(const world_device *device, cf_arena *arena, cf_scan_input *input)
{
    cf_finding *found = cf_arena_allocate(arena, device->file_count, sizeof *found);
    missing_nodes missing = {device, NULL, 0};

    missing.gone = cf_arena_allocate(arena, cf_nodes_count(device->base), sizeof *missing.gone);
    cf_nodes_each(device->base, find_gone, &missing);
    for (size_t i = 0; i < device->file_count; i++) {
        found[input->found_count] = finding_of(arena, &device->files[i]);
        input->found_count += !is_as_in_base(device->base, &found[input->found_count]);
    }
    input->found = found;
    input->gone = missing.gone;
    input->gone_count = missing.count;
}

bool world_is_dirty(const world_device *device)
{
    cf_arena arena = {0};
    cf_scan_input input = {0};

    compare(device, &arena, &input);
    cf_arena_release(&arena);
    return input.found_count || input.gone_count;
}

static cf_bytes content_text(const cf_node *node)
{
    cf_reader reader = cf_reader_of(node->content);
    cf_bytes text = {0};
    cf_error error;

    if (cf_read_text(&reader, &text, &error))
        abort();
    return text;
}

/* The ledger: what became of each content. */
static void note(test_world *world, const world_device *device, const cf_scan_input *input)
{
    for (size_t i = 0; i < input->found_count; i++) {
        const world_file *file = world_find(device, input->found[i].number);
        const cf_node *node = cf_nodes_find(device->base, file->number);

        if (file->kind == CF_KIND_DIRECTORY)
            continue;
        world_content_of(world, file->content)->written = true;
        if (!node || cf_bytes_equal(node->content, input->found[i].content))
            continue;
        char *was = cf_arena_text(&world->arena, content_text(node));
        world_content *replaced = world_content_of(world, was);
        replaced->edited = replaced->gone = true;
    }
    for (size_t i = 0; i < input->gone_count; i++) {
        const cf_node *node = cf_nodes_find(device->base, input->gone[i]);

        if (node->kind != CF_KIND_DIRECTORY)
            world_content_of(world, cf_arena_text(&world->arena, content_text(node)))->gone = true;
    }
}

static cf_change *copy_changes(cf_arena *arena, const cf_scan *scan)
{
    cf_change *copy = cf_arena_allocate(arena, scan->count, sizeof *copy);

    for (size_t i = 0; i < scan->count; i++) {
        const cf_change *from = &scan->changes[i];

        copy[i] = *from;
        copy[i].field = cf_arena_copy(arena, from->field);
        copy[i].value = cf_arena_copy(arena, from->value);
        copy[i].over = (const cf_dot *)(const void *)cf_arena_copy(
                           arena, cf_bytes_of(from->over, from->over_count * sizeof(cf_dot)))
                           .data;
    }
    return copy;
}

static size_t publish(test_world *world, world_device *device, const cf_scan *scan, cf_time time)
{
    world_entry entry = {.time = time, .count = scan->count};

    entry.dot.writer = device->writer;
    entry.dot.sequence = ++device->sequence;
    world->env.random(world->env.context, entry.dot.hash, sizeof entry.dot.hash);
    entry.changes = copy_changes(&world->arena, scan);
    world->entries =
        cf_grow(world->entries, &world->entry_capacity, world->entry_count + 1, sizeof entry);
    world->entries[world->entry_count] = entry;
    return world->entry_count++;
}

static void take_base(world_device *device, const cf_scan *scan, const cf_dot *dot, cf_arena *arena)
{
    cf_dot *dots = cf_arena_allocate(arena, scan->count, sizeof *dots);
    const cf_node *nodes;
    size_t count;

    for (size_t i = 0; i < scan->count; i++)
        dots[i] = *dot;
    cf_scan_rebase(scan, dots, arena, &nodes, &count);
    for (size_t i = 0; i < scan->input->gone_count; i++)
        cf_nodes_drop(device->base, scan->input->gone[i]);
    for (size_t i = 0; i < count; i++)
        cf_nodes_put(device->base, &nodes[i]);
}

bool world_scan(test_world *world, world_device *device)
{
    cf_arena arena = {0};
    cf_time time = cf_time_after(device->time, world->now_ms + device->skew_ms);
    cf_scan_input input = {
        .rules = &world->rules,
        .state = device->state,
        .view = device->view,
        .base = device->base,
        .writer = device->writer,
        .sequence = device->sequence + 1,
        .time = time,
    };
    cf_scan scan;

    compare(device, &arena, &input);
    bool dirty = input.found_count || input.gone_count;
    if (dirty) {
        cf_scan_run(&input, &arena, &scan);
        if (scan.count == 0)
            world_fail(world, "a disk that was changed made no change");
        note(world, device, &input);
        size_t index = publish(world, device, &scan, time);
        take_base(device, &scan, &world->entries[index].dot, &arena);
        world_hold(world, device, index);
        if (world_is_dirty(device))
            world_fail(world, "the base after a scan is not the disk");
        if (device->clean)
            world_check_disk(world, device);
    }
    cf_arena_release(&arena);
    return dirty;
}

static void fill_file(test_world *world, const cf_shown *shown, world_file *file)
{
    cf_node content = {.content = shown->content};
    cf_reader mode = cf_reader_of(shown->mode), mtime = cf_reader_of(shown->mtime);
    cf_error error;

    if (shown->name.size >= sizeof file->name)
        world_fail(world, "a name of %zu bytes", shown->name.size);
    snprintf(file->name, sizeof file->name, "%.*s", (int)shown->name.size,
             (const char *)shown->name.data);
    file->kind = shown->kind;
    if (file->kind != CF_KIND_DIRECTORY) {
        cf_bytes text = content_text(&content);

        snprintf(file->content, sizeof file->content, "%.*s", (int)text.size,
                 (const char *)text.data);
    }
    if (shown->mode.size && cf_read_uint(&mode, &file->mode, &error))
        world_fail(world, "a mode that is none");
    if (shown->mtime.size && cf_read_uint(&mtime, &file->mtime_ns, &error))
        world_fail(world, "an mtime that is none");
}

/* One step of an apply: the node becomes what is shown, on the disk and in the base. */
static void bring(test_world *world, world_device *device, uint64_t number, uint64_t parent,
                  const cf_shown *shown)
{
    world_file *file = world_find(device, number);
    world_file fresh = {.number = number, .mode = PLAIN_MODE};
    cf_arena arena = {0};

    fresh.mtime_ns = world->now_ms * UINT64_C(1000000);
    if (!file)
        file = add_file(device, &fresh);
    file->parent = parent;
    fill_file(world, shown, file);
    cf_finding now = finding_of(&arena, file);
    cf_node node = {.number = number, .parent = parent, .mode = now.mode, .mtime = now.mtime};
    cf_shown_agree(shown, &arena, &node);
    cf_nodes_put(device->base, &node);
    cf_arena_release(&arena);
}

static void bring_group(test_world *world, world_device *device, const cf_id *directory,
                        uint64_t number)
{
    cf_arena arena = {0};
    cf_group group;
    const cf_shown *shown;
    size_t count;

    cf_view_group_of(device->view, directory, &arena, &group);
    cf_view_list(device->view, &group, &arena, &shown, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t child = ++world->last_number;

        bring(world, device, child, number, &shown[i]);
        if (shown[i].kind == CF_KIND_DIRECTORY)
            bring_group(world, device, &shown[i].items[0], child);
    }
    cf_arena_release(&arena);
}

void world_apply(test_world *world, world_device *device)
{
    if (world_is_dirty(device)) {
        world_apply_part(world, device, 100);
        return;
    }
    cf_nodes_destroy(&device->base);
    device->base = cf_nodes_new();
    device->file_count = 0;
    bring_group(world, device, &cf_root_item, CF_NODE_ROOT);
    device->clean = true;
    world_check_disk(world, device);
}

/* The directory of the node is on the disk, where and as the view shows it. */
static bool directory_is_agreed(world_device *device, uint64_t number, const cf_id *shown_in)
{
    if (number == CF_NODE_ROOT)
        return cf_id_equal(shown_in, &cf_root_item);
    const cf_node *node = cf_nodes_find(device->base, number);
    const world_file *file = world_find(device, number);
    cf_arena arena = {0};
    cf_place place;
    bool agreed = node && file && file->parent == node->parent &&
                  cf_bytes_equal(node->name, cf_bytes_of_text(file->name)) &&
                  cf_view_find(device->view, &node->items[0], &arena, &place) &&
                  cf_bytes_equal(place.shown->name, node->name) &&
                  place.shown->item_count == node->item_count;
    bool listed = false;

    for (size_t i = 0; agreed && i < node->item_count; i++) {
        listed = listed || cf_id_equal(&node->items[i], shown_in);
        agreed = cf_view_find(device->view, &node->items[i], &arena, &place);
    }
    agreed = agreed && listed && directory_is_agreed(device, node->parent, &place.directory);
    cf_arena_release(&arena);
    return agreed;
}

static bool file_is_as_in_base(world_device *device, const cf_node *node)
{
    const world_file *file = world_find(device, node->number);
    cf_arena arena = {0};
    bool same = false;

    if (file) {
        cf_finding now = finding_of(&arena, file);
        same = is_as_in_base(device->base, &now);
    }
    cf_arena_release(&arena);
    return same;
}

/* A1 for a file that has a node: deleted, or brought up where it lies. */
static void step_known(test_world *world, world_device *device, uint64_t number)
{
    const cf_node *node = cf_nodes_find(device->base, number);
    cf_arena arena = {0};
    cf_place place;
    bool anywhere = false;

    if (node->kind == CF_KIND_DIRECTORY || !file_is_as_in_base(device, node))
        return;
    for (size_t i = 0; i < node->item_count; i++) {
        if (!cf_view_find(device->view, &node->items[i], &arena, &place))
            continue;
        anywhere = true;
        if (cf_bytes_equal(place.shown->name, node->name) &&
            directory_is_agreed(device, node->parent, &place.directory)) {
            bring(world, device, number, node->parent, place.shown);
            break;
        }
    }
    if (!anywhere) {
        cf_nodes_drop(device->base, number);
        world_remove(device, number);
    }
    cf_arena_release(&arena);
}

static void copy_node(void *context, const cf_node *node)
{
    cf_nodes_put(context, node);
}

void world_copy_base(world_device *device, const world_device *of)
{
    cf_nodes_each(of->base, copy_node, device->base);
}

static bool is_bound(const world_device *device, const cf_shown *shown)
{
    for (size_t i = 0; i < shown->item_count; i++)
        if (cf_nodes_next_of_item(device->base, &shown->items[i], NULL))
            return true;
    return cf_shown_elsewhere(shown, device->base, CF_NODE_ROOT) != NULL; /* A2 */
}

static void step_new(test_world *world, world_device *device, uint64_t parent,
                     const cf_id *directory, uint64_t percent)
{
    cf_arena arena = {0};
    cf_group group;
    const cf_shown *shown;
    size_t count;

    cf_view_group_of(device->view, directory, &arena, &group);
    cf_view_list(device->view, &group, &arena, &shown, &count);
    for (size_t i = 0; i < count; i++) {
        char *name = cf_arena_text(&arena, shown[i].name);

        if (shown[i].kind != CF_KIND_DIRECTORY && world_random(world, 100) < percent &&
            !world_child(device, parent, name) && !is_bound(device, &shown[i]) &&
            directory_is_agreed(device, parent, directory))
            bring(world, device, ++world->last_number, parent, &shown[i]);
    }
    cf_arena_release(&arena);
}

typedef struct {
    uint64_t *numbers;
    size_t count, capacity;
} number_list;

static void add_number(void *context, const cf_node *node)
{
    number_list *list = context;

    list->numbers = cf_grow(list->numbers, &list->capacity, list->count + 1, sizeof(uint64_t));
    list->numbers[list->count++] = node->number;
}

void world_apply_part(test_world *world, world_device *device, uint64_t percent)
{
    number_list all = {0};

    cf_nodes_each(device->base, add_number, &all);
    for (size_t i = 0; i < all.count; i++)
        if (world_random(world, 100) < percent)
            step_known(world, device, all.numbers[i]);
    step_new(world, device, CF_NODE_ROOT, &cf_root_item, percent);
    for (size_t i = 0; i < all.count; i++) {
        const cf_node *node = cf_nodes_find(device->base, all.numbers[i]);

        if (node && node->kind == CF_KIND_DIRECTORY) {
            cf_id item = node->items[0];

            step_new(world, device, node->number, &item, percent);
        }
    }
    device->clean = false;
    free(all.numbers);
}
