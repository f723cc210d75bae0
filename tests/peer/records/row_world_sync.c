/* SPDX-License-Identifier: Apache-2.0 */
/* How the devices of a world scan, hear of each other, apply, and come to an end. */
#include "tests/peer/records/row_world.h"

#include <stdlib.h>

#include "codec/hash_table.h"
#include "tests/peer/records/row_check.h"
#include "tests/peer/model/states.h"

enum { SETTLE_ROUNDS = 6 };

/* Whether the disk says something else than the base, as the format shows it. */
static bool is_dirty(const row_source *source)
{
    cf_arena arena = {0};
    size_t shown_count = 0;
    bool dirty = false;

    for (const cf_row *row = cf_rows_next(source->base, NULL); row;
         row = cf_rows_next(source->base, row)) {
        const cf_row *disk = row_disk_find(source, row->table, row->key);
        cf_row shown;

        if (!cf_row_show(source->format, row, &arena, &shown))
            continue;
        shown_count++;
        dirty = dirty || !disk || !cf_row_same(row_world_table(row), &shown, disk);
    }
    cf_arena_release(&arena);
    return dirty || shown_count != source->count;
}

/* ---- Entries ---- */

static bool is_whole(const row_world *world, const row_device *device, const row_entry *entry)
{
    uint64_t found = 0;

    for (size_t i = 0; i < world->entry_count; i++)
        found += device->held[i] &&
                 cf_id_equal(&world->entries[i].dot.writer, &entry->dot.writer) &&
                 world->entries[i].dot.sequence >= entry->first &&
                 world->entries[i].dot.sequence < entry->first + entry->parts;
    return found == entry->parts;
}

/* `but`: the source that was scanned; the others may have something to apply now. */
static void recompute(row_world *world, row_device *device, const row_source *but)
{
    cf_state_destroy(&device->state);
    device->state = cf_state_new();
    for (size_t i = 0; i < world->entry_count; i++) {
        const row_entry *entry = &world->entries[i];

        if (device->held[i] && is_whole(world, device, entry))
            cf_state_apply(device->state, &entry->dot, entry->time, entry->changes, entry->count,
                           NULL);
    }
    for (size_t i = 0; i < device->source_count; i++)
        device->sources[i].clean = device->sources[i].clean && &device->sources[i] == but;
}

static void note_published(row_world *world, const cf_change *change)
{
    uint64_t hash = cf_hash_id(world->published, &change->item);

    hash = cf_hash_bytes(cf_hash_bytes(hash, change->field), change->value);
    for (size_t i = 0; i < change->over_count; i++)
        hash = cf_hash_bytes(hash, cf_bytes_of(&change->over[i].sequence, sizeof(uint64_t)));
    world->published = hash + change->weak;
}

static cf_change kept_change(const cf_change *change, cf_arena *arena)
{
    cf_change kept = *change;
    cf_dot *over = cf_arena_allocate(arena, change->over_count, sizeof *over);

    if (change->over_count)
        memcpy(over, change->over, change->over_count * sizeof *over);
    kept.over = over;
    kept.field = cf_arena_copy(arena, change->field);
    kept.value = cf_arena_copy(arena, change->value);
    return kept;
}

static void add_entry(row_world *world, row_device *device, const row_entry *model,
                      const cf_change *changes, size_t count)
{
    if (world->entry_count == ROW_ENTRIES)
        row_world_broken(world, "too many entries");
    row_entry *entry = &world->entries[world->entry_count];
    *entry = *model;
    entry->count = count;
    entry->changes = cf_arena_allocate(&world->arena, count, sizeof *entry->changes);
    for (size_t i = 0; i < count; i++) {
        entry->changes[i] = kept_change(&changes[i], &world->arena);
        note_published(world, &changes[i]);
    }
    device->held[world->entry_count++] = true;
}

/* Cuts the changes into entries; says which entry carries each. */
static cf_dot *publish(row_world *world, row_device *device, const cf_row_diff *scan, size_t parts)
{
    size_t size = (scan->count + parts - 1) / parts;
    cf_dot *dots = cf_arena_allocate(&world->arena, scan->count, sizeof *dots);
    row_entry model = {.dot.writer = scan->input->writer,
                       .time = scan->input->time,
                       .first = scan->input->sequence,
                       .parts = (scan->count + size - 1) / size};

    for (size_t from = 0; from < scan->count; from += size) {
        size_t count = scan->count - from < size ? scan->count - from : size;

        model.dot.sequence = ++device->sequence;
        for (size_t i = from; i < from + count; i++)
            dots[i] = model.dot;
        add_entry(world, device, &model, &scan->changes[from], count);
    }
    return dots;
}

