/* SPDX-License-Identifier: Apache-2.0 */
/* The work on one item grows as its fields do, and not as their square. What is counted is how many
 * stretches of the product's code are run: the sources that have to do with an item are compiled
 * for this test so that each of them calls __sanitizer_cov_trace_pc. */
#include "peer/merge/covered.h"
#include "peer/merge/state_item.h"
#include "peer/records/record_both.h"
#include "peer/records/record_facts.h"
#include "tests/peer/costs/stretches.h"
#include "tests/peer/records/made_schema.h"
#include "tests/peer/records/rule_world.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <stdlib.h>

/* Where a line costs much by itself, a search for it through all shows with MANY. */
enum { SMALL = 500, MANY = 2000 };

static void expect_linear(fields_work *work)
{
    stretches_expect_linear(SMALL, work);
}

static const cf_id item = {{'o', 1}};

static cf_dot dot_of(uint64_t number)
{
    return (cf_dot){.writer = {{1}}, .sequence = number, .hash = {2}};
}

/* An item each of whose fields another entry wrote, as it is kept. */
static cf_buffer pack_item(size_t fields)
{
    cf_buffer record = {0};
    char name[24];

    cf_pack_array(&record, 3);
    cf_pack_array(&record, fields);
    for (size_t i = 0; i < fields; i++) {
        cf_dot dot = dot_of(i + 1);

        cf_pack_array(&record, 5);
        cf_pack_bin(&record, cf_bytes_of(dot.writer.bytes, CF_ID_SIZE));
        cf_pack_uint(&record, dot.sequence);
        cf_pack_bin(&record, cf_bytes_of(dot.hash, sizeof dot.hash));
        cf_pack_uint(&record, 1000);
        cf_pack_uint(&record, i);
    }
    cf_pack_array(&record, fields);
    for (size_t i = 0; i < fields; i++) {
        snprintf(name, sizeof name, "/f%06zu", i);
        cf_pack_array(&record, 4);
        cf_field_pack(&record, cf_bytes_of_text(name));
        cf_pack_uint(&record, i);
        cf_pack_bool(&record, false);
        cf_pack_uint(&record, 7);
    }
    cf_pack_array(&record, 0);
    return record;
}

static cf_state *state_of(size_t fields)
{
    cf_state *state = cf_state_new();
    cf_buffer record = pack_item(fields);
    cf_error error;

    expect_ok(cf_state_item_read(state, &item, cf_buffer_view(&record), &error), error);
    cf_buffer_release(&record);
    return state;
}

/* Read, changed in each field by one entry, and kept. */
static uint64_t state_work(size_t fields)
{
    uint64_t before = stretches;
    cf_state *state = state_of(fields);
    cf_change *changes = cf_allocate(fields, sizeof *changes);
    cf_dot *over = cf_allocate(fields, sizeof *over), self = dot_of(fields + 1);
    char(*names)[24] = cf_allocate(fields, sizeof *names);
    cf_buffer record = {0};

    for (size_t i = 0; i < fields; i++) {
        snprintf(names[i], sizeof names[i], "/f%06zu", i);
        over[i] = dot_of(i + 1);
        changes[i] = (cf_change){.item = item,
                                 .field = cf_bytes_of_text(names[i]),
                                 .value = cf_bytes_of("\x08", 1),
                                 .over = &over[i],
                                 .over_count = i % 2};
    }
    cf_state_apply(state, &self, (cf_time){2000, 0}, changes, fields, NULL);
    cr_assert_eq(cf_item_write_count(cf_state_item(state, &item)), fields + fields / 2);
    cf_state_item_pack(state, &item, &record);
    cf_buffer_release(&record);
    free(names);
    free(over);
    free(changes);
    cf_state_destroy(&state);
    return stretches - before;
}

Test(growth, of_what_is_kept_of_an_item_is_linear)
{
    expect_linear(state_work);
}

