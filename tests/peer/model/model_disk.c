/* SPDX-License-Identifier: Apache-2.0 */
/* The disk of a device, its base, and what a scan makes of the two. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "tests/peer/model/model_world_inside.h"

model_file *model_find(const model_device *device, uint64_t number)
{
    for (size_t i = 0; i < device->file_count; i++)
        if (device->files[i].number == number)
            return &device->files[i];
    return NULL;
}

model_file *model_add_file(model_device *device, const model_file *file)
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

static cf_bytes packed_content(cf_arena *arena, const model_file *file)
{
    cf_buffer packed = {0};

    if (file->kind == CF_KIND_DIRECTORY)
        return (cf_bytes){0};
    cf_pack_text(&packed, cf_bytes_of_text(file->content));
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

cf_finding model_finding(cf_arena *arena, const model_file *file)
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

bool model_is_as_in_base(const cf_nodes *base, const cf_finding *found)
{
    const cf_node *node = cf_nodes_find(base, found->number);

    return node && node->parent == found->parent && cf_bytes_equal(node->name, found->name) &&
           cf_bytes_equal(node->content, found->content) &&
           cf_bytes_equal(node->mode, found->mode) && cf_bytes_equal(node->mtime, found->mtime);
}

typedef struct {
    const model_device *device;
    uint64_t *gone;
    size_t count;
} missing_nodes;

static void find_gone(void *context, const cf_node *node)
{
    missing_nodes *missing = context;

    if (!model_find(missing->device, node->number))
        missing->gone[missing->count++] = node->number;
}

static void compare(const model_device *device, cf_arena *arena, cf_diff_input *input)
{
    cf_finding *found = cf_arena_allocate(arena, device->file_count, sizeof *found);
    missing_nodes missing = {device, NULL, 0};

    missing.gone = cf_arena_allocate(arena, cf_nodes_count(device->base), sizeof *missing.gone);
    cf_nodes_each(device->base, find_gone, &missing);
    for (size_t i = 0; i < device->file_count; i++) {
        found[input->found_count] = model_finding(arena, &device->files[i]);
        input->found_count += !model_is_as_in_base(device->base, &found[input->found_count]);
    }
    input->found = found;
    input->gone = missing.gone;
    input->gone_count = missing.count;
}

bool model_is_dirty(const model_device *device)
{
    cf_arena arena = {0};
    cf_diff_input input = {0};

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
static void note(model_world *world, const model_device *device, const cf_diff_input *input)
{
    for (size_t i = 0; i < input->found_count; i++) {
        const model_file *file = model_find(device, input->found[i].number);
        const cf_node *node = cf_nodes_find(device->base, file->number);

        if (file->kind == CF_KIND_DIRECTORY)
            continue;
        model_content_of(world, file->content)->written = true;
        if (!node || cf_bytes_equal(node->content, input->found[i].content))
            continue;
        char *was = cf_arena_text(&world->arena, content_text(node));
        model_content *replaced = model_content_of(world, was);
        replaced->edited = replaced->gone = true;
    }
    for (size_t i = 0; i < input->gone_count; i++) {
        const cf_node *node = cf_nodes_find(device->base, input->gone[i]);

        if (node->kind != CF_KIND_DIRECTORY)
            model_content_of(world, cf_arena_text(&world->arena, content_text(node)))->gone = true;
    }
}

static cf_change *copy_changes(cf_arena *arena, const cf_diff *scan)
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

static size_t publish(model_world *world, model_device *device, const cf_diff *scan, cf_time time)
{
    model_entry entry = {.time = time, .count = scan->count};

    entry.dot.writer = device->writer;
    entry.dot.sequence = ++device->sequence;
    world->env.random(world->env.context, entry.dot.hash, sizeof entry.dot.hash);
    entry.changes = copy_changes(&world->arena, scan);
    world->entries =
        cf_grow(world->entries, &world->entry_capacity, world->entry_count + 1, sizeof entry);
    world->entries[world->entry_count] = entry;
    return world->entry_count++;
}

static void take_base(model_device *device, const cf_diff *scan, const cf_dot *dot, cf_arena *arena)
{
    cf_dot *dots = cf_arena_allocate(arena, scan->count, sizeof *dots);
    const cf_node *nodes;
    size_t count;

    for (size_t i = 0; i < scan->count; i++)
        dots[i] = *dot;
    cf_diff_rebase(scan, dots, arena, &nodes, &count);
    for (size_t i = 0; i < scan->input->gone_count; i++)
        cf_nodes_drop(device->base, scan->input->gone[i]);
    for (size_t i = 0; i < count; i++)
        cf_nodes_put(device->base, &nodes[i]);
}

/* As the product has them planned: what lies there may be shown elsewhere. */
static void plan_directories(model_device *device, const cf_diff_input *input)
{
    for (size_t i = 0; i < input->found_count; i++) {
        const cf_node *node = cf_nodes_find(device->base, input->found[i].number);
        const cf_node *above = node ? cf_nodes_find(device->base, node->parent) : NULL;

        for (size_t k = 0; node && k < node->item_count; k++)
            cf_view_mark_item(device->view, above ? &above->items[0] : &cf_root_item,
                              &node->items[k]);
    }
}

bool model_scan(model_world *world, model_device *device)
{
    cf_arena arena = {0};
    cf_time time = cf_time_after(device->time, world->now_ms + device->skew_ms);
    cf_diff_input input = {
        .rules = &world->rules,
        .state = device->state,
        .view = device->view,
        .base = device->base,
        .writer = device->writer,
        .sequence = device->sequence + 1,
        .time = time,
    };
    cf_diff scan;

    compare(device, &arena, &input);
    bool dirty = input.found_count || input.gone_count;
    if (dirty) {
        cf_diff_run(&input, &arena, &scan);
        if (scan.count == 0)
            model_fail(world, "a disk that was changed made no change");
        note(world, device, &input);
        size_t index = publish(world, device, &scan, time);
        take_base(device, &scan, &world->entries[index].dot, &arena);
        plan_directories(device, &input);
        model_hold(world, device, index);
        if (model_is_dirty(device))
            model_fail(world, "the base after a scan is not the disk");
        if (device->clean)
            model_check_disk(world, device);
    }
    cf_arena_release(&arena);
    return dirty;
}

void model_fill_file(const model_world *world, const cf_shown *shown, model_file *file)
{
    cf_node content = {.content = shown->content};
    cf_reader mode = cf_reader_of(shown->mode), mtime = cf_reader_of(shown->mtime);
    cf_error error;

    if (shown->name.size >= sizeof file->name)
        model_fail(world, "a name of %zu bytes", shown->name.size);
    snprintf(file->name, sizeof file->name, "%.*s", (int)shown->name.size,
             (const char *)shown->name.data);
    file->kind = shown->kind;
    if (file->kind != CF_KIND_DIRECTORY) {
        cf_bytes text = content_text(&content);

        snprintf(file->content, sizeof file->content, "%.*s", (int)text.size,
                 (const char *)text.data);
    }
    if (shown->mode.size && cf_read_uint(&mode, &file->mode, &error))
        model_fail(world, "a mode that is none");
    if (shown->mtime.size && cf_read_uint(&mtime, &file->mtime_ns, &error))
        model_fail(world, "an mtime that is none");
}

static void copy_node(void *context, const cf_node *node)
{
    cf_nodes_put(context, node);
}

void model_copy_base(model_device *device, const model_device *of)
{
    cf_nodes_each(of->base, copy_node, device->base);
}
