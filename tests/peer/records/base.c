/* SPDX-License-Identifier: Apache-2.0 */
/* The base of a source of records: rows found, and kept as records. */
#include <stdio.h>

#include "peer/records/row_refs.h"
#include "tests/peer/records/made_row.h"
#include "tests/support/expect.h"

static const cf_dot first = {.writer = {{1}}, .sequence = 5, .hash = {7}};
static const cf_dot second = {.writer = {{2}}, .sequence = 1, .hash = {8}};

static void expect_row(const cf_row *row, const char *words)
{
    cf_buffer text = {0};

    cr_assert(row, "no row %s", words);
    made_print(row, &text);
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(words)), "%.*s is not %s",
              (int)text.size, (const char *)text.data, words);
    cf_buffer_release(&text);
}

/* The row was looked up by what had just been freed (system_records, under ASan). */
Test(records_base, puts_a_row_that_borrows_from_the_one_it_replaces)
{
    cf_arena arena = {0};
    cf_rows *rows = cf_rows_new();
    cf_row ann = made_row("person 1 name=Ann tel=1,2", &arena);

    ann.item = (cf_id){{'r', 1}};
    cf_rows_put(rows, &ann);
    for (int i = 0; i < 3; i++) {
        cf_row again = *cf_rows_find(rows, ann.table, ann.key);

        cf_rows_put(rows, &again);
    }
    cr_assert_eq(cf_rows_count(rows), 1);
    expect_row(cf_rows_find(rows, ann.table, ann.key), "person 1 name=Ann tel=1,2");
    expect_row(cf_rows_of_item(rows, &ann.item), "person 1 name=Ann tel=1,2");
    cf_rows_destroy(&rows);
    cf_arena_release(&arena);
}

Test(records_base, finds_rows_by_place_and_by_item)
{
    cf_arena arena = {0};
    cf_rows *rows = cf_rows_new();
    cf_row ann = made_row("person 1 name=Ann tel=1,2", &arena);
    cf_row card = made_row("card 1 name=x", &arena);

    ann.item = (cf_id){{'r', 1}};
    card.item = (cf_id){{'r', 2}};
    cf_rows_put(rows, &ann);
    cf_rows_put(rows, &card);
    expect_row(cf_rows_find(rows, ann.table, ann.key), "person 1 name=Ann tel=1,2");
    expect_row(cf_rows_of_item(rows, &card.item), "card 1 name=x");
    cf_row anna = made_row("person 1 name=Anna", &arena);
    anna.item = (cf_id){{'r', 3}};
    cf_rows_put(rows, &anna);
    cr_assert_eq(cf_rows_count(rows), 2);
    cr_assert_null(cf_rows_of_item(rows, &ann.item));
    expect_row(cf_rows_of_item(rows, &anna.item), "person 1 name=Anna");
    cf_rows_drop(rows, card.table, card.key);
    cf_rows_drop(rows, card.table, card.key);
    cr_assert_null(cf_rows_find(rows, card.table, card.key));
    expect_row(cf_rows_next(rows, NULL), "person 1 name=Anna");
    cr_assert_null(cf_rows_next(rows, cf_rows_next(rows, NULL)));
    cf_rows_destroy(&rows);
    cf_arena_release(&arena);
}

static cf_bytes item_value(cf_arena *arena, uint8_t last)
{
    cf_id item = {{'r', last}};
    cf_buffer packed = {0};

    cf_reference_pack_item(&packed, &item);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    return copy;
}

/* A row with every sort of write that it may show. */
static cf_row full_row(cf_arena *arena, const cf_row_ref **refs, size_t *count)
{
    cf_row row = made_row("phone 7 number=v1 person=3 tel=1,2", arena);
    cf_row_ref *all = cf_arena_allocate(arena, 7, sizeof *all);
    cf_buffer packed = {0};

    row.item = (cf_id){{'r', 9}};
    row.displaced = true;
    all[0] = (cf_row_ref){cf_bytes_of_text("/table"), first, made_text("phone", arena), 0};
    all[1] = (cf_row_ref){cf_bytes_of_text("/key"), first, made_int(5, arena), 0};
    all[2] = (cf_row_ref){cf_bytes_of_text("/number"), second, made_text("v1", arena), 0};
    all[3] =
        (cf_row_ref){cf_bytes_of_text("/number"), first, made_text("v0", arena), CF_WRITE_LISTED};
    all[4] = (cf_row_ref){cf_bytes_of_text("/person"), first, item_value(arena, 3), 0};
    all[5] = (cf_row_ref){cf_bytes_of_text("/tel/aa"), first, made_int(1, arena), 0};
    all[6] = (cf_row_ref){cf_bytes_of_text("/tel/bb"), second, made_int(2, arena), CF_WRITE_HIDDEN};
    cf_row_refs_pack(&packed, &row, all, 7);
    row.refs = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&packed);
    *refs = all;
    *count = 7;
    return row;
}

