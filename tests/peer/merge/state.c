/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/state.h"
#include "peer/merge/state_item.h"

#include "codec/limits.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/expect.h"

static const cf_id item = {{'f', 1}}, other = {{'f', 2}};

static cf_dot dot_of(uint8_t writer, uint64_t sequence)
{
    return (cf_dot){.writer = {{writer}}, .sequence = sequence, .hash = {writer, 7}};
}

static cf_change change_of(const cf_id *of, const char *field, const char *value,
                           const cf_dot *over, size_t over_count)
{
    return (cf_change){*of,  cf_bytes_of_text(field), cf_bytes_of_text(value), over, over_count,
                       false};
}

/* Each value is one byte, so that it is canonical: a small number. */
static void write_value(cf_state *state, cf_dot dot, const char *field, const char *value,
                        const cf_dot *over, size_t over_count)
{
    cf_change change = change_of(&item, field, value, over, over_count);

    cf_state_apply(state, &dot, (cf_time){dot.sequence, 0}, &change, 1, NULL);
}

static size_t writes_of(const cf_state *state, const cf_id *id)
{
    const cf_item *held = cf_state_item(state, id);

    return held ? cf_item_write_count(held) : 0;
}

Test(state, keeps_the_writes_that_nobody_replaced)
{
    cf_state *state = cf_state_new();
    cf_dot first = dot_of(1, 1), second = dot_of(2, 1);
    cf_write write;

    write_value(state, first, "/name", "\1", NULL, 0);
    write_value(state, second, "/name", "\2", NULL, 0);
    cr_assert_eq(writes_of(state, &item), 2);
    write_value(state, dot_of(1, 2), "/name", "\3", &first, 1);
    cr_assert_eq(writes_of(state, &item), 2);
    const cf_item *held = cf_state_item(state, &item);
    cr_assert(cf_state_find_write(state, held, CF_FIELD_NUMBER_NAME, &second, &write));
    cr_assert(cf_bytes_equal(write.value, cf_bytes_of("\2", 1)));
    cr_assert_eq(write.time.ms, 1);
    cr_assert_not(cf_state_find_write(state, held, CF_FIELD_NUMBER_NAME, &first, &write));
    cf_state_destroy(&state);
}

Test(state, remembers_a_name_whose_entry_comes_later)
{
    cf_state *state = cf_state_new();
    cf_dot late = dot_of(1, 1);

    write_value(state, dot_of(2, 1), "/name", "", &late, 1);
    cr_assert_null(cf_state_item(state, &item), "a remembered name is no write");
    cr_assert_eq(cf_state_item_count(state), 0);
    write_value(state, late, "/name", "\1", NULL, 0);
    cr_assert_null(cf_state_item(state, &item));
    write_value(state, late, "/mode", "\1", NULL, 0);
    cr_assert_eq(writes_of(state, &item), 1, "a name counts for its own field only");
    cf_state_destroy(&state);
}

/* ---- Orders of arrival ---- */

enum { ARRIVALS = 6, ARRIVAL_CHANGES = 3 };

typedef struct {
    cf_dot dot;
    cf_change changes[ARRIVAL_CHANGES];
    size_t count;
} arrival;

/* Ann writes; Bob and Cleo replace what she wrote, and Dan what all three did; Eve names what never
 * comes, and another item has writes of the entries whose names are remembered. */
static void make_arrivals(arrival *out)
{
    static cf_dot ann, late, replaced[2], all[3];

    ann = dot_of(1, 1);
    late = dot_of(9, 9);
    replaced[0] = ann;
    replaced[1] = dot_of(3, 1);
    for (uint8_t i = 0; i < 3; i++)
        all[i] = dot_of((uint8_t)(1 + i), 1);
    out[0] =
        (arrival){ann,
                  {change_of(&item, "/b", "\1", NULL, 0), change_of(&item, "/name", "\1", NULL, 0),
                   change_of(&other, "/name", "\1", NULL, 0)},
                  3};
    out[1] =
        (arrival){dot_of(2, 1),
                  {change_of(&item, "/a", "\2", NULL, 0), change_of(&item, "/name", "\2", &ann, 1)},
                  2};
    out[2] =
        (arrival){dot_of(3, 1),
                  {change_of(&item, "/b", "\3", &ann, 1), change_of(&item, "/name", "\3", &ann, 1)},
                  2};
    out[3] = (arrival){
        dot_of(4, 1),
        {change_of(&item, "/b", "", replaced, 2), change_of(&item, "/name", "\4", all, 3)},
        2};
    out[4] = (arrival){dot_of(5, 1), {change_of(&item, "/a", "\5", &late, 1)}, 1};
    out[5] = (arrival){dot_of(6, 1), {change_of(&other, "/name", "\6", &ann, 1)}, 1};
}

