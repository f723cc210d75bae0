/* SPDX-License-Identifier: Apache-2.0 */
/* A file of records of a device that serves: where others changed one record, what lies there is
 * split and read once, and so is what takes its place. */
#include "tests/peer/small/small_inside.h"
#include "tests/peer/small/small_table.h"
#include "tests/support/bound_source.h"

#include "peer/adapters/record_file.h"
#include "peer/adapters/text/content_lines.h"
#include "peer/adapters/text/csv_document.h"
#include "peer/adapters/text/json_document.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { NUMBER = 2, COMES_MS = 20000, FEW = 12, CONTENTS = 2 };

/* The linker brings calls here. */
static size_t split, splits, added;

cf_status __real_cf_content_lines_read(cf_bytes input, cf_content_lines *out, cf_error *error);
cf_status __wrap_cf_content_lines_read(cf_bytes input, cf_content_lines *out, cf_error *error);
cf_status __real_cf_content_lines_read_charsets(cf_bytes input, cf_content_lines *out,
                                                cf_error *error);
cf_status __wrap_cf_content_lines_read_charsets(cf_bytes input, cf_content_lines *out,
                                                cf_error *error);
cf_status __real_cf_csv_read(cf_bytes input, char separator, cf_csv *out, cf_error *error);
cf_status __wrap_cf_csv_read(cf_bytes input, char separator, cf_csv *out, cf_error *error);
cf_status __real_cf_json_read(cf_bytes input, cf_json *out, cf_error *error);
cf_status __wrap_cf_json_read(cf_bytes input, cf_json *out, cf_error *error);
void __real_cf_record_file_add(cf_record_file *file, const cf_row *row, size_t place);
void __wrap_cf_record_file_add(cf_record_file *file, const cf_row *row, size_t place);

cf_status __wrap_cf_content_lines_read(cf_bytes input, cf_content_lines *out, cf_error *error)
{
    split += input.size;
    return __real_cf_content_lines_read(input, out, error);
}

cf_status __wrap_cf_content_lines_read_charsets(cf_bytes input, cf_content_lines *out,
                                                cf_error *error)
{
    split += input.size;
    return __real_cf_content_lines_read_charsets(input, out, error);
}

cf_status __wrap_cf_csv_read(cf_bytes input, char separator, cf_csv *out, cf_error *error)
{
    split += input.size;
    splits++;
    return __real_cf_csv_read(input, separator, out, error);
}

cf_status __wrap_cf_json_read(cf_bytes input, cf_json *out, cf_error *error)
{
    split += input.size;
    return __real_cf_json_read(input, out, error);
}

void __wrap_cf_record_file_add(cf_record_file *file, const cf_row *row, size_t place)
{
    added++;
    __real_cf_record_file_add(file, row, place);
}

/* How one of the formats is written; each record has its number and what it says. */
typedef struct {
    cf_format format;
    const char *begin, *record, *between, *end;
} spelling;

static const spelling spellings[] = {
    {CF_FORMAT_VCARD, "", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u%d\r\nFN:%s\r\nEND:VCARD\r\n", "",
     ""},
    {CF_FORMAT_ICALENDAR, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b\r\n",
     /* no change is later than the stamp, so that it stays */
     "BEGIN:VEVENT\r\nUID:u%d\r\nDTSTAMP:20990101T000000Z\r\nDTSTART:20240115T090000Z\r\n"
     "SUMMARY:%s\r\nEND:VEVENT\r\n",
     "", "END:VCALENDAR\r\n"},
    {CF_FORMAT_CSV, "id,note\n", "%d,%s\n", "", ""},
    {CF_FORMAT_JSON, "[\n", "  {\"id\": %d, \"note\": \"%s\"}", ",\n", "\n]\n"},
};

static void append_records(const spelling *how, int count, const char *first, cf_buffer *out)
{
    cf_buffer_append_text(out, "%s", how->begin);
    for (int i = 0; i < count; i++) {
        cf_buffer_append_text(out, "%s", i ? how->between : "");
        cf_buffer_append_text(out, how->record, i, i ? "the same" : first);
    }
    cf_buffer_append_text(out, "%s", how->end);
}

static void path_of(const small_device *self, char path[160])
{
    snprintf(path, 160, "%s.records", self->folder);
}

static void write_records(const small_device *self, const spelling *how, int count,
                          const char *first)
{
    cf_buffer text = {0};
    char path[160], beside[168];

    path_of(self, path);
    snprintf(beside, sizeof beside, "%s.new", path);
    append_records(how, count, first, &text);
    FILE *file = fopen(beside, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text.data, 1, text.size, file), text.size);
    fclose(file);
    cr_assert_eq(rename(beside, path), 0);
    cf_buffer_release(&text);
}

