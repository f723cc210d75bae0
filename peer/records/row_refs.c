/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and their refs, as they are kept.
 *
 * Packed refs: [dots, refs]. A ref is [field, index of its dot, standing, value]. A field is a
 * number where it is one of the row's own: 0 its table, 1 its key, 2 and on its fields in their
 * order; and then the value is left out where it is the first that the row shows there. */
#include "peer/records/row_refs.h"

#include <stdlib.h>

#include "codec/pack.h"
#include "peer/merge/fields.h"

enum { OWN_TABLE, OWN_KEY, OWN_FIELDS };

static int by_dot(const void *left, const void *right, void *context)
{
    const cf_row_ref *refs = context;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    int order = cf_dot_compare(&refs[a].dot, &refs[b].dot);

    return order ? order : (a > b) - (a < b);
}

/* The dots that the refs name, each once, in the order of their first ones; of each ref the index
 * of its dot. */
static size_t number_dots(const cf_row_ref *refs, size_t count, cf_dot *dots, size_t *indexes)
{
    size_t *sorted = cf_allocate(count, sizeof *sorted), *first = cf_allocate(count, sizeof *first);
    size_t dot_count = 0;

    for (size_t i = 0; i < count; i++)
        sorted[i] = i;
    if (count)
        qsort_r(sorted, count, sizeof *sorted, by_dot, (void *)refs);
    for (size_t i = 0; i < count; i++)
        first[sorted[i]] = i && cf_dot_equal(&refs[sorted[i]].dot, &refs[sorted[i - 1]].dot)
                               ? first[sorted[i - 1]]
                               : sorted[i];
    for (size_t i = 0; i < count; i++) {
        indexes[i] = first[i] == i ? dot_count : indexes[first[i]];
        if (first[i] == i)
            dots[dot_count++] = refs[i].dot;
    }
    free(sorted);
    free(first);
    return dot_count;
}

static void pack_dot(cf_buffer *out, const cf_dot *dot)
{
    cf_pack_array(out, 3);
    cf_pack_bin(out, cf_bytes_of(dot->writer.bytes, sizeof dot->writer.bytes));
    cf_pack_uint(out, dot->sequence);
    cf_pack_bin(out, cf_bytes_of(dot->hash, sizeof dot->hash));
}

/* The number of one of the row's own fields; false: it is none. */
static bool own_number(const cf_row *row, cf_bytes field, uint64_t *out)
{
    const cf_row_field *own = cf_row_field_named(row, field);

    if (own)
        *out = OWN_FIELDS + (uint64_t)(own - row->fields);
    else if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_TABLE)))
        *out = OWN_TABLE;
    else if (cf_bytes_equal(field, cf_bytes_of_text(CF_FIELD_KEY)))
        *out = OWN_KEY;
    else
        return false;
    return true;
}

