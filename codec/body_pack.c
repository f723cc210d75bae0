/* SPDX-License-Identifier: Apache-2.0 */
/* A body as bytes (PROTOCOL.md, "Bodies"); body_read.c reads. All dots that a body mentions stand
 * once, ascending, in a table, and are named by their index there: equal bodies make equal
 * bytes. */
#include "codec/change.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"

/* The table of dots being made, then looked up. */
typedef struct {
    cf_dot *dots;
    size_t count, capacity;
    cf_arena arena; /* covers that were read on the way */
} dot_table;

static int compare_dots(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

static void add_dot(dot_table *table, const cf_dot *dot)
{
    *cf_one_more(table->dots, table->count, table->capacity) = *dot;
}

static size_t covers_of(dot_table *table, const cf_change *change, cf_cover **covers)
{
    cf_error error;
    size_t count = 0;
    cf_status status = cf_covers_read(change->value, &table->arena, covers, &count, &error);

    assert(!status);
    return status ? 0 : count;
}

static cf_pin pin_of(const cf_change *change)
{
    cf_error error;
    cf_pin pin = {0};
    cf_status status = cf_pin_read(change->value, &pin, &error);

    assert(!status);
    (void)status;
    return pin;
}

static void add_dots_of(dot_table *table, const cf_change *change)
{
    cf_cover *covers;

    for (size_t i = 0; i < change->over_count; i++)
        add_dot(table, &change->over[i]);
    if (change->value.size == 0)
        return;
    if (cf_field_is_deletion(change->field)) {
        size_t count = covers_of(table, change, &covers);

        for (size_t i = 0; i < count; i++)
            add_dot(table, &covers[i].dot);
    } else if (cf_field_is_pin(&change->item, change->field)) {
        cf_pin pin = pin_of(change);

        if (pin.has_parent_dot)
            add_dot(table, &pin.parent_dot);
        if (pin.has_name_dot)
            add_dot(table, &pin.name_dot);
    }
}

static size_t sort_unique(cf_dot *dots, size_t count)
{
    size_t kept = 0;

    if (count)
        qsort(dots, count, sizeof *dots, compare_dots);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !cf_dot_equal(&dots[kept - 1], &dots[i]))
            dots[kept++] = dots[i];
    return kept;
}

static void pack_table(cf_buffer *out, const dot_table *table)
{
    cf_pack_array(out, table->count);
    for (size_t i = 0; i < table->count; i++) {
        cf_pack_array(out, 3);
        cf_pack_bin(out, cf_bytes_of(table->dots[i].writer.bytes, CF_ID_SIZE));
        cf_pack_uint(out, table->dots[i].sequence);
        cf_pack_bin(out, cf_bytes_of(table->dots[i].hash, sizeof table->dots[i].hash));
    }
}

static void pack_index(cf_buffer *out, const dot_table *table, const cf_dot *dot)
{
    const cf_dot *place = bsearch(dot, table->dots, table->count, sizeof *dot, compare_dots);

    cf_pack_uint(out, (uint64_t)(place - table->dots));
}

static void pack_index_or_nil(cf_buffer *out, const dot_table *table, bool has, const cf_dot *dot)
{
    if (has)
        pack_index(out, table, dot);
    else
        cf_pack_nil(out);
}

static void pack_value(cf_buffer *out, dot_table *table, const cf_change *change)
{
    cf_cover *covers;

    if (cf_field_is_deletion(change->field)) {
        size_t count = covers_of(table, change, &covers);

        cf_pack_array(out, count);
        for (size_t i = 0; i < count; i++) {
            cf_pack_array(out, 2);
            cf_pack_text(out, covers[i].field);
            pack_index(out, table, &covers[i].dot);
        }
    } else if (cf_field_is_pin(&change->item, change->field)) {
        cf_pin pin = pin_of(change);

        cf_pack_array(out, 4);
        cf_pack_bin(out, cf_bytes_of(pin.parent.bytes, CF_ID_SIZE));
        cf_pack_bin(out, pin.name);
        pack_index_or_nil(out, table, pin.has_parent_dot, &pin.parent_dot);
        pack_index_or_nil(out, table, pin.has_name_dot, &pin.name_dot);
    } else {
        cf_pack_raw(out, change->value);
    }
}

static void pack_over(cf_buffer *out, const dot_table *table, const cf_change *change)
{
    cf_dot *over = cf_allocate(change->over_count, sizeof *over);

    if (change->over_count)
        memcpy(over, change->over, change->over_count * sizeof *over);
    size_t count = sort_unique(over, change->over_count);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_index(out, table, &over[i]);
    free(over);
}

static void pack_change(cf_buffer *out, dot_table *table, const cf_change *change)
{
    bool writes = change->value.size > 0;

    cf_pack_array(out, writes ? 5 : 3);
    cf_pack_bin(out, cf_bytes_of(change->item.bytes, CF_ID_SIZE));
    cf_pack_text(out, change->field);
    pack_over(out, table, change);
    if (writes) {
        cf_pack_bool(out, change->weak);
        pack_value(out, table, change);
    }
}

static void pack_supply(cf_buffer *out, const cf_supply *supply)
{
    cf_pack_array(out, 2);
    cf_pack_bin(out, cf_bytes_of(supply->content.bytes, CF_HASH_SIZE));
    cf_pack_raw(out, supply->how);
}

static dot_table table_of(const cf_body *body)
{
    dot_table table = {0};

    for (size_t i = 0; i < body->change_count; i++)
        add_dots_of(&table, &body->changes[i]);
    table.count = sort_unique(table.dots, table.count);
    return table;
}

const cf_dot *cf_body_dots(const cf_body *body, cf_arena *arena, size_t *count)
{
    dot_table table = table_of(body);
    cf_dot *dots = cf_arena_allocate(arena, table.count, sizeof *dots);

    *count = table.count;
    if (table.count)
        memcpy(dots, table.dots, table.count * sizeof *dots);
    free(table.dots);
    cf_arena_release(&table.arena);
    return dots;
}

void cf_body_pack(const cf_body *body, cf_buffer *out)
{
    dot_table table = table_of(body);

    cf_pack_array(out, 7);
    cf_pack_uint(out, body->time.ms);
    cf_pack_uint(out, body->time.counter);
    cf_pack_uint(out, body->part);
    cf_pack_uint(out, body->parts);
    pack_table(out, &table);
    cf_pack_array(out, body->change_count);
    for (size_t i = 0; i < body->change_count; i++)
        pack_change(out, &table, &body->changes[i]);
    cf_pack_array(out, body->supply_count);
    for (size_t i = 0; i < body->supply_count; i++)
        pack_supply(out, &body->supplies[i]);
    free(table.dots);
    cf_arena_release(&table.arena);
}
