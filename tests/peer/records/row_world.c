/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/row_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define COUNT(list) (sizeof(list) / sizeof *(list))

static const cf_field_rule own_fields[] = {
    {.name = NAME("/rev"), .merge = CF_MERGE_VOLATILE},
    {.name = NAME("/seen"), .merge = CF_MERGE_WEAK},
    {.name = NAME("/tel"), .merge = CF_MERGE_SET},
};
static const cf_field_rule phone_fields[] = {
    {.name = NAME("/about"), .merge = CF_MERGE_REFERENCE, .table = NAME("person")},
    {.name = NAME("/person"), .merge = CF_MERGE_REFERENCE, .table = NAME("person"), .owned = true},
};
static const cf_bytes mark[] = {NAME("/mark")}, email[] = {NAME("/email")};
static const cf_unique unique_email[] = {{.names = email, .count = 1}};
static const cf_schema_table tables[] = {
    {.name = NAME("card"), .kind = CF_KIND_ROW, .fields = own_fields, .field_count = 3},
    {.name = NAME("person"),
     .kind = CF_KIND_ROW,
     .serial = true,
     .fields = own_fields,
     .field_count = 3,
     .unique = unique_email,
     .unique_count = 1,
     .required = mark,
     .required_count = 1},
    {.name = NAME("phone"),
     .kind = CF_KIND_ROW,
     .serial = true,
     .fields = phone_fields,
     .field_count = 2,
     .required = mark,
     .required_count = 1},
};
const cf_schema row_world_schema = {tables, COUNT(tables)};

static const cf_format_field csv_card[] = {{NAME("/name"), false}, {NAME("/tel"), true}};
static const cf_format_field csv_person[] = {
    {NAME("/email"), false}, {NAME("/mark"), false}, {NAME("/name"), false}};
static const cf_format_table csv_tables[] = {
    {.name = NAME("card"), .fields = csv_card, .field_count = COUNT(csv_card)},
    {.name = NAME("person"), .fields = csv_person, .field_count = COUNT(csv_person)},
};
static const cf_tied_column phone_mail[] = {{.field = NAME("/mail")}},
                            person_email[] = {{.field = NAME("/email")}};
static const cf_row_tie by_mail[] = {{.child = NAME("phone"),
                                      .parent = NAME("person"),
                                      .from = phone_mail,
                                      .to = person_email,
                                      .count = 1,
                                      .field = NAME("/tie/person/mail")}};
static const cf_row_format database = {.whole = true, .ties = by_mail, .tie_count = 1};
static const cf_row_format csv = {.tables = csv_tables, .count = COUNT(csv_tables)};

void row_world_broken(const row_world *world, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", world->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    abort();
}

static void open_device(row_device *device, size_t index)
{
    static const uint64_t skews[ROW_DEVICES] = {0, 3, 0, 9};
    static const cf_row_format *const formats[ROW_DEVICES][ROW_SOURCES] = {
        {&database}, {&database}, {&database, &csv}, {&csv}};

    device->name = (char)('A' + index);
    device->skew_ms = skews[index];
    device->state = cf_state_new();
    for (size_t i = 0; i < ROW_SOURCES && formats[index][i]; i++)
        device->sources[device->source_count++] =
            (row_source){.format = formats[index][i], .base = cf_rows_new(), .clean = true};
}

row_world *row_world_new(const char *name, size_t device_count)
{
    row_world *world = cf_allocate(1, sizeof *world);

    snprintf(world->name, sizeof world->name, "%s", name);
    world->device_count = device_count;
    for (size_t i = 0; i < device_count; i++)
        open_device(&world->devices[i], i);
    return world;
}

void row_world_free(row_world *world)
{
    for (size_t i = 0; i < world->device_count; i++) {
        row_device *device = &world->devices[i];

        cf_state_destroy(&device->state);
        for (size_t k = 0; k < device->source_count; k++) {
            cf_rows_destroy(&device->sources[k].base);
            free(device->sources[k].disk);
        }
    }
    cf_arena_release(&world->arena);
    free(world);
}

/* ---- Disks ---- */

cf_row *row_disk_find(const row_source *source, cf_bytes table, cf_bytes key)
{
    for (size_t i = 0; i < source->count; i++)
        if (cf_bytes_equal(source->disk[i].table, table) &&
            cf_bytes_equal(source->disk[i].key, key))
            return &source->disk[i];
    return NULL;
}

void row_disk_put(row_source *source, cf_row row)
{
    cf_row *old = row_disk_find(source, row.table, row.key);

    if (old) {
        *old = row;
        return;
    }
    *cf_one_more(source->disk, source->count, source->capacity) = row;
}

void row_disk_drop(row_source *source, cf_bytes table, cf_bytes key)
{
    cf_row *row = row_disk_find(source, table, key);

    if (row)
        *row = source->disk[--source->count];
}

const cf_schema_table *row_world_table(const cf_row *row)
{
    return cf_schema_find(&row_world_schema, row->table);
}
