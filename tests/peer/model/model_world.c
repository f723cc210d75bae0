/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/model/model_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void model_print_disks(const model_world *world)
{
    for (size_t i = 0; i < world->device_count; i++) {
        const model_device *device = &world->devices[i];

        fprintf(stderr, "  %c", (char)('A' + i));
        for (size_t j = 0; j < device->file_count; j++) {
            const model_file *file = &device->files[j];

            fprintf(stderr, " %llu:%llu/%s=%s", (unsigned long long)file->number,
                    (unsigned long long)file->parent, file->name, file->content);
        }
        fprintf(stderr, "\n");
    }
}

void model_fail(const model_world *world, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "world %s: ", world->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    model_print_disks(world);
    abort();
}

static void open_device(model_world *world, model_device *device)
{
    device->state = cf_state_new();
    device->view = cf_view_new(&world->rules, device->state);
    device->base = cf_nodes_new();
    device->clean = true;
}

void model_open(model_world *world, const char *name, uint64_t seed, size_t devices)
{
    static const uint64_t skews[MODEL_DEVICES_MAX] = {0, 3000, 0, 7000, 1000};

    *world = (typeof(*world)){.name = name, .chance = {seed}, .device_count = devices};
    world->now_ms = UINT64_C(1795000000000);
    world->env = (cf_env){.context = &world->chance, .random = chance_random};
    cf_rules_product(&world->rules, &world->env);
    for (size_t i = 0; i < devices; i++) {
        model_device *device = &world->devices[i];

        open_device(world, device);
        chance_fill(&world->chance, device->writer.bytes, sizeof device->writer.bytes);
        device->skew_ms = skews[i];
    }
}

static void close_device(model_device *device)
{
    cf_view_destroy(&device->view);
    cf_state_destroy(&device->state);
    cf_nodes_destroy(&device->base);
    free(device->files);
    free(device->held);
    free(device->limits);
    free(device->marked.at);
    free(device->marked_in.at);
    free(device->items.at);
    free(device->said.at);
    device->files = NULL;
    device->held = NULL;
    device->limits = NULL;
    device->marked = device->marked_in = device->items = device->said = (cf_ids){0};
    device->file_capacity = device->held_capacity = device->limit_capacity = 0;
    device->file_count = device->limit_count = 0;
}

void model_close(model_world *world)
{
    for (size_t i = 0; i < world->device_count; i++) {
        close_device(&world->devices[i]);
        model_forget_listing(&world->devices[i]);
        model_forget_shown(&world->devices[i]);
    }
    free(world->entries);
    free(world->contents);
    cf_arena_release(&world->arena);
}

bool model_counts(const model_device *device, const model_entry *entry)
{
    for (size_t i = 0; i < device->limit_count; i++)
        if (cf_id_equal(&device->limits[i].writer, &entry->dot.writer) &&
            entry->dot.sequence > device->limits[i].sequence)
            return false;
    return true;
}

static void apply_entry(model_device *device, const model_entry *entry)
{
    cf_ids dirty = {0};

    cf_state_apply(device->state, &entry->dot, entry->time, entry->changes, entry->count, &dirty);
    cf_view_update(device->view, dirty.at, dirty.count);
    model_forget_shown(device);
    free(dirty.at);
}

bool model_holds(const model_device *device, size_t index)
{
    return index < device->held_capacity && device->held[index];
}

void model_hold(model_world *world, model_device *device, size_t index)
{
    const model_entry *entry = &world->entries[index];

    if (model_holds(device, index))
        return;
    size_t before = device->held_capacity;
    device->held = cf_grow(device->held, &device->held_capacity, index + 1, sizeof(bool));
    for (size_t i = before; i < device->held_capacity; i++)
        device->held[i] = false;
    device->held[index] = true;
    if (cf_time_compare(device->time, entry->time) < 0)
        device->time = entry->time;
    if (!cf_id_equal(&entry->dot.writer, &device->writer))
        device->clean = false;
    world->steps++;
    if (model_counts(device, entry))
        apply_entry(device, entry);
}