/* A deletion covers each field by its own dot. */
static uint64_t deletion_work(size_t fields)
{
    cf_state *state = state_of(fields);
    cf_cover *covers = cf_allocate(fields, sizeof *covers);
    char(*names)[24] = cf_allocate(fields, sizeof *names);
    cf_dot self = dot_of(fields + 1);
    cf_buffer value = {0};
    cf_row_facts facts = {0};

    for (size_t i = 0; i < fields; i++) {
        snprintf(names[i], sizeof names[i], "/f%06zu", i);
        covers[i] = (cf_cover){cf_bytes_of_text(names[i]), dot_of(i + 1)};
    }
    cf_covers_pack(&value, covers, fields);
    cf_change change = {.item = item, .value = cf_buffer_view(&value)};
    uint64_t before = stretches;
    cf_state_apply(state, &self, (cf_time){2000, 0}, &change, 1, NULL);
    cf_row_facts_load(state, cf_state_item(state, &item), &facts);
    cr_assert_eq(facts.count, fields);
    cr_assert_not(facts.lives);
    cf_row_facts_release(&facts);
    cf_buffer_release(&value);
    free(names);
    free(covers);
    cf_state_destroy(&state);
    return stretches - before;
}

Test(growth, of_what_a_deletion_covers_is_linear)
{
    expect_linear(deletion_work);
}

static cf_buffer words_of(size_t fields, unsigned value)
{
    cf_buffer words = {0};

    cf_buffer_append_text(&words, "card u");
    for (size_t i = 0; i < fields; i++)
        cf_buffer_append_text(&words, " f%06zu=%u", i, value);
    cf_buffer_append(&words, "", 1);
    return words;
}

/* A document's members, each edited; the first time apart from the second. */
static uint64_t edit_work(size_t fields)
{
    cf_arena arena = {0};
    cf_schema schema = made_schema("card", &arena);
    rule_world world = rule_world_of(&schema);
    cf_buffer words = words_of(fields, 1), edited = words_of(fields, 2);

    rule_world_write_apart(&world, 'A', 10, (const char *)words.data);
    cf_rows *base = rule_world_applied(&world);
    uint64_t before = stretches;
    cf_row_diff made = rule_world_write(&world, base, 'B', 20, (const char *)edited.data);
    cr_assert_eq(made.count, fields);
    rule_world_rebase(&world, base, &made);
    uint64_t counted = stretches - before;
    cf_rows_destroy(&base);
    cf_buffer_release(&words);
    cf_buffer_release(&edited);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return counted;
}

Test(growth, of_an_edit_of_all_members_of_a_document_is_linear)
{
    expect_linear(edit_work);
}

/* A look at a document that lies as it was written. */
static uint64_t look_work(size_t fields)
{
    cf_arena arena = {0};
    cf_schema schema = made_schema("card", &arena);
    rule_world world = rule_world_of(&schema);
    cf_buffer words = words_of(fields, 1);

    rule_world_write_apart(&world, 'A', 10, (const char *)words.data);
    cf_rows *base = rule_world_applied(&world);
    uint64_t before = stretches;
    cf_row_diff made = rule_world_write(&world, base, 'B', 20, (const char *)words.data);
    uint64_t counted = stretches - before;
    cr_assert_eq(made.count, 0);
    cf_rows_destroy(&base);
    cf_buffer_release(&words);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return counted;
}

Test(growth, of_a_look_at_a_document_in_which_nothing_changed_is_linear)
{
    expect_linear(look_work);
}

static cf_buffer tels_of(size_t first, size_t count)
{
    cf_buffer words = {0};

    cf_buffer_append_text(&words, "card u");
    for (size_t i = 0; i < count; i++)
        cf_buffer_append_text(&words, "%s%zu", i ? "," : " tel=", first + i);
    cf_buffer_append(&words, "", 1);
    return words;
}

/* A set all of whose values go, and so many others come, by so many changes. */
static uint64_t replaced_work(size_t values, size_t coming, size_t changes)
{
    cf_arena arena = {0};
    cf_schema schema = made_schema("card /tel*", &arena);
    rule_world world = rule_world_of(&schema);
    cf_buffer words = tels_of(1000000, values), others = tels_of(2000000, coming);

    rule_world_write_apart(&world, 'A', 10, (const char *)words.data);
    cf_rows *base = rule_world_applied(&world);
    uint64_t before = stretches;
    cf_row_diff made = rule_world_write(&world, base, 'B', 20, (const char *)others.data);
    uint64_t counted = stretches - before;
    cr_assert_eq(made.count, changes);
    cf_rows_destroy(&base);
    cf_buffer_release(&words);
    cf_buffer_release(&others);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return counted;
}