Test(records_base, keeps_a_row_and_the_writes_it_shows)
{
    cf_arena arena = {0};
    cf_buffer record = {0};
    cf_error error;
    const cf_row_ref *refs;
    cf_row_ref *read_refs;
    size_t count, read_count;
    cf_row row = full_row(&arena, &refs, &count), read;

    cf_row_pack(&row, &record);
    expect_ok(cf_row_read(cf_buffer_view(&record), &arena, &read, &error), error);
    expect_row(&read, "phone 7 number=v1 person=3 tel=1,2");
    cr_assert(cf_id_equal(&read.item, &row.item));
    cr_assert(read.displaced);
    expect_ok(cf_row_refs_read(&read, &arena, &read_refs, &read_count, &error), error);
    cr_assert_eq(read_count, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert(cf_bytes_equal(read_refs[i].field, refs[i].field), "write %zu", i);
        cr_assert(cf_bytes_equal(read_refs[i].value, refs[i].value), "write %zu", i);
        cr_assert(cf_dot_equal(&read_refs[i].dot, &refs[i].dot), "write %zu", i);
        cr_assert_eq(read_refs[i].standing, refs[i].standing, "write %zu", i);
    }
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

Test(records_base, takes_what_a_row_shows_anyway_out_of_the_record)
{
    cf_arena arena = {0};
    cf_buffer packed = {0};
    cf_row row = made_row("card u name=a-rather-long-name-of-somebody", &arena);
    cf_row_ref ref = {cf_bytes_of_text("/name"), first, row.fields[0].values[0], 0};

    cf_row_refs_pack(&packed, &row, &ref, 1);
    cr_assert_lt(packed.size, 50);
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
}

Test(records_base, refuses_records_that_are_cut_or_damaged)
{
    cf_arena arena = {0};
    cf_buffer record = {0};
    cf_error error;
    const cf_row_ref *refs;
    cf_row_ref *read_refs;
    size_t count;
    cf_row row = full_row(&arena, &refs, &count), read;

    cf_row_pack(&row, &record);
    for (size_t size = 0; size < record.size; size++)
        expect_fails(cf_row_read(cf_bytes_of(record.data, size), &arena, &read, &error),
                     CF_MALFORMED);
    for (size_t size = 1; size < row.refs.size; size++) {
        read = row;
        read.refs.size = size;
        expect_fails(cf_row_refs_read(&read, &arena, &read_refs, &count, &error), CF_MALFORMED);
    }
    for (size_t i = 0; i < record.size; i++) { /* anything but a crash */
        record.data[i] ^= 0x41;
        if (cf_row_read(cf_buffer_view(&record), &arena, &read, &error) == CF_OK)
            cf_row_refs_read(&read, &arena, &read_refs, &count, &error);
        record.data[i] ^= 0x41;
    }
    cf_buffer_release(&record);
    cf_arena_release(&arena);
}

Test(records_base, tells_references_apart_from_other_values)
{
    cf_arena arena = {0};
    cf_buffer packed = {0};
    cf_id item = {{0}};
    cf_bytes key;

    cr_assert(cf_reference_item(item_value(&arena, 4), &item));
    cr_assert_eq(item.bytes[1], 4);
    cf_reference_pack_nothing(&packed, made_int(12, &arena));
    cr_assert(cf_reference_nothing(cf_buffer_view(&packed), &key));
    cr_assert(cf_bytes_equal(key, made_int(12, &arena)));
    cr_assert_not(cf_reference_item(cf_buffer_view(&packed), &item));
    cr_assert_not(cf_reference_nothing(item_value(&arena, 4), &key));
    cr_assert_not(cf_reference_item(made_int(12, &arena), &item));
    cr_assert_not(cf_reference_nothing((cf_bytes){0}, &key));
    cf_buffer_release(&packed);
    cf_arena_release(&arena);
}
