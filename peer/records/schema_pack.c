/* SPDX-License-Identifier: Apache-2.0 */
/* A schema as a value: [table…], a table being [name, kind, serial, fields, unique, required], a
 * field [name, merge, table or nil]; all lists ascending, so that equal schemas are equal values.
 * Behind them stand the fields that are owned, if any are, and the unique tuples that compare a
 * text otherwise than as it is, of [name, collation]: a program that doesn't know them is not to
 * delete, or to hide, less or more than others do. */
#include <stdlib.h>

#include "codec/item.h"
#include "codec/pack.h"
#include "peer/merge/fields.h"
#include "peer/records/schema.h"

enum { TABLE_ELEMENTS = 6, TABLE_ELEMENTS_MAX = 8, FIELD_ELEMENTS = 3, FOLDED_ELEMENTS = 2 };

/* ---- Writing ---- */

static int by_table(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_schema_table *)left)->name,
                            ((const cf_schema_table *)right)->name);
}

static int by_field(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_field_rule *)left)->name,
                            ((const cf_field_rule *)right)->name);
}

static int by_bytes(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

static void *sorted(const void *list, size_t count, size_t size,
                    int (*compare)(const void *, const void *))
{
    void *copy = cf_allocate(count, size);

    if (count) {
        memcpy(copy, list, count * size);
        qsort(copy, count, size, compare);
    }
    return copy;
}

static void pack_names(cf_buffer *out, const cf_bytes *names, size_t count)
{
    cf_bytes *all = sorted(names, count, sizeof *all, by_bytes);

    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_text(out, all[i]);
    free(all);
}

static void pack_fields(cf_buffer *out, const cf_schema_table *table)
{
    cf_field_rule *fields = sorted(table->fields, table->field_count, sizeof *fields, by_field);

    cf_pack_array(out, table->field_count);
    for (size_t i = 0; i < table->field_count; i++) {
        cf_pack_array(out, FIELD_ELEMENTS);
        cf_pack_text(out, fields[i].name);
        cf_pack_uint(out, fields[i].merge);
        if (fields[i].merge == CF_MERGE_REFERENCE)
            cf_pack_text(out, fields[i].table);
        else
            cf_pack_nil(out);
    }
    free(fields);
}

typedef struct {
    cf_bytes name;
    cf_collation collation;
} folded_name;

/* A field of the tuple is compared otherwise than as it is. */
static bool is_folded(const cf_unique *unique)
{
    bool folded = false;

    for (size_t i = 0; !folded && i < unique->count; i++)
        folded = cf_unique_collation(unique, i) != CF_COLLATION_BINARY;
    return folded;
}

static void pack_folded_names(cf_buffer *out, const cf_unique *unique)
{
    folded_name *all = cf_allocate(unique->count, sizeof *all);

    for (size_t i = 0; i < unique->count; i++)
        all[i] = (folded_name){unique->names[i], cf_unique_collation(unique, i)};
    qsort(all, unique->count, sizeof *all, by_bytes); /* the name comes first in it */
    cf_pack_array(out, unique->count);
    for (size_t i = 0; i < unique->count; i++) {
        cf_pack_array(out, FOLDED_ELEMENTS);
        cf_pack_text(out, all[i].name);
        cf_pack_uint(out, all[i].collation);
    }
    free(all);
}

static size_t count_folded(const cf_schema_table *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->unique_count; i++)
        count += is_folded(&table->unique[i]);
    return count;
}

