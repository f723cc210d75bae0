/* SPDX-License-Identifier: Apache-2.0 */
/* The work on the values of one field, in stretches as in growth.c: of what a format says of them,
 * of rows that are compared, of a line of keywords that is written. */
#include "peer/adapters/icalendar.h"
#include "peer/adapters/known_values.h"
#include "peer/adapters/vcard.h"
#include "tests/peer/costs/stretches.h"
#include "tests/support/expect.h"

#include <stdio.h>
#include <string.h>

enum { SMALL = 500 };

static void expect_linear(fields_work *work)
{
    stretches_expect_linear(SMALL, work);
}

/* ---- Values that a format says by halves ---- */

static void add_values(cf_field_list *list, cf_arena *arena, char letter, size_t count)
{
    char text[24];

    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "%c%06zu", letter, i);
        cf_field_list_add(list, arena, cf_bytes_of_text("/emails"), cf_bytes_of_text(text));
    }
}

/* It says w of k. */
static bool speak_by_halves(const cf_row *row, cf_arena *arena, cf_bytes *words)
{
    for (size_t i = 0; i < row->fields[0].count; i++) {
        words[i] = cf_arena_copy(arena, row->fields[0].values[i]);
        *(uint8_t *)words[i].data = 'w';
    }
    return true;
}

/* So many are known, and the file says as many, of which none is new: all in words, or `news`. */
static uint64_t known_work(size_t count, size_t news)
{
    const cf_format_table spoken = {.name = cf_bytes_of_text("cards"), .speak = speak_by_halves};
    const cf_row_format format = {.tables = &spoken, .count = 1};
    cf_row row = {.table = spoken.name, .key = cf_bytes_of_text("\xa1k")}, known = row;
    cf_rows *base = cf_rows_new();
    cf_record_file file = {0};
    cf_field_list list = {0};
    bool *stale;

    add_values(&list, &file.arena, 'k', count);
    cf_field_list_take(&list, &file.arena, &known);
    cf_rows_put(base, &known);
    const uint64_t before = stretches;
    add_values(&list, &file.arena, 'w', count - news);
    add_values(&list, &file.arena, 'n', news);
    cf_field_list_take(&list, &file.arena, &row);
    cf_record_file_add(&file, &row, 0);
    cf_known_values_give(&file, &format, base, NULL, &stale);
    const uint64_t counted = stretches - before;
    cr_expect_eq(file.rows[0].fields[0].count, count);
    cr_expect_eq(*file.rows[0].fields[0].values[0].data, news == count ? 'n' : 'k');
    cf_field_list_release(&list);
    cf_record_file_release(&file);
    cf_rows_destroy(&base);
    return counted;
}

static uint64_t known_in_words(size_t count)
{
    return known_work(count, 0);
}

static uint64_t known_but_one(size_t count)
{
    return known_work(count, 1);
}

static uint64_t known_of_none(size_t count)
{
    return known_work(count, count);
}

Test(growth, of_what_the_values_of_a_card_stand_for_is_linear)
{
    expect_linear(known_in_words);
    expect_linear(known_but_one);
    expect_linear(known_of_none);
}

/* Of so many values the first is missing in the other row, and they stand in one order. */
static uint64_t all_but_the_first(size_t count)
{
    cf_arena arena = {0};
    cf_field_list list = {0};
    cf_row row = {0};

    add_values(&list, &arena, 'k', count + 1);
    cf_field_list_take(&list, &arena, &row);
    const cf_row_field rest = {row.fields[0].name, row.fields[0].values + 1, count};
    const cf_row other = {.fields = &rest, .field_count = 1};
    const uint64_t before = stretches;
    cr_expect(cf_row_has_all(&row, &other, NULL));
    cr_expect_not(cf_row_has_all(&other, &row, NULL));
    cf_field_list_release(&list);
    cf_arena_release(&arena);
    return stretches - before;
}

