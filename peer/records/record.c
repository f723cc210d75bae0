/* SPDX-License-Identifier: Apache-2.0 */
/* When rows, fields and values say something, and the same: a field without a value isn't there,
 * and nil, an empty text, list or object is nothing, as programs drop such as they like. Yes, no or
 * one character is too little to tell rows apart by. A key that counts up is a number in its
 * shortest form. */
#include "peer/records/record.h"

#include "codec/pack.h"
#include "peer/merge/fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many values may be missing before a value that is looked for. */
enum { MET_WITHIN = 8 };

bool cf_row_field_is_reserved(cf_bytes name)
{
    return cf_field_is(name, CF_FIELD_NUMBER_DELETED) || cf_field_is(name, CF_FIELD_NUMBER_TABLE) ||
           cf_field_is(name, CF_FIELD_NUMBER_KEY) || cf_field_is(name, CF_FIELD_NUMBER_LEVEL) ||
           cf_row_field_is_tie(name);
}

static bool begins(cf_bytes name, cf_bytes with)
{
    return name.size > with.size && memcmp(name.data, with.data, with.size) == 0;
}

bool cf_row_field_is_tie(cf_bytes name)
{
    return begins(name, cf_bytes_of_text(CF_FIELD_TIE)) || cf_row_field_is_bond(name);
}

bool cf_row_field_is_bond(cf_bytes name)
{
    return begins(name, cf_bytes_of_text(CF_FIELD_BOND));
}