/* The tuples that are folded, or those that aren't, in the order of their encodings. */
static void pack_unique(cf_buffer *out, const cf_schema_table *table, bool folded)
{
    cf_arena arena = {0};
    cf_bytes *packed = cf_arena_allocate(&arena, table->unique_count, sizeof *packed);
    size_t count = 0;

    for (size_t i = 0; i < table->unique_count; i++) {
        cf_buffer one = {0};

        if (is_folded(&table->unique[i]) != folded)
            continue;
        if (folded)
            pack_folded_names(&one, &table->unique[i]);
        else
            pack_names(&one, table->unique[i].names, table->unique[i].count);
        packed[count++] = cf_arena_copy(&arena, cf_buffer_view(&one));
        cf_buffer_release(&one);
    }
    if (count)
        qsort(packed, count, sizeof *packed, by_bytes);
    cf_pack_array(out, count);
    for (size_t i = 0; i < count; i++)
        cf_pack_raw(out, packed[i]);
    cf_arena_release(&arena);
}

static bool is_owned(const cf_field_rule *rule)
{
    return rule->merge == CF_MERGE_REFERENCE && rule->owned;
}

/* Allocated; NULL: none is. */
static cf_bytes *owned_of(const cf_schema_table *table, size_t *count)
{
    cf_bytes *owned = NULL;

    *count = 0;
    for (size_t i = 0; i < table->field_count; i++) {
        if (!is_owned(&table->fields[i]))
            continue;
        if (!owned)
            owned = cf_allocate(table->field_count, sizeof *owned);
        owned[(*count)++] = table->fields[i].name;
    }
    return owned;
}

void cf_schema_table_pack(cf_buffer *out, const cf_schema_table *table)
{
    size_t owned_count;
    cf_bytes *owned = owned_of(table, &owned_count);
    const bool folded = count_folded(table) > 0;

    cf_pack_array(out, folded ? TABLE_ELEMENTS_MAX : TABLE_ELEMENTS + (owned ? 1 : 0));
    cf_pack_text(out, table->name);
    cf_pack_text(out, cf_bytes_of(&table->kind, 1));
    cf_pack_bool(out, table->serial);
    pack_fields(out, table);
    pack_unique(out, table, false);
    pack_names(out, table->required, table->required_count);
    if (owned || folded)
        pack_names(out, owned, owned_count);
    if (folded)
        pack_unique(out, table, true);
    free(owned);
}

bool cf_schema_table_equal(const cf_schema_table *a, const cf_schema_table *b)
{
    cf_buffer packed[2] = {{0}, {0}};

    cf_schema_table_pack(&packed[0], a);
    cf_schema_table_pack(&packed[1], b);
    bool equal = cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1]));
    cf_buffer_release(&packed[0]);
    cf_buffer_release(&packed[1]);
    return equal;
}

void cf_schema_pack(cf_buffer *out, const cf_schema *schema)
{
    cf_schema_table *tables = sorted(schema->tables, schema->count, sizeof *tables, by_table);

    cf_pack_array(out, schema->count);
    for (size_t i = 0; i < schema->count; i++)
        cf_schema_table_pack(out, &tables[i]);
    free(tables);
}

/* ---- Reading ---- */

typedef struct {
    cf_reader reader;
    cf_arena *arena;
} schema_reader;

static cf_status read_count(schema_reader *self, size_t size, void **list, size_t *count,
                            cf_error *error)
{
    cf_status status = cf_read_array(&self->reader, count, error);

    if (!status)
        *list = cf_arena_allocate(self->arena, *count, size);
    return status;
}

static cf_status read_field_name(schema_reader *self, cf_bytes *out, cf_error *error)
{
    cf_status status = cf_read_text(&self->reader, out, error);

    if (!status)
        status = cf_field_check(*out, error);
    if (!status && cf_row_field_is_reserved(*out))
        status = cf_fail(error, CF_MALFORMED, "a field of a table is none");
    return status;
}