/* Those of the other row stand in the opposite order, as keywords do that a program sorts anew. */
static uint64_t all_in_another_order(size_t count)
{
    cf_arena arena = {0};
    cf_field_list list = {0};
    cf_row row = {0};

    add_values(&list, &arena, 'k', count);
    cf_field_list_take(&list, &arena, &row);
    cf_bytes *turned = cf_arena_allocate(&arena, count, sizeof *turned);
    for (size_t i = 0; i < count; i++)
        turned[i] = row.fields[0].values[count - 1 - i];
    const cf_row_field field = {row.fields[0].name, turned, count};
    const cf_row other = {.fields = &field, .field_count = 1};
    const uint64_t before = stretches;
    cr_expect(cf_row_has_all(&row, &other, NULL));
    cr_expect(cf_row_has_all(&other, &row, NULL));
    cf_field_list_release(&list);
    cf_arena_release(&arena);
    return stretches - before;
}

Test(growth, of_rows_that_have_all_values_of_another_is_linear)
{
    expect_linear(all_but_the_first);
    expect_linear(all_in_another_order);
}

/* ---- A line of keywords ---- */

typedef cf_status rows_read(cf_bytes bytes, cf_record_file *out, cf_error *error);
typedef cf_status rows_write(cf_bytes before, const cf_row *wanted, size_t count, cf_buffer *out,
                             cf_error *error);

/* One of so many keywords goes, and another comes. */
static uint64_t keyword_work(const char *head, const char *tail, size_t count, rows_read *read,
                             rows_write *write)
{
    cf_buffer text = {0}, out = {0};
    cf_record_file file = {0}, after = {0};
    cf_error error;

    cf_buffer_append_text(&text, "%sCATEGORIES:", head);
    for (size_t i = 0; i < count; i++)
        cf_buffer_append_text(&text, "%sk%06zu", i ? "," : "", (i * 7919) % count);
    cf_buffer_append_text(&text, "\r\n%s", tail);
    cr_assert_eq(read(cf_buffer_view(&text), &file, &error), CF_OK);
    cr_assert_eq(file.count, 1);
    cf_row wanted = file.rows[0];
    cf_row_field *fields = cf_arena_allocate(&file.arena, wanted.field_count, sizeof *fields);
    memcpy(fields, wanted.fields, wanted.field_count * sizeof *fields);
    for (size_t i = 0; i < wanted.field_count; i++)
        if (fields[i].count == count) {
            cf_bytes *values = cf_arena_allocate(&file.arena, count, sizeof *values);
            memcpy(values, fields[i].values, count * sizeof *values);
            values[count / 2] = cf_bytes_of("\xa4more", 5);
            fields[i].values = values;
        }
    wanted.fields = fields;
    const uint64_t before = stretches;
    cr_assert_eq(write(cf_buffer_view(&text), &wanted, 1, &out, &error), CF_OK);
    const uint64_t counted = stretches - before;
    cr_assert_eq(read(cf_buffer_view(&out), &after, &error), CF_OK);
    cr_expect(cf_row_has_all(&after.rows[0], &wanted, NULL));
    cr_expect(cf_row_has_all(&wanted, &after.rows[0], NULL));
    cf_record_file_release(&file);
    cf_record_file_release(&after);
    cf_buffer_release(&text);
    cf_buffer_release(&out);
    return counted;
}

static uint64_t event_work(size_t count)
{
    return keyword_work("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:a\r\n"
                        "DTSTAMP:20261101T090000Z\r\nDTSTART:20261101T090000Z\r\n",
                        "END:VEVENT\r\nEND:VCALENDAR\r\n", count, cf_icalendar_rows_read,
                        cf_icalendar_rows_write);
}

static uint64_t card_work(size_t count)
{
    return keyword_work("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:a\r\nFN:Ann\r\nN:Ann;;;;\r\n",
                        "END:VCARD\r\n", count, cf_vcard_rows_read, cf_vcard_rows_write);
}

Test(growth, of_a_line_of_keywords_that_is_written_is_linear)
{
    expect_linear(event_work);
    expect_linear(card_work);
}