const cf_row_field *cf_row_field_named(const cf_row *row, cf_bytes name)
{
    size_t low = 0, high = row->field_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = cf_bytes_compare(row->fields[middle].name, name);

        if (order == 0)
            return row->fields[middle].count ? &row->fields[middle] : NULL;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool cf_row_field_equal(const cf_row_field *a, const cf_row_field *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = cf_bytes_equal(a->values[i], b->values[i]);
    return equal;
}

bool cf_row_field_has(const cf_row_field *field, cf_bytes value)
{
    for (size_t i = 0; field && i < field->count; i++)
        if (cf_bytes_equal(field->values[i], value))
            return true;
    return false;
}

/* None, an empty text, list or object: a program drops such a value as it likes. */
static bool is_nothing(cf_bytes value)
{
    static const char *const all[] = {"\xc0", "\xa0", "\x90", "\x80"};
    bool is = value.size == 0 || cf_bytes_equal(value, cf_bytes_of("\xc4", 2));

    for (size_t i = 0; !is && i < sizeof all / sizeof *all; i++)
        is = cf_bytes_equal(value, cf_bytes_of_text(all[i]));
    return is;
}

/* Yes, no, or one character: taken off as often as it is set, as of what is unread or done. */
static bool is_flag(cf_bytes value)
{
    enum { NO = 0xc2, YES = 0xc3, FIXSTR = 0xa0, FIXSTR_LAST = 0xbf, CONTINUES = 0x80 };
    const uint8_t head = value.size ? value.data[0] : 0;
    size_t characters = 0;

    if (head == NO || head == YES)
        return true;
    for (size_t i = 1; i < value.size; i++)
        characters += (value.data[i] & 0xc0) != CONTINUES;
    return head > FIXSTR && head <= FIXSTR_LAST && characters == 1;
}

bool cf_row_field_says(const cf_row_field *field)
{
    for (size_t i = 0; i < field->count; i++)
        if (!is_nothing(field->values[i]) && !is_flag(field->values[i]))
            return true;
    return false;
}

bool cf_row_says_nothing(const cf_row *row, cf_bytes field)
{
    const cf_row_field *here = cf_row_field_named(row, field);

    for (size_t i = 0; here && i < here->count; i++)
        if (!is_nothing(here->values[i]))
            return false;
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return cf_bytes_compare(*(const cf_bytes *)a, *(const cf_bytes *)b);
}

/* NULL: there are none. */
static cf_bytes *sort_values(const cf_row_field *field)
{
    if (!field || !field->count)
        return NULL;
    cf_bytes *sorted = cf_allocate(field->count, sizeof *sorted);
    memcpy(sorted, field->values, field->count * sizeof *sorted);
    qsort(sorted, field->count, sizeof *sorted, by_bytes);
    return sorted;
}

/* Values that stand in one order in both are met one behind the other, where a few are missing,
 * too; what isn't met so is looked for among all of them, in their order. */
static bool has_all_of(const cf_row_field *own, const cf_row_field *field)
{
    const size_t count = own ? own->count : 0;
    cf_bytes *sorted = NULL;
    bool has = true;

    for (size_t i = 0, at = 0; i < field->count && has; i++) {
        size_t tried = 0;

        while (tried < MET_WITHIN && at + tried < count &&
               !cf_bytes_equal(own->values[at + tried], field->values[i]))
            tried++;
        if (tried < MET_WITHIN && at + tried < count) {
            at += tried + 1;
            continue;
        }
        if (!sorted)
            sorted = sort_values(own);
        has = sorted && bsearch(&field->values[i], sorted, count, sizeof *sorted, by_bytes);
    }
    free(sorted);
    return has;
}

bool cf_row_has_all(const cf_row *row, const cf_row *of, const cf_row_field *but)
{
    for (size_t i = 0; i < of->field_count; i++) {
        const cf_row_field *field = &of->fields[i];

        if (!(but && cf_bytes_equal(field->name, but->name)) &&
            !has_all_of(cf_row_field_named(row, field->name), field))
            return false;
    }
    return true;
}

/* The next field that has a value: one without says what a missing field says. */
static const cf_row_field *next_filled(const cf_row *row, size_t *at)
{
    while (*at < row->field_count && row->fields[*at].count == 0)
        ++*at;
    return *at < row->field_count ? &row->fields[(*at)++] : NULL;
}

bool cf_row_fields_equal(const cf_row *a, const cf_row *b)
{
    for (size_t i = 0, k = 0;;) {
        const cf_row_field *left = next_filled(a, &i), *right = next_filled(b, &k);

        if (!left || !right)
            return left == right;
        if (!cf_bytes_equal(left->name, right->name) || !cf_row_field_equal(left, right))
            return false;
    }
}

cf_bytes cf_row_key_part(cf_bytes key, size_t part, size_t parts)
{
    cf_reader reader = cf_reader_of(key);
    cf_bytes found = key;
    cf_error ignored;

    if (parts == 1)
        return key;
    cf_status status = cf_read_array_of(&reader, parts, &ignored);
    for (size_t i = 0; !status && i <= part; i++)
        status = cf_read_value(&reader, &found, &ignored);
    return status ? (cf_bytes){0} : found;
}

bool cf_serial_key_pack(cf_bytes digits, cf_buffer *out)
{
    char text[24], again[24], *end;

    if (digits.size == 0 || digits.size >= sizeof text)
        return false;
    memcpy(text, digits.data, digits.size);
    text[digits.size] = '\0';
    errno = 0;
    long long number = strtoll(text, &end, 10);
    snprintf(again, sizeof again, "%lld", number);
    if (errno || *end || strcmp(again, text) != 0)
        return false;
    cf_pack_int(out, number);
    return true;
}

cf_row cf_row_copy(const cf_row *row, cf_arena *arena)
{
    cf_row copy = *row;
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);

    copy.table = cf_arena_copy(arena, row->table);
    copy.key = cf_arena_copy(arena, row->key);
    copy.refs = cf_arena_copy(arena, row->refs);
    for (size_t i = 0; i < row->field_count; i++) {
        cf_bytes *values = cf_arena_allocate(arena, row->fields[i].count, sizeof *values);

        for (size_t k = 0; k < row->fields[i].count; k++)
            values[k] = cf_arena_copy(arena, row->fields[i].values[k]);
        fields[i] =
            (cf_row_field){cf_arena_copy(arena, row->fields[i].name), values, row->fields[i].count};
    }
    copy.fields = fields;
    return copy;
}
