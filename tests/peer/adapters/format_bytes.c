/* SPDX-License-Identifier: Apache-2.0 */
/* A file as a person or a program wrote it, with what the format doesn't understand, with blanks,
 * spellings and an order of its own: shown again it is the same file, byte for byte, and an edit of
 * a text changes no byte that lies beside it. What is in trouble, as the second of two records of
 * one key, stays as it is, whatever becomes of the others. A new format needs its files here. */
#include "peer/adapters/record_adapter.h"
#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

enum { SPELLING = 8 }; /* what it may take in a file beyond its bytes: quotes, escapes, a fold */

static const struct {
    const char *format, *key; /* NULL: records have keys of their own */
    const char *text;
    size_t edits;      /* texts that can be edited in place: so many at least */
    const char *twice; /* one record twice, the second time with STAYS */
} files[] = {
    {"csv", "id",
     "\xef\xbb\xbfid;name;\"note\"; odd \r\n"
     "2;\"Bob\";;\r\n"
     "1;Ann;\"two\r\nlines\"; x \r\n",
     4, "id;name\r\n1;Ann\r\n1;STAYS\r\n"},
    {"json", "id",
     "[ {\"id\" :\"b\",\"name\": \"B\\u006fb\" , \"n\":1.50, \"e\":1e2},\n\n"
     "\t{\"name\":\"Ann\",\"id\":\"a\", \"in\": {\"depth\" : \"three\" }  } ]\n\n",
     3, "[{\"id\": \"a\", \"name\": \"Ann\"}, {\"id\": \"a\", \"name\": \"STAYS\"}]\n"},
    {"vcard", NULL,
     "BEGIN:VCARD\nVERSION:3.0\nPRODID:-//Some//Program//EN\nitem1.EMAIL;TYPE=INTERNET:a@b\n"
     "item1.X-ABLabel:_$!<Home>!$_\nX-ODD;A=\"b;c\":1\\,2\nfn:Ann\n Lee\nN:Lee;Ann;;;\n"
     "NOTE:a note\nREV:20240101T000000Z\nUID:one\nEND:VCARD\n\n"
     "BEGIN:VCARD\nVERSION:3.0\nUID:two\nFN:Bob\nN:;Bob;;;\nEND:VCARD\n",
     3,
     "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:Ann\nN:;Ann;;;\nEND:VCARD\n"
     "BEGIN:VCARD\nVERSION:3.0\nUID:one\nFN:STAYS\nN:;Ann;;;\nEND:VCARD\n"},
    {"icalendar", NULL,
     "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Some//Program//EN\r\nX-WR-CALNAME:Home\r\n"
     "BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20240101T000000Z\r\nX-ODD;A=\"b;c\":1\r\n"
     "SUMMARY:Tea\r\ndescription:with\r\n  milk\r\nDTSTART:20240102T030405Z\r\n"
     "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nX-IN:1\r\nDESCRIPTION:now\r\n"
     "END:VALARM\r\nEND:VEVENT\r\n"
     "BEGIN:X-THING\r\nX-KEPT:1\r\nEND:X-THING\r\n"
     "BEGIN:VTODO\r\nUID:two\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:Wash\r\nEND:VTODO\r\n"
     "END:VCALENDAR\r\n",
     3,
     "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Some//Program//EN\r\n"
     "BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:Tea\r\n"
     "DTSTART:20240102T030405Z\r\nEND:VEVENT\r\n"
     "BEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:STAYS\r\n"
     "DTSTART:20240102T030405Z\r\nEND:VEVENT\r\n"
     "END:VCALENDAR\r\n"},
};

typedef struct {
    cf_record_options options;
    cf_bytes text;
    size_t edits;
} trial;

static void show(const trial *of, const cf_record_file *rows, bool *refused, cf_buffer *out)
{
    cf_record_document *document;
    cf_error error;

    expect_ok(cf_record_document_read(&of->options, of->text, &document, &error), error);
    expect_ok(cf_record_document_show(document, rows->rows, rows->count, refused, out, &error),
              error);
    cf_record_document_destroy(&document);
}

/* Bytes that two texts have in common, at their beginnings or at their ends. */
static size_t common(cf_bytes a, cf_bytes b, bool at_end)
{
    size_t count = 0;

    while (count < a.size && count < b.size &&
           a.data[at_end ? a.size - 1 - count : count] ==
               b.data[at_end ? b.size - 1 - count : count])
        count++;
    return count;
}

/* The text with one value longer: what else differs is no more than how that is written. */
static void expect_one_place(const trial *of, const cf_buffer *out, cf_bytes field, size_t old)
{
    const cf_bytes now = cf_buffer_view(out);
    const size_t before = common(of->text, now, false), after = common(of->text, now, true);

    cr_expect_gt(now.size, of->text.size, "%s, %.*s", of->options.adapter->name, (int)field.size,
                 (const char *)field.data);
    cr_expect_geq(before + after + 2 * old + SPELLING, of->text.size,
                  "%s, %.*s: bytes beside it changed\n%.*s", of->options.adapter->name,
                  (int)field.size, (const char *)field.data, (int)now.size, (const char *)now.data);
}

