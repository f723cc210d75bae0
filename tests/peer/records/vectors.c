/* SPDX-License-Identifier: Apache-2.0 */
/* The record model's vectors against the C code: views in the given order and in others, scans. */
#include <stdio.h>
#include <stdlib.h>

#include "peer/records/row_alike.h"
#include "tests/peer/model/model_rules.h"
#include "tests/peer/records/model_ids.h"
#include "tests/peer/records/row_vectors.h"
#include "tests/peer/model/vector_file.h"
#include "tests/support/expect.h"

enum { ORDERS = 3, LEAST = 100, ALIKE_LEAST = 10 };

static size_t each_vector(void (*check)(const json_t *vector))
{
    const char *path = getenv("CF_RECORD_VECTORS");

    return vectors_each_in(path ? path : CF_RECORD_VECTORS_HERE, check);
}

static const char *name_of(const json_t *vector)
{
    return json_string_value(json_object_get(vector, "name"));
}

/* ---- Views ---- */

static void expect_rows(const json_t *vector, const cf_row_view *view, const char *how)
{
    const json_t *rows = json_object_get(json_object_get(vector, "view"), "rows");
    cf_arena arena = {0};

    cr_assert_eq(cf_row_view_count(view), json_array_size(rows), "%s %s: %zu rows, not %zu",
                 name_of(vector), how, cf_row_view_count(view), json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        cf_row row = row_vector_row(json_array_get(rows, i), &arena);
        const cf_row *found = cf_row_view_find(view, row.table, row.key);

        cr_assert(found, "%s %s: row %zu is not there", name_of(vector), how, i);
        cr_assert(cf_id_equal(&found->item, &row.item), "%s %s: row %zu is another item",
                  name_of(vector), how, i);
        cr_assert_eq(found->field_count, row.field_count, "%s %s: row %zu", name_of(vector), how,
                     i);
        for (size_t k = 0; k < row.field_count; k++) {
            cr_assert(cf_bytes_equal(found->fields[k].name, row.fields[k].name),
                      "%s %s: row %zu, field %zu", name_of(vector), how, i, k);
            cr_assert(cf_row_field_equal(&found->fields[k], &row.fields[k]),
                      "%s %s: row %zu, field %zu", name_of(vector), how, i, k);
        }
    }
    cf_arena_release(&arena);
}

static void print_conflict(const cf_row_conflict *conflict, cf_buffer *out)
{
    char item[MODEL_ITEM_TEXT];

    model_item_text(&conflict->row->item, item);
    cf_buffer_append_text(out, "%s %.*s ", item, (int)conflict->field.size,
                          (const char *)conflict->field.data);
    model_print(conflict->value, out);
    cf_buffer_append(out, "", 1);
}

static bool take_conflict(const json_t *list, bool *taken, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        char expected[256];

        snprintf(expected, sizeof expected, "%s %s %s", json_string_value(json_array_get(one, 0)),
                 json_string_value(json_array_get(one, 1)),
                 json_string_value(json_array_get(one, 2)));
        if (!taken[i] && strcmp(expected, text) == 0)
            return taken[i] = true;
    }
    return false;
}

static void expect_conflicts(const json_t *vector, const cf_row_view *view, const char *how)
{
    const json_t *list = json_object_get(json_object_get(vector, "view"), "conflicts");
    bool *taken = cf_allocate(json_array_size(list), sizeof *taken);
    size_t count;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(view, &count);

    cr_assert_eq(count, json_array_size(list), "%s %s: %zu conflicts", name_of(vector), how, count);
    for (size_t i = 0; i < count; i++) {
        cf_buffer text = {0};

        print_conflict(&conflicts[i], &text);
        cr_assert(take_conflict(list, taken, (const char *)text.data), "%s %s: %s", name_of(vector),
                  how, (const char *)text.data);
        cf_buffer_release(&text);
    }
    free(taken);
}

