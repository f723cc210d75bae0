/* SPDX-License-Identifier: Apache-2.0 */
/* The table of formats: each has all that is asked of it, and one that is not in the table can be
 * read and written like those that are. */
#include "peer/adapters/record_adapter.h"
#include "peer/commands/verbs.h"

#include "codec/pack.h"
#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

#include <signal.h>

/* ---- The table ---- */

static void expect_facts(const cf_adapter *adapter)
{
    cr_assert(adapter->name);
    cr_assert(*adapter->name);
    cr_assert(adapter->what, "%s", adapter->name);
    cr_expect(*adapter->what, "%s", adapter->name);
    cr_assert(adapter->item, "%s", adapter->name);
    cr_expect(*adapter->item, "%s", adapter->name);
    cr_assert(adapter->usage, "%s", adapter->name);
    cr_expect(*adapter->usage, "%s", adapter->name);
    cr_expect(adapter->storage, "%s", adapter->name);
    cr_expect(adapter->keying, "%s", adapter->name);
    cr_expect(adapter->mapping, "%s", adapter->name);
    cr_expect(adapter->cutting, "%s", adapter->name);
    cr_expect(adapter->looks, "%s", adapter->name);
    cr_expect_eq(!adapter->tables, !adapter->tables_text, "%s", adapter->name);
    cr_expect_eq(adapter->extension != NULL, adapter->storage == CF_STORAGE_FILE_OR_FOLDER, "%s",
                 adapter->name);
    cr_expect(!adapter->columns || adapter->schema, "%s", adapter->name);
    cr_expect_eq(adapter->layout_max > 0,
                 adapter->storage == CF_STORAGE_DATABASE ||
                     (adapter->records && adapter->records->lay),
                 "%s", adapter->name);
}

/* Files and databases are read by no text of records; all others are, and have tables. */
static void expect_functions(const cf_adapter *adapter)
{
    const bool has_text =
        adapter->storage == CF_STORAGE_FILE || adapter->storage == CF_STORAGE_FILE_OR_FOLDER;
    const cf_record_adapter *records = adapter->records;

    cr_assert_eq(records != NULL, has_text, "%s", adapter->name);
    if (!has_text)
        return;
    cr_expect(adapter->tables, "%s", adapter->name);
    cr_expect(adapter->schema, "%s", adapter->name);
    cr_expect(records->read, "%s", adapter->name);
    cr_expect(records->open, "%s", adapter->name);
    cr_expect(records->close, "%s", adapter->name);
    cr_expect(records->rows, "%s", adapter->name);
    cr_expect(records->write, "%s", adapter->name);
    cr_expect(records->holds, "%s", adapter->name);
    cr_expect(records->mend, "%s", adapter->name);
    cr_expect_eq(records->keeps != NULL, cf_adapter_has_named_keys(adapter), "%s", adapter->name);
    cr_expect_eq(records->begin != NULL, adapter->mapping == CF_MAPPING_COLUMNS, "%s",
                 adapter->name);
    cr_expect_eq(!records->remember, !records->forget, "%s", adapter->name);
}

Test(formats, each_has_a_full_descriptor)
{
    for (size_t i = 0; i < CF_FORMATS; i++) {
        const cf_adapter *adapter = cf_adapter_of((cf_format)i);

        cr_assert(adapter, "%zu", i);
        expect_facts(adapter);
        expect_functions(adapter);
    }
}

/* The product's own asserts, too, run in the build with sanitizers. */
Test(formats, an_unknown_number_ends_a_program_with_asserts, .signal = CF_SANITIZED ? SIGABRT : 0)
{
    cr_expect_not(CF_SANITIZED && cf_adapter_of(CF_FORMATS), "it was answered");
}