static cf_bytes longer(cf_bytes was, cf_arena *arena)
{
    cf_buffer text = {0}, packed = {0};

    cf_buffer_append(&text, was.data, was.size);
    cf_buffer_append_text(&text, "yyyyyyyy");
    cf_pack_text(&packed, cf_buffer_view(&text));
    const cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&packed));
    cf_buffer_release(&text);
    cf_buffer_release(&packed);
    return copy;
}

/* One text of one record is longer; false: the value is no text, or the format refuses it. */
static bool edits_in_place(const trial *of, const cf_record_file *rows, size_t row, size_t field)
{
    const cf_row *was = &rows->rows[row];
    const cf_row_field *one = &was->fields[field];
    bool refused[4] = {false};
    cf_row_field fields[32];
    cf_row all[4];
    cf_arena arena = {0};
    cf_buffer out = {0};
    cf_bytes value, text;

    if (one->count != 1 || !cf_value_is_text(one->values[0], &text))
        return false;
    cr_assert_leq(was->field_count, 32);
    memcpy(fields, was->fields, was->field_count * sizeof *fields);
    memcpy(all, rows->rows, rows->count * sizeof *all);
    value = longer(text, &arena);
    fields[field].values = &value;
    all[row].fields = fields;
    const cf_record_file edited = {.rows = all, .count = rows->count};
    show(of, &edited, refused, &out);
    if (!refused[row])
        expect_one_place(of, &out, one->name, one->values[0].size);
    cf_buffer_release(&out);
    cf_arena_release(&arena);
    return !refused[row];
}

static void try_file(const trial *of)
{
    const char *name = of->options.adapter->name;
    bool refused[4] = {false};
    cf_record_file rows = {0};
    cf_buffer out = {0};
    size_t edits = 0;
    cf_error error;

    expect_ok(cf_record_format_read(&of->options, of->text, &rows, &error), error);
    expect_troubles(&rows, "");
    cr_assert_geq(rows.count, 2, "%s", name);
    cr_assert_leq(rows.count, 4, "%s", name);
    show(of, &rows, refused, &out);
    cr_expect(cf_bytes_equal(cf_buffer_view(&out), of->text), "%s: shown again\n%.*s", name,
              (int)out.size, (const char *)out.data);
    for (size_t i = 0; i < rows.count; i++)
        for (size_t j = 0; j < rows.rows[i].field_count; j++)
            edits += edits_in_place(of, &rows, i, j);
    cr_expect_geq(edits, of->edits, "%s: texts edited", name);
    cf_record_file_release(&rows);
    cf_buffer_release(&out);
}

static void expect_stays(const trial *of, const cf_record_file *rows, const char *what)
{
    bool refused[4] = {false};
    cf_buffer out = {0};

    show(of, rows, refused, &out);
    cr_expect(memmem(out.data, out.size, "STAYS", strlen("STAYS")), "%s: %s\n%.*s",
              of->options.adapter->name, what, (int)out.size, (const char *)out.data);
    cf_buffer_release(&out);
}

/* The first of the two is as it was, or goes. */
static void try_trouble(const trial *of)
{
    const char *name = of->options.adapter->name;
    bool refused[4] = {false};
    const cf_record_file nothing = {0};
    cf_record_file rows = {0};
    cf_buffer out = {0};
    cf_error error;

    expect_ok(cf_record_format_read(&of->options, of->text, &rows, &error), error);
    cr_assert_leq(rows.count, 1, "%s", name); /* none: nobody knows which */
    cr_expect_geq(rows.trouble_count, 1, "%s", name);
    show(of, &rows, refused, &out);
    cr_expect(cf_bytes_equal(cf_buffer_view(&out), of->text), "%s: shown again\n%.*s", name,
              (int)out.size, (const char *)out.data);
    expect_stays(of, &nothing, "the other one goes");
    cf_record_file_release(&rows);
    cf_buffer_release(&out);
}

/* The files of each format; `twice`: those of one record twice. */
static void try_each(bool twice, void (*try)(const trial *of))
{
    for (size_t i = 0; i < CF_FORMATS; i++) {
        const cf_adapter *adapter = cf_adapter_of((cf_format)i);
        trial of = {.options = {.adapter = adapter}};
        const char *key = NULL;

        if (!adapter->records)
            continue;
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            if (strcmp(files[k].format, adapter->name) == 0) {
                of.text = cf_bytes_of_text(twice ? files[k].twice : files[k].text);
                of.edits = files[k].edits;
                key = files[k].key;
            }
        cr_assert(of.text.size, "no file of %s, with what it doesn't understand", adapter->name);
        if (key) {
            of.options.keys = &key;
            of.options.key_count = 1;
        }
        try(&of);
    }
}

Test(formats, leave_what_they_dont_understand_byte_for_byte)
{
    try_each(false, try_file);
}

Test(formats, leave_what_is_in_trouble_as_it_is)
{
    try_each(true, try_trouble);
}