static cf_status read_names(schema_reader *self, const cf_bytes **out, size_t *count,
                            cf_error *error)
{
    void *list = NULL;
    cf_status status = read_count(self, sizeof(cf_bytes), &list, count, error);
    cf_bytes *names = list;

    for (size_t i = 0; !status && i < *count; i++) {
        status = read_field_name(self, &names[i], error);
        if (!status && i > 0 && cf_bytes_compare(names[i - 1], names[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "names are not in ascending order");
    }
    *out = names;
    return status;
}

static cf_status read_rule(schema_reader *self, cf_field_rule *out, cf_error *error)
{
    uint64_t merge = 0;
    cf_status status = cf_read_array_of(&self->reader, FIELD_ELEMENTS, error);

    if (!status)
        status = read_field_name(self, &out->name, error);
    if (!status)
        status = cf_read_uint(&self->reader, &merge, error);
    if (!status && merge > CF_MERGE_REFERENCE)
        status = cf_fail(error, CF_DENIED, "a field merges in a way that this program lacks");
    out->merge = (cf_merge)merge;
    if (!status)
        status = out->merge == CF_MERGE_REFERENCE ? cf_read_text(&self->reader, &out->table, error)
                                                  : cf_read_nil(&self->reader, error);
    return status;
}

static cf_status read_rules(schema_reader *self, cf_schema_table *out, cf_field_rule **list_of,
                            cf_error *error)
{
    void *list = NULL;
    cf_status status = read_count(self, sizeof(cf_field_rule), &list, &out->field_count, error);
    cf_field_rule *fields = list;

    for (size_t i = 0; !status && i < out->field_count; i++) {
        status = read_rule(self, &fields[i], error);
        if (!status && i > 0 && by_field(&fields[i - 1], &fields[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "fields are not in ascending order");
    }
    out->fields = *list_of = fields;
    return status;
}

static cf_status read_owned(schema_reader *self, cf_field_rule *fields, size_t field_count,
                            bool may_be_none, cf_error *error)
{
    const cf_bytes *names = NULL;
    size_t count = 0, found = 0;
    cf_status status = read_names(self, &names, &count, error);

    for (size_t i = 0; !status && i < field_count && found < count; i++) {
        fields[i].owned =
            fields[i].merge == CF_MERGE_REFERENCE && cf_bytes_equal(fields[i].name, names[found]);
        found += fields[i].owned;
    }
    if (!status && ((count == 0 && !may_be_none) || found < count))
        status = cf_fail(error, CF_MALFORMED, "an owned field of a table is no reference");
    return status;
}

static cf_status read_unique(schema_reader *self, cf_schema_table *out, cf_error *error)
{
    void *list = NULL;
    cf_status status = read_count(self, sizeof(cf_unique), &list, &out->unique_count, error);
    cf_unique *all = list;

    for (size_t i = 0; !status && i < out->unique_count; i++) {
        status = read_names(self, &all[i].names, &all[i].count, error);
        if (!status && all[i].count == 0)
            status = cf_fail(error, CF_MALFORMED, "a unique tuple of nothing");
    }
    out->unique = all;
    return status;
}

static cf_status read_folded_name(schema_reader *self, cf_bytes *name, cf_collation *out,
                                  cf_error *error)
{
    uint64_t collation = 0;
    cf_status status = cf_read_array_of(&self->reader, FOLDED_ELEMENTS, error);

    if (!status)
        status = read_field_name(self, name, error);
    if (!status)
        status = cf_read_uint(&self->reader, &collation, error);
    if (!status && collation >= CF_COLLATIONS)
        status = cf_fail(error, CF_DENIED, "a field compares in a way that this program lacks");
    *out = (cf_collation)collation;
    return status;
}

static cf_status read_folded_tuple(schema_reader *self, cf_unique *out, cf_error *error)
{
    void *list = NULL;
    cf_status status = read_count(self, sizeof(cf_bytes), &list, &out->count, error);
    cf_bytes *names = list;
    cf_collation *collations = cf_arena_allocate(self->arena, out->count, sizeof *collations);

    for (size_t i = 0; !status && i < out->count; i++) {
        status = read_folded_name(self, &names[i], &collations[i], error);
        if (!status && i > 0 && cf_bytes_compare(names[i - 1], names[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "names are not in ascending order");
    }
    out->names = names;
    out->collations = collations;
    if (!status && !is_folded(out))
        status = cf_fail(error, CF_MALFORMED, "a folded tuple compares all as it is");
    return status;
}

/* Behind the tuples that are there. */
static cf_status read_folded(schema_reader *self, cf_schema_table *out, cf_error *error)
{
    size_t count = 0;
    cf_status status = cf_read_array(&self->reader, &count, error);

    if (!status && count == 0)
        status = cf_fail(error, CF_MALFORMED, "a table of no folded tuple");
    if (status)
        return status;
    cf_unique *all = cf_arena_allocate(self->arena, out->unique_count + count, sizeof *all);
    if (out->unique_count)
        memcpy(all, out->unique, out->unique_count * sizeof *all);
    for (size_t i = 0; !status && i < count; i++)
        status = read_folded_tuple(self, &all[out->unique_count++], error);
    out->unique = all;
    return status;
}

static cf_status read_kind(schema_reader *self, uint8_t *out, cf_error *error)
{
    cf_bytes kind = {0};
    cf_status status = cf_read_text(&self->reader, &kind, error);

    if (!status && (kind.size != 1 || !cf_kind_is_record(kind.data[0])))
        status = cf_fail(error, CF_DENIED, "a table of a kind that this program lacks");
    if (!status)
        *out = kind.data[0];
    return status;
}

static cf_status read_table(schema_reader *self, cf_schema_table *out, cf_error *error)
{
    size_t elements = 0;
    cf_field_rule *fields = NULL;
    cf_status status = cf_read_array(&self->reader, &elements, error);

    if (!status && elements > TABLE_ELEMENTS_MAX)
        status = cf_fail(error, CF_DENIED, "a table says more than this program knows");
    if (!status && elements < TABLE_ELEMENTS)
        status = cf_fail(error, CF_MALFORMED, "a table of %zu elements", elements);
    if (!status)
        status = cf_read_text(&self->reader, &out->name, error);
    if (!status)
        status = read_kind(self, &out->kind, error);
    if (!status)
        status = cf_read_bool(&self->reader, &out->serial, error);
    if (!status)
        status = read_rules(self, out, &fields, error);
    if (!status)
        status = read_unique(self, out, error);
    if (!status)
        status = read_names(self, &out->required, &out->required_count, error);
    if (!status && elements > TABLE_ELEMENTS)
        status = read_owned(self, fields, out->field_count, elements == TABLE_ELEMENTS_MAX, error);
    if (!status && elements == TABLE_ELEMENTS_MAX)
        status = read_folded(self, out, error);
    return status;
}

cf_status cf_schema_table_read(cf_bytes value, cf_arena *arena, cf_schema_table *out,
                               cf_error *error)
{
    schema_reader self = {cf_reader_of(value), arena};
    cf_schema_table table;

    cf_status status = read_table(&self, &table, error);
    if (!status)
        status = cf_read_end(&self.reader, error);
    if (status)
        cf_error_while(error, "reading the schema of a table");
    else
        *out = table;
    return status;
}

cf_status cf_schema_read(cf_bytes value, cf_arena *arena, cf_schema *out, cf_error *error)
{
    schema_reader self = {cf_reader_of(value), arena};
    void *list = NULL;
    size_t count = 0;
    cf_status status = read_count(&self, sizeof(cf_schema_table), &list, &count, error);
    cf_schema_table *tables = list;

    for (size_t i = 0; !status && i < count; i++) {
        status = read_table(&self, &tables[i], error);
        if (!status && i > 0 && by_table(&tables[i - 1], &tables[i]) >= 0)
            status = cf_fail(error, CF_MALFORMED, "tables are not in ascending order");
    }
    if (!status)
        status = cf_read_end(&self.reader, error);
    if (status)
        cf_error_while(error, "reading a schema");
    else
        *out = (cf_schema){tables, count};
    return status;
}
