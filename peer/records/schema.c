/* SPDX-License-Identifier: Apache-2.0 */
/* How a field merges: by the table's rule for it, else by its kind's, else the latest counts; what
 * stands in a set is an entry of that. What a format shows: the tables and fields that it has room
 * for, and of their values those that it has words for, or that stand there already. Rows are the
 * same whatever their volatile fields say. */
#include "peer/records/schema.h"

#include "codec/hash_table.h"
#include "codec/pack.h"

#include <stdlib.h>
#include <string.h>

const cf_schema_table *cf_schema_find(const cf_schema *schema, cf_bytes table)
{
    for (size_t i = 0; i < schema->count; i++)
        if (cf_bytes_equal(schema->tables[i].name, table))
            return &schema->tables[i];
    return NULL;
}

const cf_schema *cf_schema_known(cf_bytes table)
{
    const cf_schema *const known[] = {&cf_schema_contacts, &cf_schema_calendar, &cf_schema_records};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (cf_schema_find(known[i], table))
            return known[i];
    return NULL;
}

bool cf_schema_counts_up(const cf_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->tables[i].serial)
            return true;
    return false;
}

cf_field_rule cf_schema_field(const cf_schema_table *table, cf_bytes field)
{
    cf_field_rule rule = {.name = field, .merge = CF_MERGE_LATEST};

    for (size_t i = 0; i < table->field_count; i++)
        if (cf_bytes_equal(table->fields[i].name, field))
            return table->fields[i];
    cf_kind_field(table->kind, field, &rule.merge);
    return rule;
}

/* NAME of NAME/ENTRY; nothing of a field with one part. */
static cf_bytes set_name(cf_bytes field)
{
    size_t size = field.size;

    while (size > 1 && field.data[size - 1] != '/')
        size--;
    return cf_bytes_of(field.data, size > 1 ? size - 1 : 0);
}

cf_merge cf_schema_property(const cf_schema_table *table, cf_bytes field, cf_bytes *name)
{
    cf_merge merge = cf_schema_field(table, field).merge;
    cf_bytes set = set_name(field);

    *name = field;
    if (merge != CF_MERGE_LATEST || set.size == 0 ||
        cf_schema_field(table, set).merge != CF_MERGE_SET)
        return merge;
    *name = set;
    return CF_MERGE_SET;
}

/* ---- What a format can hold ---- */

static const cf_format_table *format_table(const cf_row_format *format, cf_bytes table)
{
    for (size_t i = 0; i < format->count; i++)
        if (cf_bytes_equal(format->tables[i].name, table))
            return &format->tables[i];
    return NULL;
}

static const cf_format_field *format_field(const cf_format_table *table, cf_bytes field)
{
    for (size_t i = 0; i < table->field_count; i++)
        if (cf_bytes_equal(table->fields[i].name, field))
            return &table->fields[i];
    return NULL;
}

bool cf_format_holds_table(const cf_row_format *format, cf_bytes table)
{
    const cf_format_table *own = format_table(format, table);

    return own ? !own->lacks : format->whole;
}

/* The field is `within`, or a part of that: /a and /a/b are within /a, /ab is not. */
static bool is_within(cf_bytes field, cf_bytes within)
{
    return field.size >= within.size && memcmp(field.data, within.data, within.size) == 0 &&
           (field.size == within.size || field.data[within.size] == '/');
}

/* A format that has the whole table has room for any field, but for that which it is without, those
 * within that, and those around that. */
static bool has_any_field(const cf_format_table *table, cf_bytes field)
{
    return table->whole && !(table->without.size && (is_within(field, table->without) ||
                                                     is_within(table->without, field)));
}

bool cf_format_holds(const cf_row_format *format, cf_bytes table, cf_bytes field)
{
    const cf_format_table *own = format_table(format, table);

    if (!own)
        return format->whole;
    return !own->lacks && (has_any_field(own, field) || format_field(own, field));
}

const cf_bytes *cf_format_keys(const cf_row_format *format, cf_bytes table, size_t *count)
{
    const cf_format_table *own = format_table(format, table);

    *count = own ? own->key_count : 0;
    return own ? own->keys : NULL;
}

bool cf_format_counts_on(const cf_row_format *format, cf_bytes table)
{
    const cf_format_table *own = format_table(format, table);

    return own && own->counts_on;
}

bool cf_format_presets(const cf_row_format *format, cf_bytes table, cf_bytes field, cf_bytes value)
{
    const cf_format_table *own = format_table(format, table);

    for (size_t i = 0; own && i < own->preset_count; i++)
        if (own->presets[i].stands && cf_bytes_equal(own->presets[i].name, field))
            return cf_bytes_equal(own->presets[i].value, value);
    return false;
}

