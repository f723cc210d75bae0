/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/records/row_vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/row_instead.h"
#include "peer/records/row_same.h"
#include "tests/peer/model/model_rules.h"
#include "tests/peer/model/vector_file.h"

static cf_bytes kept(cf_arena *arena, cf_buffer *packed)
{
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(packed));

    cf_buffer_release(packed);
    return copy;
}

static cf_bytes words(const json_t *text)
{
    return cf_bytes_of(json_string_value(text), json_string_length(text));
}

static cf_bytes pointer(const char *name, cf_arena *arena)
{
    cf_buffer text = {0};

    cf_buffer_append_text(&text, "/%s", name);
    return kept(arena, &text);
}

static cf_bytes value_of(const json_t *value, cf_arena *arena);

/* Of what the model says, a row's item alone is a text of this form. */
static bool is_item(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && text[0] == 'r' && strlen(text) == 31 &&
           strspn(text + 1, "0123456789abcdef") == 30;
}

/* ["=", value], ["=", value, wish], or ["=", item] of the row that this one is */
static void pack_instead(const json_t *value, cf_arena *arena, cf_buffer *packed)
{
    if (is_item(json_array_get(value, 1))) {
        const cf_id item = model_item(json_string_value(json_array_get(value, 1)));
        const cf_bytes same = cf_row_same_pack(&item, arena);

        cf_buffer_append(packed, same.data, same.size);
        return;
    }
    const json_t *wish = json_array_get(value, 2);
    const cf_row_instead instead = {value_of(json_array_get(value, 1), arena),
                                    wish ? value_of(wish, arena) : (cf_bytes){0}};
    const cf_bytes said = cf_row_instead_pack(&instead, arena);

    cf_buffer_append(packed, said.data, said.size);
}

/* A text, a number, nothing, a reference ["@", item] or ["?", key], or what a column has in the
 * stead of another value. */
static cf_bytes value_of(const json_t *value, cf_arena *arena)
{
    cf_buffer packed = {0};

    if (json_is_null(value)) {
        return (cf_bytes){0};
    } else if (json_is_integer(value)) {
        cf_pack_int(&packed, json_integer_value(value));
    } else if (json_is_string(value)) {
        cf_pack_text(&packed, words(value));
    } else if (strcmp(json_string_value(json_array_get(value, 0)), "@") == 0) {
        cf_id item = model_item(json_string_value(json_array_get(value, 1)));

        cf_reference_pack_item(&packed, &item);
    } else if (strcmp(json_string_value(json_array_get(value, 0)), "=") == 0) {
        pack_instead(value, arena, &packed);
    } else {
        cf_reference_pack_nothing(&packed, value_of(json_array_get(value, 1), arena));
    }
    return kept(arena, &packed);
}

/* ---- Schema and format ---- */

static cf_field_rule rule_of(const char *name, const json_t *how, cf_arena *arena)
{
    static const char *const words_of[] = {"latest", "volatile", "weak", "set"};
    cf_field_rule rule = {.name = pointer(name, arena), .merge = CF_MERGE_REFERENCE};

    if (json_is_array(how)) {
        rule.table = words(json_array_get(how, 1));
        rule.owned = strcmp(json_string_value(json_array_get(how, 0)), "owned") == 0;
        return rule;
    }
    for (size_t i = 0; i < 4; i++)
        if (strcmp(json_string_value(how), words_of[i]) == 0)
            rule.merge = (cf_merge)i;
    return rule;
}

static const cf_bytes *names_of(const json_t *list, cf_arena *arena, size_t *count)
{
    *count = json_array_size(list);
    cf_bytes *names = cf_arena_allocate(arena, *count, sizeof *names);
    for (size_t i = 0; i < *count; i++)
        names[i] = pointer(json_string_value(json_array_get(list, i)), arena);
    return names;
}