/* Items that an entry named are made anew from the entries that count (rule R). */
static void rebuild(model_world *world, model_device *device, const model_entry *lost)
{
    cf_ids items = {0};

    for (size_t i = 0; i < lost->count; i++) {
        const cf_id *item = &lost->changes[i].item;

        if (i && cf_id_equal(item, &lost->changes[i - 1].item))
            continue;
        cf_ids_add(&items, item);
        cf_state_forget_item(device->state, item);
        for (size_t e = 0; e < world->entry_count; e++) {
            const model_entry *entry = &world->entries[e];
            size_t first = 0, end;

            while (first < entry->count && cf_id_compare(&entry->changes[first].item, item) < 0)
                first++;
            for (end = first; end < entry->count; end++)
                if (!cf_id_equal(&entry->changes[end].item, item))
                    break;
            if (end > first && model_holds(device, e) && model_counts(device, entry))
                cf_state_apply(device->state, &entry->dot, entry->time, entry->changes + first,
                               end - first, NULL);
        }
    }
    cf_view_update(device->view, items.at, items.count);
    model_forget_shown(device);
    free(items.at);
}

static void limit(model_world *world, model_device *device, const model_limit *one)
{
    bool *counted = cf_allocate(world->entry_count, sizeof *counted);

    for (size_t i = 0; i < device->limit_count; i++)
        if (cf_id_equal(&device->limits[i].writer, &one->writer) &&
            device->limits[i].sequence <= one->sequence)
            goto done;
    for (size_t i = 0; i < world->entry_count; i++)
        counted[i] = model_counts(device, &world->entries[i]);
    *cf_one_more(device->limits, device->limit_count, device->limit_capacity) = *one;
    device->clean = false;
    for (size_t i = 0; i < world->entry_count; i++)
        if (model_holds(device, i) && counted[i] && !model_counts(device, &world->entries[i]))
            rebuild(world, device, &world->entries[i]);
done:
    free(counted);
}

/* Who finds entries of its own writer that it did not write goes on under a new one. */
static void leave_forked_writer(model_world *world, model_device *device, const model_entry *entry)
{
    if (!cf_id_equal(&entry->dot.writer, &device->writer))
        return;
    chance_fill(&world->chance, device->writer.bytes, sizeof device->writer.bytes);
    device->sequence = 0;
    device->clean = false;
}

void model_receive(model_world *world, model_device *device, const model_device *from,
                   uint64_t part)
{
    size_t missing = 0;

    for (size_t i = 0; i < world->entry_count; i++)
        missing += model_holds(from, i) && !model_holds(device, i);
    size_t wanted = part < 3 ? (missing * part + 2) / 3 : missing;
    for (size_t i = 0; wanted && i < world->entry_count; i++) {
        if (!model_holds(from, i) || model_holds(device, i))
            continue;
        leave_forked_writer(world, device, &world->entries[i]);
        model_hold(world, device, i);
        wanted--;
    }
    for (size_t i = 0; i < from->limit_count; i++)
        limit(world, device, &from->limits[i]);
}

void model_revoke(model_world *world, model_device *device, model_device *whom)
{
    size_t alive = 0; /* those that don't write under its name */

    for (size_t i = 0; i < world->device_count; i++)
        alive +=
            !world->devices[i].dead &&
            (&world->devices[i] == whom || !cf_id_equal(&world->devices[i].writer, &whom->writer));
    if (cf_id_equal(&device->writer, &whom->writer) || whom->dead || alive < world->device_count ||
        alive <= 2)
        return;
    world->revoked = whom->dead = true;
    limit(world, device,
          &(model_limit){whom->writer, chance_below(&world->chance, whom->sequence + 1)});
}

void model_fork(model_world *world, const model_device *of)
{
    size_t capacity = 0;

    if (world->device_count == MODEL_DEVICES_MAX || of->dead || world->revoked)
        return;
    model_device *device = &world->devices[world->device_count++];
    open_device(world, device);
    for (size_t i = 0; i < world->entry_count; i++)
        if (model_holds(of, i))
            model_hold(world, device, i);
    device->files = cf_grow(NULL, &capacity, of->file_count, sizeof *device->files);
    device->file_capacity = capacity;
    device->file_count = of->file_count;
    for (size_t i = 0; i < of->file_count; i++) {
        device->files[i] = of->files[i];
        model_content *content = model_content_of(world, of->files[i].content);
        content->shared = content->shared || !content->written; /* both will write it */
    }
    model_copy_base(device, of);
    device->writer = of->writer;
    device->sequence = of->sequence;
    device->time = of->time;
    device->skew_ms = 2000;
    device->clean = of->clean;
}