static uint64_t set_work(size_t values)
{
    return replaced_work(values, values + 1, 2 * values + 1);
}

static uint64_t edits_work(size_t values)
{
    return replaced_work(values, values, values);
}

Test(growth, of_what_was_done_to_a_set_is_linear)
{
    expect_linear(set_work);
    expect_linear(edits_work);
}

/* The event, with so many who attend; `status` is told of each. */
static cf_row attended(size_t count, const char *status, cf_arena *arena)
{
    cf_row_field *fields = cf_arena_allocate(arena, 2, sizeof *fields);
    cf_bytes *values = cf_arena_allocate(arena, count, sizeof *values);
    cf_bytes *title = cf_arena_allocate(arena, 1, sizeof *title);
    cf_buffer packed = {0};
    char address[32];

    for (size_t i = 0; i < count; i++) {
        snprintf(address, sizeof address, "mailto:%06zu@b.c", i);
        cf_buffer_clear(&packed);
        cf_pack_array(&packed, 4);
        cf_pack_text(&packed, cf_bytes_of_text("attendee"));
        cf_pack_map(&packed, 1);
        cf_pack_text(&packed, cf_bytes_of_text("partstat"));
        cf_pack_text(&packed, cf_bytes_of_text(status));
        cf_pack_text(&packed, cf_bytes_of_text("unknown"));
        cf_pack_text(&packed, cf_bytes_of_text(address));
        values[i] = cf_arena_copy(arena, cf_buffer_view(&packed));
    }
    cf_buffer_clear(&packed);
    cf_pack_text(&packed, cf_bytes_of_text("1"));
    title[0] = cf_arena_copy(arena, cf_buffer_view(&packed));
    fields[0] = (cf_row_field){cf_bytes_of_text("/iCalProps"), values, count};
    fields[1] = (cf_row_field){cf_bytes_of_text("/title"), title, 1};
    cf_buffer_release(&packed);
    return (cf_row){
        .table = cf_bytes_of_text("events"), .key = title[0], .fields = fields, .field_count = 2};
}

static void write_attended(rule_world *world, cf_rows *base, uint64_t ms, const cf_row *row)
{
    cf_row_view *view = cf_row_view_new(world->state, world->schema);
    cf_row_diff_input input = {.ids = &cf_record_ids_product,
                               .schema = world->schema,
                               .format = world->format,
                               .state = world->state,
                               .view = view,
                               .base = base,
                               .disk = row,
                               .disk_count = 1,
                               .writer = {{'A'}},
                               .sequence = ms,
                               .time = {.ms = ms}};
    cf_row_diff made;

    cf_row_diff_run(&input, &world->arena, &made);
    cr_assert_geq(made.count, row->fields[0].count);
    rule_world_publish(world, &made);
    rule_world_rebase(world, base, &made);
    cf_row_view_destroy(&view);
}

/* Of lines that may be there once for each address all are new, then each is edited. */
static uint64_t seats_work(size_t lines)
{
    cf_arena arena = {0};
    rule_world world = rule_world_of(&cf_schema_calendar);
    const cf_row before = attended(lines, "x", &arena), after = attended(lines, "y", &arena);
    cf_rows *base = cf_rows_new();
    uint64_t start = stretches;

    write_attended(&world, base, 10, &before);
    write_attended(&world, base, 20, &after);
    uint64_t counted = stretches - start;
    cf_rows_destroy(&base);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return counted;
}

Test(growth, of_lines_that_have_seats_is_linear)
{
    stretches_expect_linear(MANY, seats_work);
}

/* Each device gave one entry of a set, as a telephone number, another value: all are kept. */
static void contest(cf_state *state, const cf_row *row, const char *field, size_t values)
{
    for (size_t i = 0; i < values; i++) {
        const cf_dot dot = dot_of(i + 1);
        cf_buffer value = {0};

        cf_pack_uint(&value, 1000000 + i / 2 * 2); /* two by two the same */
        const cf_change change = {
            .item = row->item, .field = cf_bytes_of_text(field), .value = cf_buffer_view(&value)};
        cf_state_apply(state, &dot, (cf_time){.ms = 1000 + values - i}, &change, 1, NULL);
        cf_buffer_release(&value);
    }
}

/* What is done with them, and how many changes or values that makes. */
typedef size_t both_act(const cf_row_both *all, size_t count, const cf_state *state,
                        cf_arena *arena);