static void expect_held(const json_t *vector, const cf_row_view *view, const char *how)
{
    static const char *const words[] = {"required", "unique", "parent"};
    const json_t *list = json_object_get(json_object_get(vector, "view"), "held");
    size_t count;
    const cf_row_held *held = cf_row_view_held(view, &count);

    cr_assert_eq(count, json_array_size(list), "%s %s: %zu are held back", name_of(vector), how,
                 count);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(list, i);
        cf_id item = model_item(json_string_value(json_array_get(one, 0)));

        cr_assert(cf_id_equal(&item, &held[i].row.item), "%s %s: held %zu", name_of(vector), how,
                  i);
        cr_assert_str_eq(words[held[i].why], json_string_value(json_array_get(one, 1)),
                         "%s %s: held %zu", name_of(vector), how, i);
    }
}

static void check_view(const json_t *vector)
{
    cf_arena arena = {0};
    cf_schema *schema = row_vector_schema(json_object_get(vector, "schema"), &arena);
    size_t count;
    row_vector_entry *entries = row_vector_entries(vector, &arena, &count);

    for (int order = 0; order <= ORDERS; order++) {
        cf_state *state = row_vector_state(entries, count, NULL, order > 0);
        cf_row_view *view = cf_row_view_new(state, schema);
        const char *how = order ? "in any order" : "in the given order";

        expect_rows(vector, view, how);
        expect_conflicts(vector, view, how);
        expect_held(vector, view, how);
        cf_row_view_destroy(&view);
        cf_state_destroy(&state);
    }
    cf_arena_release(&arena);
}

Test(record_vectors, give_their_views_in_every_order, .timeout = 600)
{
    srand(1);
    cr_assert(each_vector(check_view) >= LEAST);
}

/* ---- Scans ---- */

/* What writes nothing is neither weak nor strong. */
static bool same_change(const cf_change *a, const cf_change *b)
{
    bool same = cf_id_equal(&a->item, &b->item) && cf_bytes_equal(a->field, b->field) &&
                cf_bytes_equal(a->value, b->value) && (a->weak == b->weak || a->value.size == 0) &&
                a->over_count == b->over_count;

    for (size_t i = 0; same && i < a->over_count; i++)
        same = cf_dot_equal(&a->over[i], &b->over[i]);
    return same;
}

/* What was found in the part `index` of the vector's `list`. */
typedef struct {
    const char *list;
    size_t index;
    const cf_change *changes;
    size_t count;
} drafted;

static void expect_changes(const json_t *vector, const drafted *of, const json_t *list,
                           cf_arena *arena)
{
    size_t count;
    const cf_change *expected = row_vector_changes(list, arena, &count);

    for (size_t i = 0; i < count && i < of->count; i++) {
        char item[MODEL_ITEM_TEXT];

        model_item_text(&of->changes[i].item, item);
        cr_assert(same_change(&expected[i], &of->changes[i]), "%s, %s %zu: change %zu, %s %.*s",
                  name_of(vector), of->list, of->index, i, item, (int)of->changes[i].field.size,
                  (const char *)of->changes[i].field.data);
    }
    cr_assert_eq(count, of->count, "%s, %s %zu: %zu changes instead of %zu", name_of(vector),
                 of->list, of->index, of->count, count);
}

static cf_row *rows_of(const json_t *list, cf_arena *arena, size_t *count)
{
    *count = json_array_size(list);
    cf_row *rows = cf_arena_allocate(arena, *count, sizeof *rows);
    for (size_t i = 0; i < *count; i++)
        rows[i] = row_vector_row(json_array_get(list, i), arena);
    return rows;
}

static cf_rows *base_of(const json_t *list, cf_arena *arena)
{
    cf_rows *base = cf_rows_new();
    size_t count;
    const cf_row *rows = rows_of(list, arena, &count);

    for (size_t i = 0; i < count; i++)
        cf_rows_put(base, &rows[i]);
    return base;
}

