/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/row_check.h"

#include <stdio.h>

#include "tests/peer/records/made_row.h"

/* ---- One source ---- */

static void print_row(const char *what, const cf_row *row)
{
    cf_buffer text = {0};

    made_print(row, &text);
    fprintf(stderr, "%s %.*s\n", what, (int)text.size, (const char *)text.data);
    cf_buffer_release(&text);
}

static cf_row without_tel(const cf_row *row, cf_arena *arena)
{
    cf_row copy = cf_row_copy(row, arena);
    cf_row_field *fields = (cf_row_field *)copy.fields;

    for (size_t i = 0; i < copy.field_count; i++)
        if (cf_bytes_equal(fields[i].name, cf_bytes_of_text("/tel")))
            fields[i].count = 0;
    return copy;
}

/* A slot that was emptied: the next value moves up. */
static bool shows_as_left(const row_source *source, const cf_row *shown, const cf_row *disk)
{
    cf_arena arena = {0};
    cf_row row = *shown;

    if (!source->format->whole && !cf_row_field_named(disk, cf_bytes_of_text("/tel")))
        row = without_tel(shown, &arena);
    bool same = cf_row_same(row_world_table(disk), &row, disk);
    cf_arena_release(&arena);
    return same;
}

/* The row was held back and fits now, or comes back with its family. */
static bool is_new_in_view(const cf_row_view *before, const cf_row *row)
{
    return cf_row_view_holds_back(before, &row->item) || !cf_row_view_of_item(before, &row->item);
}

void row_check_fidelity(const row_world *world, const row_source *source, const cf_row_view *before,
                        const cf_row_view *after)
{
    cf_arena arena = {0};

    for (size_t i = 0; i < cf_row_view_count(after); i++) {
        const cf_row *row = cf_row_view_at(after, i);
        const cf_row *disk = row_disk_find(source, row->table, row->key);
        cf_row shown;

        if (!cf_row_show(source->format, row, &arena, &shown) ||
            (!disk && is_new_in_view(before, row)))
            continue;
        if (disk && shows_as_left(source, &shown, disk))
            continue;
        print_row("shown", &shown);
        row_world_broken(world, "what the user did is shown otherwise");
    }
    for (size_t i = 0; i < source->count; i++)
        if (!cf_row_view_find(after, source->disk[i].table, source->disk[i].key)) {
            print_row("disk", &source->disk[i]);
            row_world_broken(world, "what the user did is not shown");
        }
    cf_arena_release(&arena);
}

/* `hidden`: what `wanted` shows may be one that isn't shown: what was written over nobody's word
 * may be what it was. */
static bool has_ref(const cf_row_ref *refs, size_t count, const cf_row_ref *wanted, bool hidden)
{
    hidden = hidden && wanted->standing == CF_WRITE_SHOWN;
    for (size_t i = 0; i < count; i++)
        if (cf_dot_equal(&refs[i].dot, &wanted->dot) &&
            cf_bytes_equal(refs[i].field, wanted->field) &&
            cf_bytes_equal(refs[i].value, wanted->value) &&
            (refs[i].standing == wanted->standing ||
             (hidden && refs[i].standing == CF_WRITE_HIDDEN)))
            return true;
    return false;
}

/* Also the volatile ones; whatever the order in sets. */
static bool same_values(const cf_row *a, const cf_row *b)
{
    cf_schema_table steady = *row_world_table(a);
    cf_field_rule fields[8];

    for (size_t i = 0; i < steady.field_count; i++) {
        fields[i] = steady.fields[i];
        if (fields[i].merge == CF_MERGE_VOLATILE)
            fields[i].merge = CF_MERGE_WEAK;
    }
    steady.fields = fields;
    return cf_row_same(&steady, a, b);
}

