/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/change.h"

#include <stdlib.h>

#include "codec/item.h"
#include "codec/limits.h"
#include "codec/pack.h"

int cf_change_compare(const void *left, const void *right)
{
    const cf_change *a = left, *b = right;
    const int order = cf_id_compare(&a->item, &b->item);

    return order ? order : cf_bytes_compare(a->field, b->field);
}

size_t cf_changes_first(const cf_change *changes, size_t count, const cf_id *item)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (cf_id_compare(&changes[middle].item, item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const cf_change *cf_changes_find(const cf_change *changes, size_t count, const cf_id *item,
                                 cf_bytes field)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = cf_id_compare(&changes[middle].item, item);

        if (order == 0)
            order = cf_bytes_compare(changes[middle].field, field);
        if (order == 0)
            return &changes[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool cf_change_names(const cf_change *change, const cf_dot *dot)
{
    for (size_t i = 0; i < change->over_count; i++)
        if (cf_dot_equal(&change->over[i], dot))
            return true;
    return false;
}

bool cf_field_is_pin(const cf_id *item, cf_bytes field)
{
    return cf_item_is_file(item) && cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_PIN));
}

static int compare_covers(const void *a, const void *b)
{
    const cf_cover *left = a, *right = b;
    int order = cf_bytes_compare(left->field, right->field);

    return order ? order : cf_dot_compare(&left->dot, &right->dot);
}

static void pack_dot_elements(cf_buffer *out, const cf_dot *dot)
{
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, CF_ID_SIZE));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
}

/* Drops what is there twice from a sorted array; returns how many are left. */
static size_t unique_covers(cf_cover *covers, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_covers(&covers[kept - 1], &covers[i]) != 0)
            covers[kept++] = covers[i];
    return kept;
}

void cf_covers_pack(cf_buffer *out, const cf_cover *covers, size_t count)
{
    cf_cover *sorted = cf_allocate(count, sizeof *sorted);

    if (count)
        memcpy(sorted, covers, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare_covers);
    count = unique_covers(sorted, count);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++) {
        cf_pack_array(out, 4);
        cf_pack_text(out, sorted[i].field);
        pack_dot_elements(out, &sorted[i].dot);
    }
    free(sorted);
}

static cf_status read_count(cf_reader *reader, size_t wanted, cf_error *error)
{
    size_t count;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count != wanted)
        status = cf_fail(error, CF_MALFORMED, "%zu elements where %zu should be", count, wanted);
    return status;
}

static cf_status read_dot_elements(cf_reader *reader, cf_dot *out, cf_error *error)
{
    cf_status status = cf_read_bin_exact(reader, out->writer.bytes, CF_ID_SIZE, error);

    if (!status)
        status = cf_read_uint(reader, &out->sequence, error);
    if (!status)
        status = cf_read_bin_exact(reader, out->hash, sizeof out->hash, error);
    return status;
}

static cf_status read_cover(cf_reader *reader, cf_cover *out, cf_error *error)
{
    cf_status status = read_count(reader, 4, error);

    if (!status)
        status = cf_read_text(reader, &out->field, error);
    if (!status)
        status = cf_field_check(out->field, error);
    if (!status)
        status = read_dot_elements(reader, &out->dot, error);
    return status;
}

cf_status cf_covers_read(cf_bytes value, cf_arena *arena, cf_cover **covers, size_t *count,
                         cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    size_t found;
    cf_status status = cf_read_array(&reader, &found, error);

    if (status)
        return status;
    if (found > value.size / 37) /* the shortest cover: an empty field, its dot */
        return cf_fail(error, CF_MALFORMED, "a deletion's count goes beyond its bytes");
    cf_cover *all = cf_arena_allocate(arena, found, sizeof *all);
    for (size_t i = 0; i < found && !status; i++) {
        status = read_cover(&reader, &all[i], error);
        if (!status && i > 0 && compare_covers(&all[i - 1], &all[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "what a deletion covers is not in order");
    }
    if (!status)
        status = cf_read_end(&reader, error);
    if (status)
        return status;
    *covers = all;
    *count = found;
    return CF_OK;
}

static void pack_dot_or_nil(cf_buffer *out, bool has, const cf_dot *dot)
{
    if (!has) {
        cf_pack_nil(out);
        return;
    }
    cf_pack_array(out, 3);
    pack_dot_elements(out, dot);
}

void cf_pin_pack(cf_buffer *out, const cf_pin *pin)
{
    cf_pack_array(out, 4);
    cf_pack_bin(out, cf_bytes_of(pin->parent.bytes, CF_ID_SIZE));
    cf_pack_bin(out, pin->name);
    pack_dot_or_nil(out, pin->has_parent_dot, &pin->parent_dot);
    pack_dot_or_nil(out, pin->has_name_dot, &pin->name_dot);
}

static cf_status read_dot_or_nil(cf_reader *reader, bool *has, cf_dot *dot, cf_error *error)
{
    cf_type type;
    cf_status status = cf_read_type(reader, &type, error);

    if (status)
        return status;
    *has = type != CF_TYPE_NIL;
    if (!*has)
        return cf_read_nil(reader, error);
    status = read_count(reader, 3, error);
    return status ? status : read_dot_elements(reader, dot, error);
}

cf_status cf_pin_read(cf_bytes value, cf_pin *pin, cf_error *error)
{
    cf_reader reader = cf_reader_of(value);
    cf_pin found = {0};
    cf_status status = read_count(&reader, 4, error);

    if (!status)
        status = cf_read_bin_exact(&reader, found.parent.bytes, CF_ID_SIZE, error);
    if (!status)
        status = cf_read_bin(&reader, &found.name, error);
    if (!status)
        status = cf_name_check(found.name, error);
    if (!status)
        status = read_dot_or_nil(&reader, &found.has_parent_dot, &found.parent_dot, error);
    if (!status)
        status = read_dot_or_nil(&reader, &found.has_name_dot, &found.name_dot, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status)
        *pin = found;
    return status;
}