static void check_scan(const json_t *vector, size_t index, const cf_schema *schema,
                       const row_vector_entry *entries, size_t entry_count)
{
    const json_t *from = json_array_get(json_object_get(vector, "scans"), index);
    cf_arena arena = {0};
    cf_row_format format = row_vector_format(json_object_get(from, "format"), &arena);
    cf_rows *base = base_of(json_object_get(from, "base"), &arena);
    cf_rows *unseen = base_of(json_object_get(from, "unseen"), &arena);
    cf_row_diff_input input = {
        .ids = &model_record_ids,
        .schema = schema,
        .format = &format,
        .state = row_vector_state(entries, entry_count, json_object_get(from, "held"), false),
        .base = base,
        .dependants = unseen,
        .writer = model_writer(json_string_value(json_object_get(from, "writer"))),
        .sequence = (uint64_t)json_integer_value(json_object_get(from, "sequence")),
        .time = {.ms = (uint64_t)json_integer_value(json_object_get(from, "time"))},
    };
    cf_row_view *view = cf_row_view_new(input.state, schema);
    cf_row_diff scan;

    input.view = view;
    input.disk = rows_of(json_object_get(from, "disk"), &arena, &input.disk_count);
    cf_row_diff_run(&input, &arena, &scan);
    const drafted found = {"scan", index, scan.changes, scan.count};
    expect_changes(vector, &found, json_object_get(from, "changes"), &arena);
    cf_row_view_destroy(&view);
    cf_state_destroy(&input.state);
    cf_rows_destroy(&base);
    cf_rows_destroy(&unseen);
    cf_arena_release(&arena);
}

static void check_scans(const json_t *vector)
{
    cf_arena arena = {0};
    cf_schema *schema = row_vector_schema(json_object_get(vector, "schema"), &arena);
    size_t count;
    const row_vector_entry *entries = row_vector_entries(vector, &arena, &count);

    for (size_t i = 0; i < json_array_size(json_object_get(vector, "scans")); i++)
        check_scan(vector, i, schema, entries, count);
    cf_arena_release(&arena);
}

Test(record_vectors, give_their_scans, .timeout = 600)
{
    cr_assert(each_vector(check_scans) >= LEAST);
}

/* ---- What is one by itself ---- */

static size_t made_one;

static cf_natural_key natural_key(const json_t *pair, cf_arena *arena)
{
    cf_buffer column = {0};

    cf_buffer_append_text(&column, "/%s", json_string_value(json_array_get(pair, 1)));
    const cf_natural_key key = {cf_bytes_of_text(json_string_value(json_array_get(pair, 0))),
                                cf_arena_copy(arena, cf_buffer_view(&column))};
    cf_buffer_release(&column);
    return key;
}

static void check_alike(const json_t *vector)
{
    const json_t *list = json_object_get(vector, "alike");
    cf_arena arena = {0};
    cf_schema *schema = row_vector_schema(json_object_get(vector, "schema"), &arena);
    size_t count;
    const row_vector_entry *entries = row_vector_entries(vector, &arena, &count);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *from = json_array_get(list, i);
        cf_state *state = row_vector_state(entries, count, json_object_get(from, "held"), false);
        cf_row_view *view = cf_row_view_new(state, schema);
        cf_change_draft draft = {.arena = &arena};
        drafted found = {.list = "alike", .index = i};

        const json_t *keys = json_object_get(from, "natural");
        cf_natural_key *natural = cf_arena_allocate(&arena, json_array_size(keys), sizeof *natural);
        for (size_t k = 0; k < json_array_size(keys); k++)
            natural[k] = natural_key(json_array_get(keys, k), &arena);
        cf_row_draft_alike(
            &draft, state, schema, view,
            &(cf_alike_choice){.unites = json_is_true(json_object_get(from, "unites")),
                               .keys = natural,
                               .key_count = json_array_size(keys)});
        found.changes = cf_change_draft_changes(&draft, &found.count);
        expect_changes(vector, &found, json_object_get(from, "changes"), &arena);
        made_one += found.count;
        cf_change_draft_release(&draft);
        cf_row_view_destroy(&view);
        cf_state_destroy(&state);
    }
    cf_arena_release(&arena);
}

Test(record_vectors, say_which_rows_are_one_by_themselves, .timeout = 600)
{
    each_vector(check_alike);
    cr_assert_geq(made_one, ALIKE_LEAST, "%zu", made_one);
}