static void pack_items(const cf_state *state, cf_buffer *out)
{
    cf_buffer_clear(out);
    cr_assert(cf_state_item_pack(state, &item, out));
    cr_assert(cf_state_item_pack(state, &other, out));
}

/* Those that come in this order, each saved and read again before the next. */
static void arrive(const arrival *all, const size_t *order, cf_buffer *out)
{
    cf_state *state = cf_state_new();
    cf_buffer record = {0};
    cf_error error;

    for (size_t i = 0; i < ARRIVALS; i++) {
        const arrival *one = &all[order[i]];

        cf_state_apply(state, &one->dot, (cf_time){one->dot.writer.bytes[0], 0}, one->changes,
                       one->count, NULL);
        cf_buffer_clear(&record);
        if (cf_state_item_pack(state, &item, &record))
            expect_ok(cf_state_item_read(state, &item, cf_buffer_view(&record), &error), error);
    }
    pack_items(state, out);
    cf_buffer_release(&record);
    cf_state_destroy(&state);
}

static void arrive_in_each_order(const arrival *all, size_t *order, size_t count,
                                 const cf_buffer *expected, size_t *different)
{
    cf_buffer packed = {0};

    if (count <= 1) {
        arrive(all, order, &packed);
        *different += !cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(expected));
    }
    for (size_t i = 0; count > 1 && i < count; i++) {
        size_t last = order[count - 1];

        order[count - 1] = order[i];
        order[i] = last;
        arrive_in_each_order(all, order, count - 1, expected, different);
        order[i] = order[count - 1];
        order[count - 1] = last;
    }
    cf_buffer_release(&packed);
}

Test(state, is_kept_as_the_same_bytes_for_every_order_of_arrival)
{
    size_t order[ARRIVALS] = {0, 1, 2, 3, 4, 5}, different = 0;
    arrival all[ARRIVALS];
    cf_buffer expected = {0};

    make_arrivals(all);
    arrive(all, order, &expected);
    arrive_in_each_order(all, order, ARRIVALS, &expected, &different);
    cr_assert_eq(different, 0, "%zu of 720 orders", different);
    cf_buffer_release(&expected);
}

Test(state, remembers_nothing_once_all_that_was_named_has_come)
{
    cf_state *late = cf_state_new(), *early = cf_state_new();
    cf_dot first = dot_of(1, 1);
    cf_buffer packed[2] = {{0}, {0}};

    write_value(early, first, "/name", "\1", NULL, 0);
    write_value(early, dot_of(2, 1), "/name", "\2", &first, 1);
    write_value(late, dot_of(2, 1), "/name", "\2", &first, 1);
    write_value(late, first, "/name", "\1", NULL, 0);
    cf_state_item_pack(early, &item, &packed[0]);
    cf_state_item_pack(late, &item, &packed[1]);
    cr_assert(cf_bytes_equal(cf_buffer_view(&packed[0]), cf_buffer_view(&packed[1])));
    for (int i = 0; i < 2; i++)
        cf_buffer_release(&packed[i]);
    cf_state_destroy(&late);
    cf_state_destroy(&early);
}

/* As an older program left it, whether the write came since or not: [dots, writes, names]. */
static void pack_older(cf_buffer *out, const cf_dot *named)
{
    cf_pack_array(out, 3);
    cf_pack_array(out, 1);
    cf_pack_array(out, 5);
    cf_pack_bin(out, cf_bytes_of(named->writer.bytes, sizeof named->writer.bytes));
    cf_pack_uint(out, named->sequence);
    cf_pack_bin(out, cf_bytes_of(named->hash, sizeof named->hash));
    cf_pack_uint(out, 0);
    cf_pack_uint(out, 0);
    cf_pack_array(out, 0);
    cf_pack_array(out, 1);
    cf_pack_array(out, 2);
    cf_field_pack(out, cf_bytes_of_text("/name"));
    cf_pack_uint(out, 0);
}