/* How many of the field's values the format shows. */
static size_t room_for(const cf_format_table *table, const cf_row_field *field)
{
    const cf_format_field *own = table ? format_field(table, field->name) : NULL;

    if (own && own->slot)
        return field->count ? 1 : 0;
    return !table || has_any_field(table, field->name) || own ? field->count : 0;
}

bool cf_row_show(const cf_row_format *format, const cf_row *row, cf_arena *arena, cf_row *out)
{
    const cf_format_table *table = format_table(format, row->table);
    bool all = true;

    if (table ? table->lacks : !format->whole)
        return false;
    *out = *row;
    for (size_t i = 0; all && i < row->field_count; i++)
        all = row->fields[i].count && room_for(table, &row->fields[i]) == row->fields[i].count;
    if (all)
        return true;
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);
    out->field_count = 0;
    for (size_t i = 0; i < row->field_count; i++) {
        size_t room = room_for(table, &row->fields[i]);

        if (room == 0)
            continue;
        fields[out->field_count] = row->fields[i];
        fields[out->field_count++].count = room;
    }
    out->fields = fields;
    return true;
}

/* ---- What a format has words for ---- */

cf_format_speak *cf_format_speaks(const cf_row_format *format, cf_bytes table)
{
    const cf_format_table *own = format_table(format, table);

    return own ? own->speak : NULL;
}

/* The values of `row` for which the format has words, or these words themselves (`said`). `words`
 * go field after field, value after value. */
static cf_row pick(const cf_row *row, const cf_bytes *words, bool said, cf_arena *arena)
{
    cf_row_field *fields = cf_arena_allocate(arena, row->field_count, sizeof *fields);
    cf_row picked = *row;
    size_t at = 0;

    picked.fields = fields;
    picked.field_count = 0;
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];
        cf_bytes *values = cf_arena_allocate(arena, field->count, sizeof *values);
        size_t count = 0;

        for (size_t k = 0; k < field->count; k++, at++)
            if (words[at].size)
                values[count++] = said ? words[at] : field->values[k];
        if (count)
            fields[picked.field_count++] = (cf_row_field){field->name, values, count};
    }
    return picked;
}

/* A value that the source's own row has already can be said, as it stands there. */
static void trust(const cf_row *row, const cf_row *there, cf_bytes *words)
{
    size_t at = 0;

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++, at++)
            if (!words[at].size && there &&
                cf_row_field_has(cf_row_field_named(there, row->fields[i].name),
                                 row->fields[i].values[k]))
                words[at] = row->fields[i].values[k];
}

bool cf_row_express(const cf_row_format *format, const cf_row *row, const cf_row *there,
                    cf_arena *arena, cf_row *out, cf_row *spoken)
{
    cf_format_speak *speak = cf_format_speaks(format, row->table);
    size_t count = 0;
    cf_row shown;

    if (!cf_row_show(format, row, arena, &shown))
        return false;
    *out = shown;
    if (spoken)
        *spoken = shown;
    if (!speak || (!spoken && there && cf_row_has_all(there, &shown, NULL)))
        return true;
    for (size_t i = 0; i < shown.field_count; i++)
        count += shown.fields[i].count;
    cf_bytes *words = cf_arena_allocate(arena, count, sizeof *words);
    if (!speak(&shown, arena, words)) {
        if (!there)
            return false;
        memset(words, 0, count * sizeof *words);
    }
    trust(&shown, there, words);
    *out = pick(&shown, words, false, arena);
    if (spoken)
        *spoken = pick(&shown, words, true, arena);
    return true;
}

/* ---- Equal rows ---- */