static cf_bytes table_value(cf_bytes table, cf_arena *arena)
{
    cf_buffer packed = {0};

    cf_pack_text(&packed, table);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

/* The name and the value of the row's own field of this number; false: there is none. */
static bool own_field(const cf_row *row, uint64_t number, cf_arena *arena, cf_row_ref *out)
{
    if (number == OWN_TABLE) {
        out->field = cf_bytes_of_text(CF_FIELD_TABLE);
        out->value = table_value(row->table, arena);
    } else if (number == OWN_KEY) {
        out->field = cf_bytes_of_text(CF_FIELD_KEY);
        out->value = row->key;
    } else if (number - OWN_FIELDS < row->field_count) {
        const cf_row_field *own = &row->fields[number - OWN_FIELDS];

        out->field = own->name;
        out->value = own->count ? own->values[0] : (cf_bytes){0};
    } else {
        return false;
    }
    return true;
}

static void pack_ref(cf_buffer *out, const cf_row *row, const cf_row_ref *ref, size_t dot)
{
    cf_arena arena = {0};
    cf_row_ref own = {0};
    uint64_t number = 0;
    bool is_own = own_number(row, ref->field, &number) && own_field(row, number, &arena, &own);
    bool shown = is_own && cf_bytes_equal(own.value, ref->value);

    cf_pack_array(out, shown ? 3 : 4);
    if (is_own)
        cf_pack_uint(out, number);
    else
        cf_pack_text(out, ref->field);
    cf_pack_uint(out, dot);
    cf_pack_uint(out, ref->standing);
    if (!shown)
        cf_pack_raw(out, ref->value);
    cf_arena_release(&arena);
}

void cf_row_refs_pack(cf_buffer *out, const cf_row *row, const cf_row_ref *refs, size_t count)
{
    cf_dot *dots = cf_allocate(count, sizeof *dots);
    size_t *indexes = cf_allocate(count, sizeof *indexes);
    size_t dot_count = number_dots(refs, count, dots, indexes);

    cf_pack_array(out, 2);
    cf_pack_array(out, dot_count);
    for (size_t i = 0; i < dot_count; i++)
        pack_dot(out, &dots[i]);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        pack_ref(out, row, &refs[i], indexes[i]);
    free(dots);
    free(indexes);
}

static cf_status read_dots(cf_reader *reader, cf_arena *arena, cf_dot **out, size_t *count,
                           cf_error *error)
{
    cf_status status = cf_read_array(reader, count, error);

    if (!status)
        *out = cf_arena_allocate(arena, *count, sizeof **out);
    for (size_t i = 0; !status && i < *count; i++) {
        cf_dot *dot = &(*out)[i];

        status = cf_read_array_of(reader, 3, error);
        if (!status)
            status = cf_read_bin_exact(reader, dot->writer.bytes, CF_ID_SIZE, error);
        if (!status)
            status = cf_read_uint(reader, &dot->sequence, error);
        if (!status)
            status = cf_read_bin_exact(reader, dot->hash, sizeof dot->hash, error);
    }
    return status;
}

typedef struct {
    cf_reader reader;
    const cf_row *row;
    cf_arena *arena;
    cf_dot *dots;
    size_t dot_count;
} unpacking;

static cf_status read_ref_field(unpacking *self, cf_row_ref *out, cf_error *error)
{
    cf_type type;
    uint64_t number = 0;
    cf_status status = cf_read_type(&self->reader, &type, error);

    if (status)
        return status;
    if (type == CF_TYPE_TEXT)
        return cf_read_text(&self->reader, &out->field, error);
    status = cf_read_uint(&self->reader, &number, error);
    if (!status && !own_field(self->row, number, self->arena, out))
        status = cf_fail(error, CF_MALFORMED, "a field that the row has not");
    return status;
}

static cf_status read_ref(unpacking *self, cf_row_ref *out, cf_error *error)
{
    size_t count = 0;
    uint64_t dot = 0, standing = 0;
    cf_status status = cf_read_array(&self->reader, &count, error);

    if (!status && count != 3 && count != 4)
        status = cf_fail(error, CF_MALFORMED, "a write of %zu elements", count);
    if (!status)
        status = read_ref_field(self, out, error);
    if (!status)
        status = cf_read_uint(&self->reader, &dot, error);
    if (!status)
        status = cf_read_uint(&self->reader, &standing, error);
    if (!status && (dot >= self->dot_count || standing > CF_WRITE_HIDDEN))
        status = cf_fail(error, CF_MALFORMED, "a number beyond its range");
    if (!status && count == 4)
        status = cf_read_value(&self->reader, &out->value, error);
    if (!status && out->value.size == 0)
        status = cf_fail(error, CF_MALFORMED, "a write without a value");
    if (status)
        return status;
    out->dot = self->dots[dot];
    out->standing = (cf_write_standing)standing;
    return CF_OK;
}

cf_status cf_row_refs_read(const cf_row *row, cf_arena *arena, cf_row_ref **out, size_t *count,
                           cf_error *error)
{
    unpacking self = {.reader = cf_reader_of(row->refs), .row = row, .arena = arena};
    cf_row_ref *refs = NULL;
    size_t ref_count = 0;
    cf_status status = CF_OK;

    if (row->refs.size) {
        status = cf_read_array_of(&self.reader, 2, error);
        if (!status)
            status = read_dots(&self.reader, arena, &self.dots, &self.dot_count, error);
        if (!status)
            status = cf_read_array(&self.reader, &ref_count, error);
        if (!status)
            refs = cf_arena_allocate(arena, ref_count, sizeof *refs);
        for (size_t i = 0; !status && i < ref_count; i++)
            status = read_ref(&self, &refs[i], error);
        if (!status)
            status = cf_read_end(&self.reader, error);
    }
    if (status) {
        cf_error_while(error, "reading what a row shows");
        return status;
    }
    *out = refs;
    *count = ref_count;
    return CF_OK;
}

/* ---- Rows ---- */

void cf_row_pack(const cf_row *row, cf_buffer *out)
{
    cf_pack_array(out, 6);
    cf_pack_text(out, row->table);
    cf_pack_raw(out, row->key);
    cf_pack_bin(out, cf_bytes_of(row->item.bytes, sizeof row->item.bytes));
    cf_pack_bool(out, row->displaced);
    cf_pack_array(out, row->field_count);
    for (size_t i = 0; i < row->field_count; i++) {
        cf_pack_array(out, 1 + row->fields[i].count);
        cf_pack_text(out, row->fields[i].name);
        for (size_t k = 0; k < row->fields[i].count; k++)
            cf_pack_raw(out, row->fields[i].values[k]);
    }
    cf_pack_bin(out, row->refs);
}

static cf_status read_field(cf_reader *reader, cf_arena *arena, cf_row_field *out, cf_error *error)
{
    size_t count = 0;
    cf_status status = cf_read_array(reader, &count, error);

    if (!status && count == 0)
        status = cf_fail(error, CF_MALFORMED, "a field without a name");
    if (!status)
        status = cf_read_text(reader, &out->name, error);
    if (status)
        return status;
    cf_bytes *values = cf_arena_allocate(arena, count - 1, sizeof *values);
    for (size_t i = 0; !status && i < count - 1; i++)
        status = cf_read_value(reader, &values[i], error);
    out->values = values;
    out->count = count - 1;
    return status;
}

static cf_status read_fields(cf_reader *reader, cf_arena *arena, cf_row *out, cf_error *error)
{
    cf_status status = cf_read_array(reader, &out->field_count, error);

    if (status)
        return status;
    cf_row_field *fields = cf_arena_allocate(arena, out->field_count, sizeof *fields);
    for (size_t i = 0; !status && i < out->field_count; i++) {
        status = read_field(reader, arena, &fields[i], error);
        if (!status && i > 0 && cf_bytes_compare(fields[i - 1].name, fields[i].name) >= 0)
            status = cf_fail(error, CF_MALFORMED, "the fields are not in ascending order");
    }
    out->fields = fields;
    return status;
}

cf_status cf_row_read(cf_bytes record, cf_arena *arena, cf_row *out, cf_error *error)
{
    cf_reader reader = cf_reader_of(record);
    cf_row row = {0};
    cf_row_ref *refs;
    size_t count;
    cf_status status = cf_read_array_of(&reader, 6, error);

    if (!status)
        status = cf_read_text(&reader, &row.table, error);
    if (!status)
        status = cf_read_value(&reader, &row.key, error);
    if (!status)
        status = cf_read_bin_exact(&reader, row.item.bytes, sizeof row.item.bytes, error);
    if (!status)
        status = cf_read_bool(&reader, &row.displaced, error);
    if (!status)
        status = read_fields(&reader, arena, &row, error);
    if (!status)
        status = cf_read_bin(&reader, &row.refs, error);
    if (!status)
        status = cf_read_end(&reader, error);
    if (!status)
        status = cf_row_refs_read(&row, arena, &refs, &count, error);
    if (status)
        cf_error_while(error, "reading a row of the base");
    else
        *out = row;
    return status;
}

/* ---- References ---- */

static const uint8_t item_mark[] = {0x92, 0xa1, '@'}, nothing_mark[] = {0x92, 0xa1, '?'};

void cf_reference_pack_item(cf_buffer *out, const cf_id *item)
{
    cf_pack_raw(out, cf_bytes_of(item_mark, sizeof item_mark));
    cf_pack_bin(out, cf_bytes_of(item->bytes, sizeof item->bytes));
}

void cf_reference_pack_nothing(cf_buffer *out, cf_bytes key)
{
    cf_pack_raw(out, cf_bytes_of(nothing_mark, sizeof nothing_mark));
    cf_pack_raw(out, key);
}

bool cf_reference_item(cf_bytes value, cf_id *item)
{
    static const uint8_t bin16[] = {0xc4, CF_ID_SIZE};

    if (value.size != sizeof item_mark + sizeof bin16 + CF_ID_SIZE ||
        memcmp(value.data, item_mark, sizeof item_mark) != 0 ||
        memcmp(value.data + sizeof item_mark, bin16, sizeof bin16) != 0)
        return false;
    memcpy(item->bytes, value.data + sizeof item_mark + sizeof bin16, CF_ID_SIZE);
    return true;
}

bool cf_reference_nothing(cf_bytes value, cf_bytes *key)
{
    if (value.size <= sizeof nothing_mark ||
        memcmp(value.data, nothing_mark, sizeof nothing_mark) != 0)
        return false;
    *key = cf_bytes_of(value.data + sizeof nothing_mark, value.size - sizeof nothing_mark);
    return true;
}

/* ---- The refs of a field ---- */

enum { FEW = 16 };

static int by_field(const void *left, const void *right, void *context)
{
    const cf_row_ref *refs = context;
    size_t a = *(const size_t *)left, b = *(const size_t *)right;
    int order = cf_bytes_compare(refs[a].field, refs[b].field);

    return order ? order : (a > b) - (a < b);
}

cf_row_refs cf_row_refs_of(const cf_row *base, cf_arena *arena)
{
    cf_row_refs refs = {0};
    cf_error error;

    if (base && cf_row_refs_read(base, arena, &refs.at, &refs.count, &error))
        refs.count = 0; /* was checked when the row was read */
    if (refs.count <= FEW)
        return refs;
    refs.by_field = cf_arena_allocate(arena, refs.count, sizeof *refs.by_field);
    for (size_t i = 0; i < refs.count; i++)
        refs.by_field[i] = i;
    qsort_r(refs.by_field, refs.count, sizeof *refs.by_field, by_field, refs.at);
    return refs;
}

/* The first place in `by_field` whose ref's field is not before this one. */
static size_t first_of_field(const cf_row_refs *refs, cf_bytes field)
{
    size_t low = 0, high = refs->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (cf_bytes_compare(refs->at[refs->by_field[middle]].field, field) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const cf_row_ref *cf_row_refs_next(const cf_row_refs *refs, cf_bytes field, size_t *at)
{
    if (!refs->by_field) {
        while (*at < refs->count && !cf_bytes_equal(refs->at[*at].field, field))
            ++*at;
        return *at < refs->count ? &refs->at[(*at)++] : NULL;
    }
    if (*at == 0)
        *at = first_of_field(refs, field) + 1;
    const cf_row_ref *ref = *at <= refs->count ? &refs->at[refs->by_field[*at - 1]] : NULL;
    ++*at;
    return ref && cf_bytes_equal(ref->field, field) ? ref : NULL;
}

cf_bytes cf_row_refs_shown(const cf_row_refs *refs, cf_bytes field)
{
    size_t at = 0;

    for (const cf_row_ref *ref; (ref = cf_row_refs_next(refs, field, &at));)
        if (ref->standing == CF_WRITE_SHOWN)
            return ref->value;
    return (cf_bytes){0};
}

cf_bytes cf_reference_to(const cf_id *item, cf_bytes key, cf_arena *arena)
{
    cf_buffer packed = {0};

    if (item)
        cf_reference_pack_item(&packed, item);
    else
        cf_reference_pack_nothing(&packed, key);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}