/* Returns its size. */
static size_t expect_records(const small_device *self, const spelling *how, int count,
                             const char *first)
{
    cf_buffer wanted = {0}, is = {0};
    char path[160], piece[4096];
    size_t size;

    path_of(self, path);
    append_records(how, count, first, &wanted);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while ((size = fread(piece, 1, sizeof piece, file)) > 0)
        cf_buffer_append(&is, piece, size);
    fclose(file);
    cr_expect(cf_bytes_equal(cf_buffer_view(&is), cf_buffer_view(&wanted)), "of %d: %.*s", count,
              (int)is.size, (const char *)is.data);
    size = is.size;
    cf_buffer_release(&wanted);
    cf_buffer_release(&is);
    return size;
}

static void bind_records(small_device *self, const spelling *how)
{
    static const char *const keys[] = {"id"};
    const bool is_keyed = how->format == CF_FORMAT_CSV || how->format == CF_FORMAT_JSON;
    char path[160];

    path_of(self, path);
    bind_source(self->engine, &(bound_source){.collection = "records",
                                              .options = {.number = NUMBER,
                                                          .format = how->format,
                                                          .path = path,
                                                          .keys = is_keyed ? keys : NULL,
                                                          .key_count = is_keyed}});
}

/* When one record of so many was edited elsewhere. */
static void expect_once(const spelling *how, int count)
{
    small_world *w = small_world_new(76, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    bind_records(a, how);
    bind_records(b, how);
    write_records(a, how, count, "before");
    write_records(b, how, count, "before");
    cr_assert(small_world_settle(w));
    small_device_serves(b);
    small_device_passes(b, COMES_MS);
    write_records(a, how, count, "behind");
    cr_assert(small_device_sync(a));
    split = added = 0;
    small_device_passes(b, COMES_MS);
    const size_t bytes = split, rows = added;
    const size_t size = expect_records(b, how, count, "behind");
    const char *name = cf_format_text(how->format);
    cr_expect_geq(bytes, CONTENTS * size, "%s: %zu bytes of %zu", name, bytes, size);
    cr_expect_leq(bytes, CONTENTS * size + 1024, "%s: %zu bytes of %zu", name, bytes, size);
    cr_expect_leq(rows, (size_t)(CONTENTS * count + FEW), "%s: %zu of %d", name, rows, count);
    small_world_destroy(&w);
}

static void expect_once_of_each_size(cf_format format)
{
    static const int sizes[] = {40, 160, 640};

    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        for (size_t k = 0; spellings[i].format == format && k < sizeof sizes / sizeof *sizes; k++)
            expect_once(&spellings[i], sizes[k]);
}

Test(engine_texts, of_cards_are_split_once)
{
    expect_once_of_each_size(CF_FORMAT_VCARD);
}

Test(engine_texts, of_events_are_split_once)
{
    expect_once_of_each_size(CF_FORMAT_ICALENDAR);
}

Test(engine_texts, of_rows_are_split_once)
{
    expect_once_of_each_size(CF_FORMAT_CSV);
}

Test(engine_texts, of_objects_are_split_once)
{
    expect_once_of_each_size(CF_FORMAT_JSON);
}

/* ---- Long values ---- */

enum { LONG = 90000, LOOKS_MAX = 5 };

/* What one device reads of its table while so many long values come, and then go. */
static void expect_looks(int values)
{
    small_world *w = small_world_new(77, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_arena arena = {0};
    table rows = {0};

    small_world_bind_tables(w);
    for (int id = 1; id <= values; id++)
        table_add(&rows, id, 100, noise_text(w, LONG, &arena));
    user_writes_table(a, &rows);
    splits = 0;
    cr_assert(small_device_sync(a));
    const size_t went = splits;
    small_device_serves(b);
    splits = 0;
    small_device_passes(b, COMES_MS);
    const size_t came = splits;
    cf_buffer difference = {0};
    cr_expect(small_world_tables_equal(w, &difference), "%d: %.*s", values, (int)difference.size,
              (const char *)difference.data);
    cr_expect_leq(went, LOOKS_MAX, "%d went: read %zu times", values, went);
    cr_expect_leq(came, LOOKS_MAX, "%d came: read %zu times", values, came);
    cf_buffer_release(&difference);
    table_release(&rows);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

Test(engine_texts, of_many_long_values_are_read_once_for_all_that_came)
{
    expect_looks(2);
    expect_looks(40);
}