Test(formats, each_table_that_one_names_is_in_a_schema_of_it_or_of_a_map)
{
    for (size_t i = 0; i < CF_FORMATS; i++) {
        const cf_adapter *adapter = cf_adapter_of((cf_format)i);

        for (const char *const *table = adapter->tables; table && *table; table++) {
            const cf_bytes name = cf_bytes_of_text(*table);
            bool found = cf_schema_find(adapter->schema, name);

            for (size_t k = 0; k < CF_FORMATS && cf_adapter_is_mapped(adapter); k++)
                found |= cf_adapter_of((cf_format)k)->columns &&
                         cf_schema_find(cf_adapter_of((cf_format)k)->schema, name);
            cr_expect(found, "%s: %s", adapter->name, *table);
        }
    }
}

Test(formats, what_says_values_in_words_says_so_of_each_table)
{
    for (size_t i = 0; i < CF_FORMATS; i++) {
        const cf_adapter *adapter = cf_adapter_of((cf_format)i);
        const cf_record_options options = {.adapter = adapter};
        cf_arena arena = {0};
        cf_row_format held;

        if (!adapter->records)
            continue;
        cf_record_format_holds(&options, &arena, &held);
        for (size_t k = 0; k < held.count; k++)
            cr_expect_eq(held.tables[k].speak, adapter->records->speak, "%s", adapter->name);
        cr_expect(held.count || !adapter->records->speak, "%s", adapter->name);
        cf_arena_release(&arena);
    }
}

/* ---- Names ---- */

Test(formats, have_names_that_are_theirs_alone)
{
    cf_error error;

    for (size_t i = 0; i < CF_FORMATS; i++) {
        cf_format found;

        expect_ok(cf_format_of_text(cf_format_text((cf_format)i), &found, &error), error);
        cr_expect_eq((size_t)found, i, "%s", cf_format_text((cf_format)i));
    }
}

Test(formats, are_all_named_where_one_is_unknown)
{
    char names[CF_FORMATS_TEXT];
    char expected[CF_ERROR_TEXT];
    cf_format found;
    cf_error error;

    expect_fails(cf_format_of_text("cheese", &found, &error), CF_USAGE);
    snprintf(expected, sizeof expected, "unknown format 'cheese': %s",
             cf_format_names(NULL, names));
    cr_expect_str_eq(error.text, expected);
    for (size_t i = 0; i < CF_FORMATS; i++)
        cr_expect(strstr(names, cf_format_text((cf_format)i)), "%s", cf_format_text((cf_format)i));
}

static bool is_none(const cf_adapter *adapter)
{
    return !adapter;
}

Test(formats, are_listed_as_one_says_it)
{
    char names[CF_FORMATS_TEXT];

    cr_expect_str_eq(cf_format_names(NULL, names), "files, csv, json, vcard, icalendar or sqlite");
    cr_expect_str_eq(cf_format_names(cf_adapter_has_named_keys, names), "csv or json");
    cr_expect_str_eq(cf_format_names(cf_adapter_has_own_tables, names), "sqlite");
    cr_expect_str_eq(cf_format_names(is_none, names), "");
}

/* Each begins with what is typed for it. */
Test(formats, are_told_in_the_usage_of_add)
{
    cf_buffer said = {0};

    cf_verb_add.more_of(&said);
    cf_buffer_append(&said, "", 1);
    for (size_t i = 0; i < CF_FORMATS; i++) {
        char typed[64];

        snprintf(typed, sizeof typed, "\n--format %s", cf_format_text((cf_format)i));
        const char *at = strstr((const char *)said.data, typed);
        cr_assert(at, "%s", typed);
        cr_expect(strchr(" :,", at[strlen(typed)]), "%s", typed);
        cr_expect(strstr(at, cf_adapter_of((cf_format)i)->usage) == at + 1, "%s", typed);
    }
    cf_buffer_release(&said);
}

/* ---- How files begin ---- */