static cf_unique tuple_of(const json_t *list, const json_t *folded, cf_arena *arena)
{
    cf_unique tuple = {0};

    tuple.names = names_of(list, arena, &tuple.count);
    cf_collation *collations = cf_arena_allocate(arena, tuple.count, sizeof *collations);
    json_t *one;
    size_t n;

    for (size_t i = 0; i < tuple.count; i++)
        json_array_foreach((json_t *)folded, n, one) if (json_equal(one, json_array_get(list, i)))
            collations[i] = CF_COLLATION_NOCASE;
    tuple.collations = collations;
    return tuple;
}

static cf_schema_table table_of(const char *name, const json_t *from, cf_arena *arena)
{
    cf_schema_table table = {.name = cf_bytes_of_text(name), .kind = CF_KIND_ROW};
    json_t *how = json_object_get(from, "how"), *unique = json_object_get(from, "unique"), *one;
    cf_field_rule *fields = cf_arena_allocate(arena, json_object_size(how), sizeof *fields);
    cf_unique *all = cf_arena_allocate(arena, json_array_size(unique), sizeof *all);
    const char *field;

    json_object_foreach(how, field, one) fields[table.field_count++] = rule_of(field, one, arena);
    for (; table.unique_count < json_array_size(unique); table.unique_count++)
        all[table.unique_count] = tuple_of(json_array_get(unique, table.unique_count),
                                           json_object_get(from, "folded"), arena);
    table.fields = fields;
    table.unique = all;
    table.serial = json_is_true(json_object_get(from, "serial"));
    table.required = names_of(json_object_get(from, "required"), arena, &table.required_count);
    return table;
}

cf_schema *row_vector_schema(const json_t *from, cf_arena *arena)
{
    cf_schema *schema = cf_arena_allocate(arena, 1, sizeof *schema);
    cf_schema_table *tables = cf_arena_allocate(arena, json_object_size(from), sizeof *tables);
    const char *name;
    json_t *table;

    json_object_foreach((json_t *)from, name, table) tables[schema->count++] =
        table_of(name, table, arena);
    schema->tables = tables;
    return schema;
}

static bool has_slot(const json_t *slots, const char *name)
{
    for (size_t i = 0; i < json_array_size(slots); i++)
        if (strcmp(json_string_value(json_array_get(slots, i)), name) == 0)
            return true;
    return false;
}

static const cf_tied_column *column_of(const json_t *name, cf_arena *arena)
{
    cf_tied_column *column = cf_arena_allocate(arena, 1, sizeof *column);

    *column = (cf_tied_column){.field = pointer(json_string_value(name), arena)};
    return column;
}

/* Each is [child, its column, parent, its column, field of the state]. */
static const cf_row_tie *ties_of(const json_t *list, cf_arena *arena, size_t *count)
{
    *count = json_array_size(list);
    cf_row_tie *ties = cf_arena_allocate(arena, *count, sizeof *ties);
    for (size_t i = 0; i < *count; i++) {
        const json_t *from = json_array_get(list, i);

        ties[i] = (cf_row_tie){
            .child = words(json_array_get(from, 0)),
            .from = column_of(json_array_get(from, 1), arena),
            .parent = words(json_array_get(from, 2)),
            .to = column_of(json_array_get(from, 3), arena),
            .count = 1,
            .field = pointer(json_string_value(json_array_get(from, 4)), arena),
        };
    }
    return ties;
}

cf_row_format row_vector_format(const json_t *from, cf_arena *arena)
{
    json_t *holds = json_object_get(from, "holds"), *names;
    cf_row_format format = {.whole = !json_is_object(holds)};
    cf_format_table *tables = cf_arena_allocate(arena, json_object_size(holds), sizeof *tables);
    const char *name;

    json_object_foreach(holds, name, names)
    {
        cf_format_table *table = &tables[format.count++];
        cf_format_field *fields = cf_arena_allocate(arena, json_array_size(names), sizeof *fields);

        for (size_t i = 0; i < json_array_size(names); i++) {
            const char *field = json_string_value(json_array_get(names, i));

            fields[i] = (cf_format_field){pointer(field, arena),
                                          has_slot(json_object_get(from, "slots"), field)};
        }
        *table = (cf_format_table){.name = cf_bytes_of_text(name),
                                   .fields = fields,
                                   .field_count = json_array_size(names)};
    }
    format.tables = tables;
    format.ties = ties_of(json_object_get(from, "ties"), arena, &format.tie_count);
    return format;
}