/* ---- Scan ---- */

/* Through the record that is kept of it, so that this is tried, too. */
static void put_in_base(row_world *world, row_source *source, const cf_row *row)
{
    cf_arena arena = {0};
    cf_buffer record = {0};
    cf_row read;
    cf_error error;

    cf_row_pack(row, &record);
    if (cf_row_read(cf_buffer_view(&record), &arena, &read, &error))
        row_world_broken(world, "%s", error.text);
    cf_rows_put(source->base, &read);
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

static void rebase(row_world *world, row_source *source, const cf_row_diff *scan,
                   const cf_dot *dots)
{
    cf_arena arena = {0};
    cf_row_rebase after;

    cf_row_diff_rebase(scan, dots, &arena, &after);
    for (size_t i = 0; i < after.gone_count; i++)
        cf_rows_drop(source->base, after.gone[i].table, after.gone[i].key);
    for (size_t i = 0; i < after.row_count; i++)
        put_in_base(world, source, &after.rows[i]);
    cf_arena_release(&arena);
}

static uint64_t tick(row_world *world, row_device *device)
{
    uint64_t now = world->now_ms + device->skew_ms;

    return device->time_ms + 1 > now ? device->time_ms + 1 : now;
}

/* What the user did may have freed a row that was held back: it is to be applied. */
static bool shows_all(const row_source *source, const cf_row_view *view)
{
    bool all = true;

    for (size_t i = 0; all && i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);

        all = !cf_format_holds_table(source->format, row->table) ||
              row_disk_find(source, row->table, row->key) != NULL;
    }
    return all;
}

static bool scan_source(row_world *world, row_device *device, row_source *source, size_t parts)
{
    cf_arena arena = {0};
    cf_row_view *before = cf_row_view_new(device->state, &row_world_schema), *after;
    cf_row_diff_input input = {
        .ids = &cf_record_ids_product,
        .schema = &row_world_schema,
        .format = source->format,
        .state = device->state,
        .view = before,
        .base = source->base,
        .disk = source->disk,
        .disk_count = source->count,
        .writer = {{(uint8_t)device->name}},
        .sequence = device->sequence + 1,
        .time = {.ms = tick(world, device)},
    };
    cf_row_diff scan;

    cf_row_diff_run(&input, &arena, &scan);
    if ((scan.count > 0) != is_dirty(source))
        row_world_broken(world, "%c is %sdirty, but has %zu changes", device->name,
                         is_dirty(source) ? "" : "not ", scan.count);
    if (scan.count) {
        device->time_ms = input.time.ms;
        rebase(world, source, &scan, publish(world, device, &scan, parts));
        if (is_dirty(source))
            row_world_broken(world, "%c is dirty after a scan", device->name);
        cf_state *scanned = device->state; /* `before` borrows from it */
        device->state = NULL;
        recompute(world, device, source);
        after = cf_row_view_new(device->state, &row_world_schema);
        if (source->clean)
            row_check_fidelity(world, source, before, after);
        if (source->clean && source->format->whole)
            row_check_base(world, source, before, after);
        source->clean = source->clean && shows_all(source, after);
        cf_row_view_destroy(&after);
        cf_row_view_destroy(&before);
        cf_state_destroy(&scanned);
    }
    cf_row_view_destroy(&before);
    cf_arena_release(&arena);
    return scan.count > 0;
}

bool row_world_scan(row_world *world, row_device *device, size_t parts)
{
    bool published = false;

    for (size_t i = 0; i < device->source_count; i++)
        published = scan_source(world, device, &device->sources[i], parts) || published;
    return published;
}

/* ---- Receive and apply ---- */

static int in_time(const void *left, const void *right)
{
    const row_entry *a = *(row_entry *const *)left, *b = *(row_entry *const *)right;
    int order = cf_time_compare(a->time, b->time);

    return order ? order : cf_dot_compare(&a->dot, &b->dot);
}