Test(formats, are_told_by_how_a_file_begins)
{
    static const struct {
        const char *text;
        cf_format format;
    } files[] = {
        {"SQLite format 3", CF_FORMAT_SQLITE},
        {"BEGIN:VCARD\nVERSION:3.0\n", CF_FORMAT_VCARD},
        {"\xef\xbb\xbf\r\n begin:vcard\n", CF_FORMAT_VCARD},
        {"BEGIN:VCALENDAR\nX:a,b\n", CF_FORMAT_ICALENDAR},
        {" {\"a\": 1, \"b\": 2}", CF_FORMAT_JSON},
        {"[1, 2]", CF_FORMAT_JSON},
        {"id,name\n1,Ann\n", CF_FORMAT_CSV},
        {"id\tname\n1\tAnn\n", CF_FORMAT_CSV},
        {"id;name\n", CF_FORMAT_CSV},
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t k = 0; k < CF_FORMATS; k++) {
            const cf_adapter *adapter = cf_adapter_of((cf_format)k);
            const bool is = k == (size_t)files[i].format;

            if (is || !adapter->is_vague || cf_adapter_of(files[i].format)->is_vague)
                cr_expect_eq(adapter->looks(cf_bytes_of_text(files[i].text)), is, "%s: %s",
                             files[i].text, adapter->name);
        }
    for (size_t k = 0; k < CF_FORMATS; k++)
        cr_expect(!cf_adapter_of((cf_format)k)->looks(cf_bytes_of_text(" \n")), "%zu", k);
}

/* ---- One that is not in the table ---- */

/* Lines "KEY VALUE", records with one field. What is unchanged is written as it is made anew. */
static const char toy_field[] = CF_COLUMNS "/said";