Test(state, keeps_a_name_that_an_older_program_did_not_count)
{
    cf_state *state = cf_state_new();
    cf_dot named = dot_of(1, 1);
    cf_buffer record = {0}, again = {0};
    cf_error error;

    pack_older(&record, &named);
    expect_ok(cf_state_item_read(state, &item, cf_buffer_view(&record), &error), error);
    write_value(state, named, "/name", "\1", NULL, 0);
    write_value(state, dot_of(2, 1), "/name", "", &named, 1);
    write_value(state, named, "/name", "\1", NULL, 0);
    cr_assert_null(cf_state_item(state, &item), "it was replaced, and is");
    cf_state_item_pack(state, &item, &again);
    cr_assert(cf_bytes_equal(cf_buffer_view(&record), cf_buffer_view(&again)));
    cf_buffer_release(&record);
    cf_buffer_release(&again);
    cf_state_destroy(&state);
}

/* Nor is the number of the name's dot used any more, which would be for as long as it runs. */
Test(state, drops_a_name_that_was_not_counted_whole)
{
    cf_state *state = cf_state_new(), *older = cf_state_new();
    cf_dot named = dot_of(1, 1), kept = dot_of(2, 1);
    cf_buffer record = {0};
    uint32_t number;
    cf_error error;

    pack_older(&record, &named);
    expect_ok(cf_state_item_read(older, &item, cf_buffer_view(&record), &error), error);
    write_value(state, kept, "/name", "\1", NULL, 0);
    cf_state_drop_uncounted(state, older, &item);
    cr_expect_null(cf_state_record(older, &item));
    cr_expect_eq(writes_of(state, &item), 1);
    cr_expect(!cf_dots_find(cf_state_dots(older), &named, &number));
    cr_expect(!cf_dots_find(cf_state_dots(state), &named, &number));
    cr_expect(cf_dots_find(cf_state_dots(state), &kept, &number));
    cf_buffer_release(&record);
    cf_state_destroy(&state);
    cf_state_destroy(&older);
}

Test(state, keeps_both_branches_of_a_fork)
{
    cf_state *state = cf_state_new();
    cf_dot branch = dot_of(1, 1), twin = branch;

    twin.hash[0] ^= 1;
    write_value(state, branch, "/name", "\1", NULL, 0);
    write_value(state, twin, "/name", "\2", NULL, 0);
    cr_assert_eq(writes_of(state, &item), 2);
    write_value(state, dot_of(2, 1), "/name", "", &twin, 1);
    cr_assert_eq(writes_of(state, &item), 1);
    cf_state_destroy(&state);
}

Test(state, undoes_a_trial)
{
    cf_state *state = cf_state_new();
    cf_dot first = dot_of(1, 1);
    cf_buffer before = {0}, after = {0};
    cf_change change = change_of(&other, "/name", "\4", NULL, 0);

    write_value(state, first, "/name", "\1", NULL, 0);
    cf_state_item_pack(state, &item, &before);
    cf_state_trial_begin(state);
    write_value(state, dot_of(1, 2), "/name", "", &first, 1);
    cf_state_forget_item(state, &item);
    write_value(state, dot_of(1, 3), "/name", "\3", NULL, 0);
    write_value(state, dot_of(1, 4), "/mode", "\3", NULL, 0);
    cf_state_apply(state, &first, (cf_time){1, 0}, &change, 1, NULL);
    cr_assert_eq(writes_of(state, &other), 1);
    cf_state_trial_end(state);
    cf_state_item_pack(state, &item, &after);
    cr_assert(cf_bytes_equal(cf_buffer_view(&before), cf_buffer_view(&after)));
    cr_assert_null(cf_state_item(state, &other));
    cr_assert_eq(cf_state_item_count(state), 1);
    cf_buffer_release(&before);
    cf_buffer_release(&after);
    cf_state_destroy(&state);
}

