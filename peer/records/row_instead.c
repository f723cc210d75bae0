/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a column gives way: it is in a unique tuple, and of its values the latest counts. Whether
 * a value can stand in its stead: it is neither a list nor an object, as an identity of a content
 * is a list, and with the wish it is no longer than CF_INLINE_MAX. Of lists only a reference can be
 * a wish: links 1 and 2 are to person 5, and link 2 is to nobody, since it wishes for person 5. */
#include "peer/records/row_instead.h"

#include <string.h>

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/records/row_refs.h"

static const uint8_t mark[] = {0xa1, '='};

bool cf_column_gives_way(const cf_schema_table *table, cf_bytes column)
{
    bool unique = false;

    for (size_t i = 0; i < table->unique_count; i++)
        for (size_t k = 0; !unique && k < table->unique[i].count; k++)
            unique = cf_bytes_equal(table->unique[i].names[k], column);
    return unique && (cf_schema_field(table, column).merge == CF_MERGE_LATEST ||
                      cf_column_refers(table, column));
}

bool cf_column_refers(const cf_schema_table *table, cf_bytes column)
{
    return cf_schema_field(table, column).merge == CF_MERGE_REFERENCE;
}

/* ---- The field ---- */

cf_bytes cf_row_instead_field(cf_bytes column, cf_arena *arena)
{
    const cf_bytes before = cf_bytes_of_text(CF_FIELD_INSTEAD);
    const size_t size = before.size - 1 + column.size; /* the column begins with a / */

    if (column.size < 2 || column.data[0] != '/' || size > CF_FIELD_MAX)
        return (cf_bytes){0};
    uint8_t *name = cf_arena_allocate(arena, size, 1);
    memcpy(name, before.data, before.size - 1);
    memcpy(name + before.size - 1, column.data, column.size);
    return cf_bytes_of(name, size);
}

cf_bytes cf_row_instead_column(cf_bytes field)
{
    const cf_bytes before = cf_bytes_of_text(CF_FIELD_INSTEAD);

    if (field.size <= before.size || memcmp(field.data, before.data, before.size) != 0)
        return (cf_bytes){0};
    return cf_bytes_of(field.data + before.size - 1, field.size - before.size + 1);
}

/* ---- The value ---- */

/* Whether the value can be kept there: it is neither the identity of a content, nor a list or an
 * object. */
static bool is_plain(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type != CF_TYPE_ARRAY &&
           type != CF_TYPE_MAP;
}

static bool is_reference(cf_bytes value)
{
    cf_bytes key;
    cf_id item;

    return cf_reference_item(value, &item) || cf_reference_nothing(value, &key);
}

cf_bytes cf_row_instead_pack(const cf_row_instead *instead, cf_arena *arena)
{
    cf_buffer packed = {0};
    cf_bytes copy = {0};

    if ((instead->value.size && !is_plain(instead->value)) ||
        (instead->wish.size && !is_plain(instead->wish) && !is_reference(instead->wish)))
        return copy;
    cf_pack_array(&packed, instead->wish.size ? 3 : 2);
    cf_pack_raw(&packed, cf_bytes_of(mark, sizeof mark));
    if (instead->value.size)
        cf_pack_raw(&packed, instead->value);
    else
        cf_pack_nil(&packed);
    if (instead->wish.size)
        cf_pack_raw(&packed, instead->wish);
    if (packed.size <= CF_INLINE_MAX)
        copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

/* False: it can't be read. */
static bool read_one(cf_reader *reader, cf_bytes *out)
{
    cf_error ignored;

    return cf_read_value(reader, out, &ignored) == CF_OK;
}

bool cf_row_instead_read(cf_bytes value, cf_row_instead *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_bytes text = {0};
    size_t count = 0;
    cf_error ignored;

    *out = (cf_row_instead){0};
    if (cf_read_array(&reader, &count, &ignored) || (count != 2 && count != 3) ||
        cf_read_text(&reader, &text, &ignored) || !cf_bytes_equal(text, cf_bytes_of_text("=")))
        return false;
    if (!read_one(&reader, &out->value) || !is_plain(out->value))
        return false;
    if (count == 3 &&
        (!read_one(&reader, &out->wish) || !(is_plain(out->wish) || is_reference(out->wish))))
        return false;
    if (out->value.size == 1 && out->value.data[0] == 0xc0) /* nil */
        out->value = (cf_bytes){0};
    return true;
}