static cf_bytes packed(cf_arena *arena, cf_bytes text)
{
    cf_buffer value = {0};

    cf_pack_text(&value, text);
    cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static void take_line(cf_record_file *out, cf_bytes line)
{
    const uint8_t *space = memchr(line.data, ' ', line.size);
    const size_t size = space ? (size_t)(space - line.data) : 0;
    cf_row row = {.table = cf_bytes_of_text(CF_TABLE_RECORDS)};
    cf_field_list fields = {0};

    if (!space) {
        cf_record_file_trouble(out, out->count + 1, NULL, "has no key");
        return;
    }
    row.key = packed(&out->arena, cf_bytes_of(line.data, size));
    cf_field_list_add(&fields, &out->arena, cf_bytes_of_text(toy_field),
                      packed(&out->arena, cf_bytes_of(line.data + size + 1, line.size - size - 1)));
    cf_field_list_take(&fields, &out->arena, &row);
    cf_field_list_release(&fields);
    cf_record_file_add(out, &row, out->count);
}

static cf_status toy_read(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                          cf_error *error)
{
    (void)options;
    if (bytes.size && memchr(bytes.data, '\0', bytes.size))
        return cf_fail(error, CF_MALFORMED, "it is no text");
    for (size_t at = 0; at < bytes.size;) {
        const uint8_t *end = memchr(bytes.data + at, '\n', bytes.size - at);
        const size_t next = end ? (size_t)(end - bytes.data) : bytes.size;

        take_line(out, cf_bytes_of(bytes.data + at, next - at));
        at = next + 1;
    }
    return CF_OK;
}

typedef struct {
    cf_record_file rows;
} toy_file;

static size_t closed; /* files of this format */

static cf_status toy_open(const cf_record_options *options, cf_bytes bytes, cf_arena *arena,
                          void **out, cf_error *error)
{
    toy_file *self = cf_arena_allocate(arena, 1, sizeof *self);

    cf_status status = toy_read(options, bytes, &self->rows, error);
    if (status)
        cf_record_file_release(&self->rows);
    else
        *out = self;
    return status;
}

static void toy_close(void *file)
{
    cf_record_file_release(&((toy_file *)file)->rows);
    closed++;
}

static cf_status toy_rows(void *file, const cf_record_file **out, cf_error *error)
{
    (void)error;
    *out = &((toy_file *)file)->rows;
    return CF_OK;
}

static cf_status toy_write(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                           cf_error *error)
{
    (void)file;
    (void)error;
    for (size_t i = 0; i < count; i++) {
        const cf_row_field *field = cf_row_field_named(&wanted[i], cf_bytes_of_text(toy_field));

        cf_value_text(wanted[i].key, out);
        cf_buffer_append_text(out, " ");
        cf_value_text(field->values[0], out);
        cf_buffer_append_text(out, "\n");
    }
    return CF_OK;
}

static cf_status toy_holds(const cf_record_options *options, void *file, cf_arena *arena,
                           cf_row_format *out, cf_error *error)
{
    (void)options;
    (void)file;
    (void)arena;
    (void)error;
    *out = (cf_row_format){.whole = true};
    return CF_OK;
}

static bool toy_keeps(const cf_record_options *options, cf_bytes table, cf_bytes key)
{
    (void)options;
    (void)table;
    return cf_record_key_says_any(key, 1);
}

/* Up to the last line end. */
static cf_status toy_mend(cf_bytes bytes, cf_buffer *out, cf_error *error)
{
    (void)error;
    while (bytes.size && bytes.data[bytes.size - 1] != '\n')
        bytes.size--;
    cf_buffer_append(out, bytes.data, bytes.size);
    return CF_OK;
}

static bool toy_looks(cf_bytes bytes)
{
    return cf_format_begins(bytes, "toy ");
}

static const cf_record_adapter toy_records = {
    .read = toy_read,
    .open = toy_open,
    .close = toy_close,
    .rows = toy_rows,
    .write = toy_write,
    .holds = toy_holds,
    .keeps = toy_keeps,
    .mend = toy_mend,
};
static const char *const toy_tables[] = {CF_TABLE_RECORDS, NULL};
static const cf_adapter toy = {
    .name = "toy",
    .what = "records",
    .item = "record",
    .usage = "--format toy --key NAME: a line for each record.",
    .storage = CF_STORAGE_FILE,
    .keying = CF_KEYING_MEMBER,
    .mapping = CF_MAPPING_NONE,
    .cutting = CF_CUTTING_LINE,
    .tables = toy_tables,
    .tables_text = "records",
    .schema = &cf_schema_records,
    .looks = toy_looks,
    .records = &toy_records,
};

Test(formats, one_that_is_new_is_as_full_as_the_others)
{
    expect_facts(&toy);
    expect_functions(&toy);
}

Test(formats, one_that_is_new_is_read_and_written)
{
    const cf_record_options options = {.adapter = &toy};
    cf_record_document *document;
    cf_record_file file = {0};
    cf_buffer out = {0}, mended = {0};
    bool refused[2] = {false};
    cf_error error;

    expect_ok(cf_record_document_read(&options, cf_bytes_of_text("ann 1\nbob 2\nodd\n"), &document,
                                      &error),
              error);
    expect_ok(cf_record_document_rows(document, &file, &error), error);
    expect_rows(&file, "\"ann\" /columns/said=\"1\"\n\"bob\" /columns/said=\"2\"\n");
    expect_troubles(&file, "3 ? has no key\n");
    expect_ok(cf_record_document_show(document, &file.rows[1], 1, refused, &out, &error), error);
    cr_expect(!refused[0]);
    expect_written(&out, "bob 2\n");
    expect_ok(cf_record_document_fill(document, &(cf_format_known){0}, &out, &error), error);
    cr_expect_eq(out.size, 0);
    cf_record_file_release(&file);
    cf_record_document_destroy(&document);
    cr_expect_eq(closed, 1);
    expect_ok(cf_record_format_mend(&options, cf_bytes_of_text("ann 1\nbo"), &mended, &error),
              error);
    expect_written(&mended, "ann 1\n");
}

Test(formats, one_that_is_new_is_refused_as_it_says)
{
    const char *const keys[] = {"id", "name"};
    cf_record_options options = {.adapter = &toy};
    cf_record_document *document;
    cf_error error;

    expect_fails(cf_record_document_read(&options, cf_bytes_of("a\0b", 3), &document, &error),
                 CF_MALFORMED);
    options.keys = keys;
    options.key_count = 2;
    expect_fails(cf_record_options_check(&options, &error), CF_USAGE);
    cr_expect_str_eq(error.text, "--format toy takes one --key");
    cf_record_options_remember(&options);
    cr_expect(!options.memory);
    cf_record_options_forget(&options);
}