Test(state, names_the_items_that_an_entry_touched)
{
    cf_state *state = cf_state_new();
    cf_dot dot = dot_of(1, 1);
    cf_ids dirty = {0};
    const cf_change changes[] = {change_of(&item, "/mode", "\1", NULL, 0),
                                 change_of(&item, "/name", "\1", NULL, 0),
                                 change_of(&other, "/name", "\1", NULL, 0)};

    cf_state_apply(state, &dot, (cf_time){1, 0}, changes, 3, &dirty);
    cr_assert_eq(dirty.count, 2);
    cr_assert(cf_id_equal(&dirty.at[0], &item));
    cr_assert(cf_id_equal(&dirty.at[1], &other));
    free(dirty.at);
    cf_state_destroy(&state);
}

/* An item with all that a record can hold. */
static cf_state *rich_state(void)
{
    cf_state *state = cf_state_new();
    cf_dot absent = dot_of(9, 9), later = dot_of(1, 2);
    cf_change weak = change_of(&item, "/mode", "\5", NULL, 0);

    weak.weak = true;
    write_value(state, dot_of(1, 1), "/name", "\1", NULL, 0);
    cf_state_apply(state, &later, (cf_time){40, 3}, &weak, 1, NULL);
    write_value(state, dot_of(2, 1), "/from a newer program", "\2", NULL, 0);
    write_value(state, dot_of(3, 1), "/name", "\3", &absent, 1);
    return state;
}

Test(state, carries_an_item_through_its_record)
{
    cf_state *state = rich_state(), *again = cf_state_new();
    cf_buffer record = {0}, copy = {0};
    cf_error error;

    cr_assert(cf_state_item_pack(state, &item, &record));
    expect_ok(cf_state_item_read(again, &item, cf_buffer_view(&record), &error), error);
    cr_assert(cf_state_item_pack(again, &item, &copy));
    cr_assert(cf_bytes_equal(cf_buffer_view(&record), cf_buffer_view(&copy)));
    cr_assert_eq(writes_of(again, &item), 4);
    const cf_item *carried = cf_state_item(again, &item);
    for (size_t i = 0; i < 4; i++)
        cr_assert_neq(cf_state_write(again, carried, i).time.ms, 0, "of write %zu", i);
    write_value(again, dot_of(9, 9), "/name", "\1", NULL, 0);
    cr_assert_eq(writes_of(again, &item), 4, "the remembered name was carried, too");
    cr_assert_not(cf_state_item_pack(again, &other, &copy));
    cf_buffer_release(&record);
    cf_buffer_release(&copy);
    cf_state_destroy(&state);
    cf_state_destroy(&again);
}

Test(state, refuses_a_record_cut_anywhere)
{
    cf_state *state = rich_state(), *again = cf_state_new();
    cf_buffer record = {0};
    cf_error error;

    cf_state_item_pack(state, &item, &record);
    for (size_t size = 0; size < record.size; size++)
        expect_fails(cf_state_item_read(again, &item, cf_bytes_of(record.data, size), &error),
                     CF_MALFORMED);
    cr_assert_eq(cf_state_item_count(again), 0);
    cf_buffer_release(&record);
    cf_state_destroy(&state);
    cf_state_destroy(&again);
}

Test(state, survives_every_flipped_byte_of_a_record)
{
    cf_state *state = rich_state();
    cf_buffer record = {0}, copy = {0};
    cf_error error;
    size_t refused = 0;

    cf_state_item_pack(state, &item, &record);
    for (size_t i = 0; i < record.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            record.data[i] ^= (uint8_t)(1 << bit);
            cf_status status = cf_state_item_read(state, &item, cf_buffer_view(&record), &error);
            cr_assert(status == CF_OK || status == CF_MALFORMED);
            refused += status != CF_OK;
            cf_buffer_clear(&copy);
            if (status == CF_OK)
                cf_state_item_pack(state, &item, &copy);
            record.data[i] ^= (uint8_t)(1 << bit);
        }
    cr_assert(refused > record.size, "%zu of %zu", refused, 8 * record.size);
    cf_buffer_release(&record);
    cf_buffer_release(&copy);
    cf_state_destroy(&state);
}