static int by_bytes(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

static cf_bytes *sorted_values(const cf_row_field *field)
{
    cf_bytes *values = cf_allocate(field->count, sizeof *values);

    memcpy(values, field->values, field->count * sizeof *values);
    qsort(values, field->count, sizeof *values, by_bytes);
    return values;
}

/* Both fields have the same values, in whatever order. */
static bool same_values(const cf_row_field *a, const cf_row_field *b)
{
    cf_bytes *left = sorted_values(a), *right = sorted_values(b);
    cf_row_field first = {.values = left, .count = a->count};
    cf_row_field second = {.values = right, .count = b->count};
    bool same = cf_row_field_equal(&first, &second);

    free(left);
    free(right);
    return same;
}

/* Whether `field` of one row says what `other` does, the field of this name of the other row or
 * NULL. A volatile field always does; of a set the order doesn't count. */
static bool same_field(const cf_schema_table *table, const cf_row_field *field,
                       const cf_row_field *other)
{
    if (other && cf_row_field_equal(field, other))
        return true;
    cf_merge merge = cf_schema_field(table, field->name).merge;
    if (merge == CF_MERGE_VOLATILE)
        return true;
    return other && merge == CF_MERGE_SET && same_values(field, other);
}

/* Row `b` says all that row `a` does. */
static bool has_all_of(const cf_schema_table *table, const cf_row *a, const cf_row *b)
{
    for (size_t i = 0; i < a->field_count; i++)
        if (a->fields[i].count &&
            !same_field(table, &a->fields[i], cf_row_field_named(b, a->fields[i].name)))
            return false;
    return true;
}

bool cf_row_same(const cf_schema_table *table, const cf_row *a, const cf_row *b)
{
    return has_all_of(table, a, b) && has_all_of(table, b, a);
}

bool cf_forgotten_has(const cf_forgotten *forgotten, cf_bytes table, cf_bytes field)
{
    for (size_t i = 0; i < forgotten->count; i++)
        if (cf_bytes_equal(forgotten->at[i].table, table) &&
            cf_bytes_equal(forgotten->at[i].field, field))
            return true;
    return false;
}

/* ---- How a database compares texts ---- */

static bool is_text(cf_bytes value, cf_bytes *text)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error ignored;

    return !cf_read_type(&reader, &type, &ignored) && type == CF_TYPE_TEXT &&
           !cf_read_text(&reader, text, &ignored);
}

void cf_collation_fold(cf_collation collation, cf_bytes value, cf_buffer *out)
{
    cf_bytes text;

    if (collation == CF_COLLATION_BINARY || !is_text(value, &text)) {
        cf_buffer_append(out, value.data, value.size);
        return;
    }
    if (collation == CF_COLLATION_RTRIM)
        while (text.size && text.data[text.size - 1] == ' ')
            text.size--;
    cf_pack_text(out, text);
    for (size_t i = out->size - text.size; i < out->size && collation == CF_COLLATION_NOCASE; i++)
        if (out->data[i] >= 'A' && out->data[i] <= 'Z')
            out->data[i] = (uint8_t)(out->data[i] - 'A' + 'a');
}

/* ---- What is unique ---- */

cf_collation cf_unique_collation(const cf_unique *unique, size_t i)
{
    return unique->collations ? unique->collations[i] : CF_COLLATION_BINARY;
}

bool cf_unique_hash(const cf_schema_table *table, size_t unique, const cf_row *row, uint64_t *out)
{
    const cf_unique *tuple = &table->unique[unique];
    uint64_t hash = cf_hash_bytes(unique, table->name);
    cf_buffer folded = {0};
    bool whole = true;

    for (size_t i = 0; whole && i < tuple->count; i++) {
        const cf_row_field *field = cf_row_field_named(row, tuple->names[i]);

        whole = field != NULL;
        for (size_t k = 0; whole && k < field->count; k++) {
            cf_buffer_clear(&folded);
            cf_collation_fold(cf_unique_collation(tuple, i), field->values[k], &folded);
            hash = cf_hash_bytes(hash, cf_buffer_view(&folded));
        }
    }
    cf_buffer_release(&folded);
    *out = hash;
    return whole;
}

static bool equal_folded(cf_collation collation, cf_bytes a, cf_bytes b)
{
    cf_buffer folded[2] = {{0}, {0}};

    cf_collation_fold(collation, a, &folded[0]);
    cf_collation_fold(collation, b, &folded[1]);
    const bool equal = cf_bytes_equal(cf_buffer_view(&folded[0]), cf_buffer_view(&folded[1]));
    cf_buffer_release(&folded[0]);
    cf_buffer_release(&folded[1]);
    return equal;
}

bool cf_unique_equal(const cf_unique *unique, const cf_row *a, const cf_row *b)
{
    bool equal = true;

    for (size_t i = 0; equal && i < unique->count; i++) {
        const cf_row_field *one = cf_row_field_named(a, unique->names[i]);
        const cf_row_field *other = cf_row_field_named(b, unique->names[i]);
        const cf_collation collation = cf_unique_collation(unique, i);

        equal = one->count == other->count;
        for (size_t k = 0; equal && k < one->count; k++)
            equal = collation == CF_COLLATION_BINARY
                        ? cf_bytes_equal(one->values[k], other->values[k])
                        : equal_folded(collation, one->values[k], other->values[k]);
    }
    return equal;
}