void row_world_receive(row_world *world, row_device *device, const row_device *other,
                       unsigned share)
{
    row_entry *news[ROW_ENTRIES];
    size_t count = 0;

    for (size_t i = 0; i < world->entry_count; i++)
        if (other->held[i] && !device->held[i])
            news[count++] = &world->entries[i];
    if (count == 0)
        return;
    qsort(news, count, sizeof *news, in_time);
    size_t most = count * share / 100 ? count * share / 100 : 1;
    for (size_t i = 0; i < most; i++) {
        device->held[news[i] - world->entries] = true;
        if (news[i]->time.ms > device->time_ms)
            device->time_ms = news[i]->time.ms;
    }
    recompute(world, device, NULL);
}

/* The disk keeps a row that says the same, with what of it is volatile. */
static bool may_stay(const row_source *source, const cf_row *shown, const cf_row *disk)
{
    const cf_row *base = cf_rows_find(source->base, shown->table, shown->key);

    return disk && base && cf_id_equal(&base->item, &shown->item) &&
           cf_row_same(row_world_table(shown), disk, shown);
}

static void apply_to(row_world *world, row_source *source, const cf_row_view *view)
{
    row_source fresh = {.format = source->format, .base = cf_rows_new(), .clean = true};

    for (size_t i = 0; i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);
        const cf_row *disk = row_disk_find(source, row->table, row->key);
        cf_row agreed = cf_row_view_agree(view, row, &world->arena), shown;

        put_in_base(world, &fresh, &agreed);
        if (cf_row_show(source->format, &agreed, &world->arena, &shown))
            row_disk_put(&fresh, may_stay(source, &shown, disk) ? *disk : shown);
    }
    cf_rows_destroy(&source->base);
    free(source->disk);
    *source = fresh;
}

void row_world_apply(row_world *world, row_device *device)
{
    cf_row_view *view = cf_row_view_new(device->state, &row_world_schema);

    for (size_t i = 0; i < device->source_count; i++)
        if (!is_dirty(&device->sources[i]))
            apply_to(world, &device->sources[i], view);
    cf_row_view_destroy(&view);
}

/* ---- All together ---- */

static void exchange(row_world *world)
{
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < world->device_count; i++)
            for (size_t k = 0; k < world->device_count; k++)
                if (i != k)
                    row_world_receive(world, &world->devices[i], &world->devices[k], 100);
    for (size_t i = 0; i < world->device_count; i++)
        row_world_apply(world, &world->devices[i]);
}

static int by_writer(const void *left, const void *right)
{
    const row_entry *const *a = left, *const *b = right;

    return cf_dot_compare(&(*a)->dot, &(*b)->dot);
}

/* One who joins now gets the key last and folds what waited for it writer by writer: what is stored
 * there of all entries is what this device has of them. */
static void check_stored(const row_world *world, const row_device *device)
{
    const row_entry **entries = cf_allocate(world->entry_count, sizeof *entries);
    cf_state *joined = cf_state_new();

    for (size_t i = 0; i < world->entry_count; i++)
        entries[i] = &world->entries[i];
    qsort(entries, world->entry_count, sizeof *entries, by_writer);
    for (size_t i = 0; i < world->entry_count; i++)
        cf_state_apply(joined, &entries[i]->dot, entries[i]->time, entries[i]->changes,
                       entries[i]->count, NULL);
    if (!states_are_equal(device->state, joined))
        row_world_broken(world, "%c has another state than who joins now", device->name);
    cf_state_destroy(&joined);
    free(entries);
}

void row_world_settle(row_world *world)
{
    bool published = true;

    for (size_t round = 0; published; round++) {
        if (round == SETTLE_ROUNDS)
            row_world_broken(world, "the devices go on publishing");
        published = round == 0;
        for (size_t i = 0; i < world->device_count; i++)
            published = row_world_scan(world, &world->devices[i], 1) || published;
        exchange(world);
    }
    cf_row_view *first = cf_row_view_new(world->devices[0].state, &row_world_schema);
    for (size_t i = 0; i < world->device_count; i++) {
        cf_row_view *view = cf_row_view_new(world->devices[i].state, &row_world_schema);

        row_check_equal(world, first, view);
        row_check_shown(world, view);
        row_check_disks(world, &world->devices[i], view);
        check_stored(world, &world->devices[i]);
        cf_row_view_destroy(&view);
    }
    cf_row_view_destroy(&first);
}