Test(state, holds_a_hundred_thousand_files_in_little_memory)
{
    enum { FILES = 100000, ROOM = 400 };
    static const char *const fields[] = {"/content", "/kind", "/mode",
                                         "/mtime",   "/name", "/parent"};
    static const size_t sizes[] = {40, 2, 3, 9, 14, 18};
    cf_state *state = cf_state_new();
    uint8_t bytes[40] = {0};
    cf_change changes[6];
    cf_buffer record = {0};
    size_t packed = 0;

    for (uint32_t i = 0; i < FILES; i++) {
        cf_dot dot = dot_of(1, i + 1);
        cf_id id = {{'f'}};

        cf_put_u32(id.bytes + 4, i);
        for (size_t f = 0; f < 6; f++)
            changes[f] =
                (cf_change){id, cf_bytes_of_text(fields[f]), {bytes, sizes[f]}, NULL, 0, false};
        cf_state_apply(state, &dot, (cf_time){i, 0}, changes, 6, NULL);
        cf_buffer_clear(&record);
        cf_state_item_pack(state, &id, &record);
        packed += record.size;
    }
    cr_assert_eq(cf_state_item_count(state), FILES);
    cr_assert(packed < (size_t)FILES * ROOM, "%zu bytes a record", packed / FILES);
    cf_buffer_release(&record);
    cf_state_destroy(&state);
}

/* ---- Items that are overfull ---- */

/* The dots of entries that write the field each, and nothing over it. */
static void write_times(cf_state *state, const char *field, uint64_t first, uint64_t last)
{
    for (uint64_t i = first; i <= last; i++)
        write_value(state, dot_of(1, i), field, "\1", NULL, 0);
}

Test(state, shows_nothing_of_an_item_that_is_overfull_and_keeps_all_of_it)
{
    cf_state *state = cf_state_new();
    cf_dot first = dot_of(1, 1);
    cf_buffer packed = {0}, again = {0};
    cf_ids seen = {0};
    cf_error error;

    cf_state_bound_items(state, 4);
    write_times(state, "/name", 1, 4);
    cr_expect_eq(writes_of(state, &item), 4);
    cr_expect_not(cf_state_is_overfull(state, &item));
    write_times(state, "/name", 5, 5);
    cr_expect_null(cf_state_item(state, &item));
    cr_expect_not(cf_state_has_field(state, &item, CF_FIELD_NUMBER_NAME));
    cr_expect_eq(cf_state_item_count(state), 0);
    cf_state_each(state, (void (*)(void *, const cf_id *))cf_ids_add, &seen);
    cr_expect_eq(seen.count, 0);
    cf_state_each_overfull(state, (void (*)(void *, const cf_id *))cf_ids_add, &seen);
    cr_expect_eq(seen.count, 1);
    cr_expect_eq(cf_state_overfull_count(state), 1);
    cr_expect(cf_state_knows(state, &item));
    cr_expect_not(cf_state_knows(state, &other));
    cr_assert(cf_state_item_pack(state, &item, &packed));

    cf_state *read = cf_state_new();
    cf_state_bound_items(read, 4);
    expect_ok(cf_state_item_read(read, &item, cf_buffer_view(&packed), &error), error);
    cr_expect(cf_state_is_overfull(read, &item), "it is read back as it was");
    cr_assert(cf_state_item_pack(read, &item, &again));
    cr_expect(cf_bytes_equal(cf_buffer_view(&packed), cf_buffer_view(&again)));

    cf_state_trial_begin(read);
    write_value(read, dot_of(1, 6), "/name", "\2", &first, 1);
    write_value(read, dot_of(1, 7), "/mode", "", &(cf_dot){{{1}}, 2, {1, 7}}, 1);
    cf_state_trial_end(read);
    cr_expect_eq(cf_state_overfull_count(read), 1, "a trial leaves nothing behind");
    write_value(read, dot_of(1, 6), "/name", "", &first, 1);
    cr_expect_eq(writes_of(read, &item), 4, "one is replaced, the others are shown again");
    cr_expect_eq(cf_state_overfull_count(read), 0);
    cf_state_forget_item(state, &item);
    cr_expect_eq(cf_state_overfull_count(state), 0);
    free(seen.at);
    cf_buffer_release(&packed);
    cf_buffer_release(&again);
    cf_state_destroy(&read);
    cf_state_destroy(&state);
}

