/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: written as it was read; a field that is set is read again, and all the others are as they
 * were. */
#include "tests/fuzz/target.h"

#include <stdlib.h>

#include "peer/adapters/text/csv_edit.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const char *const seeds[] = {"id,name\r\n1,\"a, \"\"b\"\"\r\nc\"\r\n2,\n",
                                        ("\xef\xbb\xbf"
                                         "a;b\n\"1\";2"),
                                        "sep=\t\na\tb\n\n1\t2\r", "a|b\n1|2\n3|4\n"};

    if (number >= sizeof seeds / sizeof *seeds)
        return false;
    cf_buffer_append_text(out, "%s", seeds[number]);
    return true;
}

static void expect_field(const cf_csv *csv, size_t record, size_t column, cf_bytes said)
{
    cf_bytes *spelled = cf_allocate(csv->records[record].fields, sizeof *spelled);
    cf_buffer out = {0};

    fuzz_must(column < csv->records[record].fields);
    cf_csv_fields(csv, record, spelled);
    cf_csv_field_read(spelled[column], &out);
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), said));
    cf_buffer_release(&out);
    free(spelled);
}

static void copy_fields(const cf_csv *csv, cf_csv_edits *edits, size_t from, size_t to)
{
    const size_t count = csv->records[from].fields;
    cf_bytes *texts = cf_allocate(count, sizeof *texts);
    cf_arena arena = {0};
    cf_error error;

    cf_csv_fields(csv, from, texts);
    for (size_t column = 0; column < count; column++) {
        cf_buffer text = {0};

        cf_csv_field_read(texts[column], &text);
        texts[column] = cf_arena_copy(&arena, cf_buffer_view(&text));
        cf_buffer_release(&text);
    }
    const cf_csv_new_fields fields = {.record = to, .texts = texts, .count = count};
    (void)cf_csv_edits_change(edits, fields, &error);
    cf_arena_release(&arena);
    free(texts);
}

/* The last record takes the fields of the first one; the others stay. */
static void copy_record(const cf_csv *csv)
{
    const cf_csv_record *first = &csv->records[0], *last = &csv->records[csv->count - 1];
    cf_csv_edits edits = {.csv = csv};
    cf_buffer out = {0};
    cf_error error;
    cf_csv again;

    copy_fields(csv, &edits, 0, csv->count - 1);
    cf_csv_edits_write(&edits, &out);
    fuzz_must(!cf_csv_read(cf_buffer_view(&out), csv->separator, &again, &error));
    fuzz_must(again.count == csv->count);
    fuzz_must(again.records[csv->count - 1].fields ==
              (first->fields > last->fields ? first->fields : last->fields));
    cf_csv_release(&again);
    cf_csv_edits_release(&edits);
    cf_buffer_release(&out);
}

static void append_record(const cf_csv *csv, cf_bytes first, cf_bytes second)
{
    const cf_bytes texts[] = {first, second};
    cf_csv_edits edits = {.csv = csv};
    cf_buffer out = {0};
    cf_error error;
    cf_csv again;

    if (!cf_csv_edits_append(&edits, texts, 2, &error)) {
        cf_csv_edits_write(&edits, &out);
        fuzz_must(!cf_csv_read(cf_buffer_view(&out), csv->separator, &again, &error));
        fuzz_must(again.count == csv->count + 1);
        expect_field(&again, csv->count, 0, first);
        expect_field(&again, csv->count, 1, second);
        cf_csv_release(&again);
    }
    cf_csv_edits_release(&edits);
    cf_buffer_release(&out);
}

bool fuzz_run(cf_bytes input)
{
    cf_buffer out = {0};
    cf_error error;
    cf_csv csv;

    if (cf_csv_read(input, '\0', &csv, &error))
        return false;
    cf_csv_edits edits = {.csv = &csv};
    cf_csv_edits_write(&edits, &out);
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), input));
    cf_buffer_release(&out);
    if (csv.count && csv.records[0].fields && csv.records[csv.count - 1].fields &&
        !csv.records[0].trouble && !csv.records[csv.count - 1].trouble)
        copy_record(&csv);
    append_record(&csv, cf_bytes_of(input.data, input.size / 2),
                  cf_bytes_of(input.data + input.size / 2, input.size - input.size / 2));
    bool taken = csv.count > 0;
    cf_csv_release(&csv);
    return taken;
}