static uint64_t count_both(size_t values, both_act *act)
{
    cf_arena arena = {0};
    cf_schema schema = made_schema("card /tel*", &arena);
    rule_world world = rule_world_of(&schema);
    size_t count;

    rule_world_write_apart(&world, 'A', 10, "card u tel=1");
    cf_row_view *view = cf_row_view_new(world.state, &schema);
    const cf_row row = cf_row_copy(cf_row_view_at(view, 0), &arena);
    cf_row_view_destroy(&view);
    contest(world.state, &row, "/tel/x", values);
    view = cf_row_view_new(world.state, &schema);
    uint64_t before = stretches;
    const cf_row_both *all = cf_row_both_kept(view, world.state, &schema, &arena, &count);
    cr_assert_eq(count, values / 2 - 1, "each value beside the first");
    if (act) {
        before = stretches;
        cr_assert_eq(act(all, count, world.state, &arena), count + 1);
    }
    uint64_t counted = stretches - before;
    cf_row_view_destroy(&view);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return counted;
}

static uint64_t both_work(size_t values)
{
    return count_both(values, NULL);
}

Test(growth, of_values_that_are_both_kept_is_linear)
{
    expect_linear(both_work);
}

/* One change takes them out of their entry, and each gets one of its own. */
static size_t part(const cf_row_both *all, size_t count, const cf_state *state, cf_arena *arena)
{
    cf_change *changes = cf_arena_allocate(arena, 2 * count, sizeof *changes);
    const size_t made = cf_row_both_part(all, count, state, &cf_record_ids_product, arena, changes);

    cr_expect_eq(
        cf_changes_find(changes, made, &all[0].other.row->item, all[0].other.field)->over_count,
        2 * count, "both writes of each value go");
    return made;
}

static uint64_t part_work(size_t values)
{
    return count_both(values, part);
}

Test(growth, of_values_that_get_entries_of_their_own_is_linear)
{
    expect_linear(part_work);
}

/* ---- Rows that give way ---- */

/* So many rows of each of two devices, which wish for the same. */
static cf_buffer rows_of_places(size_t rows, const char *mark, const char *name)
{
    cf_buffer words = {0};

    for (size_t i = 1; i <= rows; i++)
        cf_buffer_append_text(&words, "%stask %zu mark=%s%zu list=1 pos=%s%zu", i > 1 ? ";" : "", i,
                              mark, i, name, *name ? i % 2 : i);
    cf_buffer_append(&words, "", 1);
    return words;
}

static uint64_t give_way_work(size_t rows, const char *tables, const char *name)
{
    cf_arena arena = {0};
    const cf_schema schema = made_schema(tables, &arena);
    rule_world world = rule_world_of(&schema);
    cf_buffer first = rows_of_places(rows, "a", name), second = rows_of_places(rows, "b", name);

    rule_world_write_apart(&world, 'A', 10, (const char *)first.data);
    rule_world_write_apart(&world, 'B', 20, (const char *)second.data);
    const uint64_t before = stretches;
    cf_row_view *view = cf_row_view_new(world.state, &schema);
    const uint64_t work = stretches - before;
    cr_expect_eq(cf_row_view_count(view), 2 * rows);
    cf_row_view_destroy(&view);
    cf_buffer_release(&first);
    cf_buffer_release(&second);
    rule_world_end(&world);
    cf_arena_release(&arena);
    return work;
}

static uint64_t place_work(size_t rows)
{
    return give_way_work(rows, "task # =/pos", "");
}

static uint64_t two_places_work(size_t rows)
{
    return give_way_work(rows, "task # =/pos =/list,/pos", "");
}

static uint64_t name_work(size_t rows)
{
    return give_way_work(rows, "task # =/pos", "t");
}

static uint64_t two_names_work(size_t rows)
{
    return give_way_work(rows, "task # =/list,/pos =/pos", "t");
}

Test(growth, of_rows_that_give_way_is_linear)
{
    expect_linear(place_work);
    expect_linear(name_work);
}

/* What one of two tuples takes the other may leave. */
Test(growth, of_rows_that_give_way_in_a_column_of_two_tuples_is_linear)
{
    expect_linear(two_places_work);
    expect_linear(two_names_work);
}