/* All that is shown or listed of `a` is of `b`. */
static bool same_writes(const cf_row *a, const cf_row *b, bool hidden)
{
    cf_arena arena = {0};
    cf_row_ref *refs, *others;
    size_t count, other_count;
    cf_error error;

    bool same = cf_row_refs_read(a, &arena, &refs, &count, &error) == CF_OK &&
                cf_row_refs_read(b, &arena, &others, &other_count, &error) == CF_OK;
    for (size_t i = 0; same && i < count; i++)
        same =
            refs[i].standing == CF_WRITE_HIDDEN || has_ref(others, other_count, &refs[i], hidden);
    cf_arena_release(&arena);
    return same;
}

void row_check_base(const row_world *world, const row_source *source, const cf_row_view *before,
                    const cf_row_view *after)
{
    for (size_t i = 0; i < cf_row_view_count(after); i++) {
        const cf_row *row = cf_row_view_at(after, i);
        const cf_row *base = cf_rows_find(source->base, row->table, row->key);
        cf_arena arena = {0};
        cf_row agreed = cf_row_view_agree(after, row, &arena);

        if (!base && is_new_in_view(before, row)) {
            cf_arena_release(&arena);
            continue;
        }
        if (!base || !cf_id_equal(&base->item, &row->item) || base->displaced != row->displaced ||
            !same_writes(base, &agreed, false) || !same_writes(&agreed, base, true) ||
            !same_values(base, row))
            row_world_broken(world, "the base shows other writes than the view");
        cf_arena_release(&arena);
    }
}

/* ---- All devices ---- */

void row_check_equal(const row_world *world, const cf_row_view *a, const cf_row_view *b)
{
    size_t held, other_held, conflicts, other_conflicts;

    cf_row_view_held(a, &held);
    cf_row_view_held(b, &other_held);
    cf_row_view_conflicts(a, &conflicts);
    cf_row_view_conflicts(b, &other_conflicts);
    if (cf_row_view_count(a) != cf_row_view_count(b) || held != other_held ||
        conflicts != other_conflicts)
        row_world_broken(world, "the devices differ");
    for (size_t i = 0; i < cf_row_view_count(a); i++) {
        const cf_row *row = cf_row_view_at(a, i);
        const cf_row *other = cf_row_view_find(b, row->table, row->key);

        if (!other || !cf_id_equal(&row->item, &other->item) ||
            !cf_row_same(row_world_table(row), row, other))
            row_world_broken(world, "the devices differ");
    }
}

/* A column that another row has gives way, not the row that says it. */
void row_check_shown(const row_world *world, const cf_row_view *view)
{
    size_t count;
    const cf_row_held *held = cf_row_view_held(view, &count);

    for (size_t i = 0; i < count; i++)
        if (held[i].why == CF_HELD_UNIQUE)
            row_world_broken(world, "a row is hidden for what another one has");
    for (size_t i = 0; i < cf_row_view_count(view); i++)
        for (size_t k = 0; k < i; k++) {
            const cf_row *a = cf_row_view_at(view, i), *b = cf_row_view_at(view, k);
            const cf_row_field *own = cf_row_field_named(a, cf_bytes_of_text("/email")),
                               *other = cf_row_field_named(b, cf_bytes_of_text("/email"));

            if (own && other && cf_bytes_equal(own->values[0], other->values[0]))
                row_world_broken(world, "two rows have what only one can have");
        }
}

void row_check_disks(const row_world *world, const row_device *device, const cf_row_view *view)
{
    for (size_t i = 0; i < device->source_count; i++) {
        const row_source *source = &device->sources[i];
        cf_arena arena = {0};
        size_t count = 0;

        for (size_t k = 0; k < cf_row_view_count(view); k++) {
            const cf_row *row = cf_row_view_at(view, k);
            const cf_row *disk = row_disk_find(source, row->table, row->key);
            cf_row shown;

            if (!cf_row_show(source->format, row, &arena, &shown))
                continue;
            count++;
            if (!disk || !cf_row_same(row_world_table(row), &shown, disk))
                row_world_broken(world, "%c does not show what it should", device->name);
        }
        if (count != source->count)
            row_world_broken(world, "%c shows more than it should", device->name);
        cf_arena_release(&arena);
    }
}