/* ---- Entries ---- */

static cf_change change_of(const json_t *from, cf_arena *arena)
{
    const json_t *over = json_object_get(from, "over"), *value = json_object_get(from, "value");
    cf_dot *dots = cf_arena_allocate(arena, json_array_size(over), sizeof *dots);
    cf_change change = {
        .item = model_item(json_string_value(json_object_get(from, "item"))),
        .field = words(json_object_get(from, "field")),
        .over = dots,
        .over_count = json_array_size(over),
        .weak = json_is_true(json_object_get(from, "weak")),
    };

    for (size_t i = 0; i < change.over_count; i++)
        dots[i] = vector_dot(json_array_get(over, i));
    if (!json_is_null(value))
        change.value = change.field.size ? value_of(value, arena) : vector_covers(value, arena);
    return change;
}

cf_change *row_vector_changes(const json_t *list, cf_arena *arena, size_t *count)
{
    cf_change *changes = cf_arena_allocate(arena, json_array_size(list), sizeof *changes);

    *count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);

        if (strcmp(json_string_value(json_object_get(from, "field")), "/part") != 0)
            changes[(*count)++] = change_of(from, arena);
    }
    return changes;
}

static void read_part(const json_t *list, row_vector_entry *entry)
{
    entry->first = entry->dot.sequence;
    entry->parts = 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i), *value = json_object_get(from, "value");

        if (strcmp(json_string_value(json_object_get(from, "field")), "/part") != 0)
            continue;
        entry->first = (uint64_t)json_integer_value(json_array_get(value, 0));
        entry->parts = (uint64_t)json_integer_value(json_array_get(value, 1));
    }
}

static cf_time time_of(const json_t *pair)
{
    return (cf_time){(uint64_t)json_integer_value(json_array_get(pair, 0)),
                     (uint64_t)json_integer_value(json_array_get(pair, 1))};
}

row_vector_entry *row_vector_entries(const json_t *vector, cf_arena *arena, size_t *count)
{
    const json_t *list = json_object_get(vector, "entries");

    *count = json_array_size(list);
    row_vector_entry *entries = cf_arena_allocate(arena, *count, sizeof *entries);
    for (size_t i = 0; i < *count; i++) {
        const json_t *from = json_array_get(list, i), *all = json_object_get(from, "changes");
        row_vector_entry *entry = &entries[i];

        entry->dot.writer = model_writer(json_string_value(json_object_get(from, "writer")));
        entry->dot.sequence = (uint64_t)json_integer_value(json_object_get(from, "sequence"));
        entry->time = time_of(json_object_get(from, "time"));
        entry->changes = row_vector_changes(all, arena, &entry->count);
        read_part(all, entry);
    }
    return entries;
}

static bool is_held(const json_t *held, const cf_dot *dot)
{
    for (size_t i = 0; held && i < json_array_size(held); i++) {
        cf_dot one = vector_dot(json_array_get(held, i));

        if (cf_dot_equal(&one, dot))
            return true;
    }
    return !held;
}

static bool is_whole(const row_vector_entry *entries, size_t count, const json_t *held,
                     const row_vector_entry *entry)
{
    uint64_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += cf_id_equal(&entries[i].dot.writer, &entry->dot.writer) &&
                 entries[i].dot.sequence >= entry->first &&
                 entries[i].dot.sequence < entry->first + entry->parts &&
                 is_held(held, &entries[i].dot);
    return found == entry->parts;
}