/* Whoever's entries come first. */
Test(state, finds_the_same_items_overfull_in_any_order)
{
    for (unsigned order = 0; order < 6; order++) {
        static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                             {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
        cf_state *state = cf_state_new();
        cf_dot first = dot_of(1, 1);

        cf_state_bound_items(state, 1);
        for (size_t i = 0; i < 3; i++)
            if (orders[order][i] == 2) /* over a write that may not be here */
                write_value(state, dot_of(3, 1), "/name", "\3", &first, 1);
            else
                write_value(state, dot_of((uint8_t)(orders[order][i] + 1), 1), "/name", "\1", NULL,
                            0);
        cr_expect(cf_state_is_overfull(state, &item), "order %u", order);
        cr_expect_eq(cf_state_overfull_of(state, &item).writes, 2, "order %u", order);
        write_value(state, dot_of(3, 2), "/name", "", (cf_dot[]){dot_of(2, 1)}, 1);
        cr_expect_eq(writes_of(state, &item), 1, "order %u", order);
        cf_state_destroy(&state);
    }
}

/* ---- Records that are contested ---- */

Test(state, counts_the_records_of_which_a_field_has_several_writes)
{
    cf_state *state = cf_state_new();
    const cf_id row = {{'j', 1}};
    const cf_dot both[] = {dot_of(1, 1), dot_of(2, 1)};
    cf_time time = {1, 0};

    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(cf_state_contested_count(state), 0, "one write is no conflict");
        const cf_change change = {
            .item = row, .field = cf_bytes_of_text("/a"), .value = cf_bytes_of_text("\1")};
        cf_state_apply(state, &both[i], time, &change, 1, NULL);
    }
    cr_expect_eq(cf_state_contested_count(state), 1);
    const cf_dot settling = dot_of(1, 2);
    const cf_change settled = {.item = row,
                               .field = cf_bytes_of_text("/a"),
                               .value = cf_bytes_of_text("\2"),
                               .over = both,
                               .over_count = 2};
    cf_state_trial_begin(state);
    cf_state_apply(state, &settling, time, &settled, 1, NULL);
    cr_expect_eq(cf_state_contested_count(state), 0);
    cf_state_trial_end(state);
    cr_expect_eq(cf_state_contested_count(state), 1, "a trial leaves nothing behind");
    cf_state_apply(state, &settling, time, &settled, 1, NULL);
    cr_expect_eq(cf_state_contested_count(state), 0);
    write_value(state, dot_of(1, 3), "/name", "\1", NULL, 0);
    write_value(state, dot_of(2, 3), "/name", "\2", NULL, 0);
    cr_expect_eq(cf_state_contested_count(state), 0, "files have copies");
    cf_state_destroy(&state);
}

/* An entry each of whose changes writes another field. */
static void write_fields(cf_state *state, cf_dot dot, size_t count)
{
    cf_change *changes = cf_allocate(count, sizeof *changes);
    char(*names)[24] = cf_allocate(count, sizeof *names);

    for (size_t i = 0; i < count; i++) {
        snprintf(names[i], sizeof names[i], "/%zu", i);
        changes[i] = change_of(&item, names[i], "\1", NULL, 0);
    }
    cf_state_apply(state, &dot, (cf_time){1, 0}, changes, count, NULL);
    free(changes);
    free(names);
}

Test(state, shows_an_item_of_2_to_the_20_writes_and_none_of_one_more)
{
    cf_state *state = cf_state_new();

    write_fields(state, dot_of(1, 1), CF_ITEM_WRITES_MAX - 1);
    write_value(state, dot_of(2, 1), "/name", "\1", NULL, 0);
    cr_expect_eq(writes_of(state, &item), CF_ITEM_WRITES_MAX);
    write_value(state, dot_of(2, 2), "/name", "\1", NULL, 0);
    cr_expect_null(cf_state_item(state, &item));
    const cf_overfull full = cf_state_overfull_of(state, &item);
    cr_expect_eq(full.writes, CF_ITEM_WRITES_MAX + 1);
    cr_expect_eq(full.by_one, CF_ITEM_WRITES_MAX - 1);
    cr_expect(full.one.writer.bytes[0] == 1);
    cf_state_destroy(&state);
}