cf_state *row_vector_state(const row_vector_entry *entries, size_t count, const json_t *held,
                           bool shuffled)
{
    cf_state *state = cf_state_new();
    size_t *order = cf_allocate(count, sizeof *order);

    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t left = count; left; left--) {
        size_t next = shuffled ? (size_t)rand() % left : 0;
        const row_vector_entry *entry = &entries[order[next]];

        memmove(&order[next], &order[next + 1], (left - next - 1) * sizeof *order);
        if (is_held(held, &entry->dot) && is_whole(entries, count, held, entry))
            cf_state_apply(state, &entry->dot, entry->time, entry->changes, entry->count, NULL);
    }
    free(order);
    return state;
}

/* ---- Rows ---- */

static int by_name(const void *left, const void *right)
{
    const cf_row_field *a = left, *b = right;

    return cf_bytes_compare(a->name, b->name);
}

static cf_row_field field_of(const char *name, const json_t *from, cf_arena *arena)
{
    size_t most = json_is_array(from) ? json_array_size(from) : 1;
    cf_bytes *values = cf_arena_allocate(arena, most, sizeof *values);
    cf_row_field field = {.name = pointer(name, arena), .values = values};

    for (size_t i = 0; i < json_array_size(from); i++)
        values[field.count++] = value_of(json_array_get(from, i), arena);
    if (json_is_string(from) || json_is_integer(from))
        values[field.count++] = value_of(from, arena);
    return field;
}

static void read_fields(const json_t *from, cf_arena *arena, cf_row *out)
{
    cf_row_field *fields = cf_arena_allocate(arena, json_object_size(from), sizeof *fields);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)from, name, value) fields[out->field_count++] =
        field_of(name, value, arena);
    qsort(fields, out->field_count, sizeof *fields, by_name);
    out->fields = fields;
}

typedef struct {
    cf_row_ref *at;
    size_t count, capacity;
} ref_list;

static void add_ref(ref_list *list, const json_t *field, const json_t *dot, cf_bytes value,
                    cf_write_standing standing)
{
    *cf_one_more(list->at, list->count, list->capacity) =
        (cf_row_ref){words(field), vector_dot(dot), value, standing};
}

static ref_list refs_of(const json_t *row, cf_arena *arena)
{
    const json_t *refs = json_object_get(row, "refs"), *listed = json_object_get(row, "listed");
    ref_list list = {0};

    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *from = json_array_get(refs, i), *dots = json_array_get(from, 2);

        for (size_t k = 0; k < json_array_size(dots); k++)
            add_ref(&list, json_array_get(json_array_get(dots, k), 0),
                    json_array_get(json_array_get(dots, k), 1),
                    value_of(json_array_get(from, 1), arena), CF_WRITE_SHOWN);
    }
    for (size_t i = 0; i < json_array_size(listed); i++) {
        const json_t *from = json_array_get(listed, i);

        add_ref(&list, json_array_get(from, 0), json_array_get(from, 1),
                value_of(json_array_get(from, 2), arena),
                json_is_true(json_array_get(from, 3)) ? CF_WRITE_LISTED : CF_WRITE_HIDDEN);
    }
    return list;
}

static bool is_displaced(const ref_list *refs, cf_bytes key)
{
    for (size_t i = 0; i < refs->count; i++)
        if (refs->at[i].standing == CF_WRITE_SHOWN &&
            cf_bytes_equal(refs->at[i].field, cf_bytes_of_text(CF_FIELD_KEY)))
            return !cf_bytes_equal(refs->at[i].value, key);
    return false;
}

cf_row row_vector_row(const json_t *from, cf_arena *arena)
{
    cf_row row = {.table = words(json_object_get(from, "table")),
                  .key = value_of(json_object_get(from, "key"), arena)};
    cf_buffer packed = {0};

    read_fields(json_object_get(from, "fields"), arena, &row);
    if (!json_object_get(from, "item"))
        return row;
    ref_list refs = refs_of(from, arena);
    row.item = model_item(json_string_value(json_object_get(from, "item")));
    row.displaced = is_displaced(&refs, row.key);
    cf_row_refs_pack(&packed, &row, refs.at, refs.count);
    row.refs = kept(arena, &packed);
    free(refs.at);
    return row;
}
