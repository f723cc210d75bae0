/* SPDX-License-Identifier: Apache-2.0 */
/* Each format of the table writes records with several fields of every kind that it has tables for,
 * reads them back equal, and takes one field out without another. A new format is in this by its
 * line in the table; a new table needs its values here. */
#include "peer/adapters/record_adapter.h"
#include "peer/adapters/value_map.h"
#include "tests/peer/adapters/rows.h"

enum { FIELDS_MAX = 24, FIELDS_LEAST = 4 };

typedef struct {
    const char *field;
    const char *value; /* JSON */
} sample;

/* Of a set several values have one field. */
static const struct {
    const char *table, *key;
    const char *base; /* a field without which others mean nothing: it is never left out */
    sample samples[FIELDS_MAX];
} tables[] = {
    {CF_TABLE_RECORDS,
     "\"one\"",
     NULL,
     {{"/columns/name", "\"Ann \\\"A.\\\" Lee; x, y\""},
      {"/columns/lines", "\"first\\nsecond\""},
      {"/columns/letters", "\"\\u00e4\\u20ac\\ud83d\\ude00\""},
      {"/columns/digits", "\"007\""},
      {"/columns/a~1b", "\"slash\""},
      {"/columns/count", "7"},
      {"/columns/less", "-2.5"},
      {"/columns/on", "true"},
      {"/columns/list", "[1,[],\"x\"]"},
      {"/columns/in/depth", "3"}}},
    {CF_TABLE_DOCUMENT,
     "\"\"",
     NULL,
     {{"/columns/name", "\"x\""},
      {"/columns/count", "7"},
      {"/columns/on", "false"},
      {"/columns/in/depth", "\"deep\""},
      {"/columns/in/list", "[1,[],\"x\"]"}}},
    {CF_TABLE_CONTACTS,
     "\"one\"",
     NULL,
     {{"/name/full", "\"Ann, Lee; x\""},
      {"/nicknames", "{\"name\":\"Annie\"}"},
      {"/emails", "{\"address\":\"a@b\"}"},
      {"/emails", "{\"address\":\"c@d\"}"},
      {"/phones", "{\"number\":\"+1\"}"},
      {"/organizations", "{\"name\":\"ACME\",\"units\":[{\"name\":\"R&D\"}]}"},
      {"/titles", "{\"kind\":\"title\",\"name\":\"Boss\"}"},
      {"/anniversaries", "{\"date\":{\"day\":3,\"month\":2,\"year\":1980},\"kind\":\"birth\"}"},
      {"/keywords", "\"friends\""},
      {"/keywords", "\"k,l\""},
      {"/links", "{\"uri\":\"https://x/a;b,c\"}"},
      {"/notes", "{\"note\":\"a\\nb,c;d\"}"}}},
    {CF_TABLE_EVENTS,
     "\"one\"",
     "/start",
     {{"/title", "\"Tea, with; Ann\""},
      {"/description", "\"a\\nb\""},
      {"/start", "\"2024-01-02T03:04:05\""},
      {"/timeZone", "\"Europe/Berlin\""},
      {"/duration", "\"PT1H30M\""},
      {"/status", "\"tentative\""},
      {"/priority", "5"},
      {"/keywords", "\"friends\""},
      {"/keywords", "\"k,l\""},
      {"/privacy", "\"private\""}}},
    {CF_TABLE_TASKS,
     "\"one\"",
     "/due",
     {{"/title", "\"Tea, with; Ann\""},
      {"/description", "\"a\\nb\""},
      {"/due", "\"2024-01-02T03:04:05\""},
      {"/timeZone", "\"Europe/Berlin\""},
      {"/progress", "\"in-process\""},
      {"/percentComplete", "40"},
      {"/priority", "5"},
      {"/keywords", "\"friends\""}}},
};

typedef struct {
    cf_record_options options;
    const cf_schema_table *table;
    const sample *samples;
    size_t count;
    const char *key, *base;
    bool is_alone; /* a document is one record, and so is what stands in it beside others */
} trial;

static cf_bytes packed(const char *json, cf_arena *arena)
{
    cf_buffer value = {0};

    cr_assert(cf_value_of_json(cf_bytes_of_text(json), &value), "%s", json);
    const cf_bytes copy = cf_arena_copy(arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* Where values are texts in a file only texts come back, and none lies in another. */
static bool has_place(const trial *of, const sample *one)
{
    return one->value[0] == '"' || !of->options.adapter->guesses_types;
}

/* Every `step`th of the samples, but for the one at `without`, and always the base. */
static cf_row row_of(const trial *of, const char *key, size_t step, size_t without, cf_arena *arena)
{
    cf_row row = {.table = of->table->name, .key = packed(key, arena)};
    cf_field_list list = {0};

    for (size_t i = 0; i < of->count; i++) {
        const sample *one = &of->samples[i];
        const bool is_base = of->base && strcmp(one->field, of->base) == 0;

        if (((i % step == 0 && i != without) || is_base) && has_place(of, one))
            cf_field_list_add(&list, arena, cf_bytes_of_text(one->field),
                              packed(one->value, arena));
    }
    cf_field_list_take(&list, arena, &row);
    cf_field_list_release(&list);
    return row;
}

static void expect_row(const trial *of, const cf_record_file *file, const cf_row *wanted,
                       size_t without)
{
    const cf_row *is = NULL;
    cf_record_file both = {0};
    cf_buffer text = {0};

    for (size_t i = 0; i < file->count; i++)
        if (cf_bytes_equal(file->rows[i].key, wanted->key) &&
            cf_bytes_equal(file->rows[i].table, wanted->table))
            is = &file->rows[i];
    cf_record_file_add(&both, wanted, 0);
    if (is)
        cf_record_file_add(&both, is, 1);
    print_rows(&both, &text);
    cr_assert(is, "%s, without %zu: wanted and read\n%.*s", of->options.adapter->name, without,
              (int)text.size, (const char *)text.data);
    cr_assert(cf_row_same(of->table, is, wanted), "%s, without %zu: wanted and read\n%.*s",
              of->options.adapter->name, without, (int)text.size, (const char *)text.data);
    cf_record_file_release(&both);
    cf_buffer_release(&text);
}

/* The file becomes one that shows these rows. */
static void show(const trial *of, cf_buffer *file, const cf_row *rows, size_t count, size_t without)
{
    bool refused[2] = {false};
    cf_record_document *document;
    cf_record_file read = {0};
    cf_buffer out = {0};
    cf_error error;

    cr_assert(count <= 2);
    expect_ok(cf_record_document_read(&of->options, cf_buffer_view(file), &document, &error),
              error);
    expect_ok(cf_record_document_show(document, rows, count, refused, &out, &error), error);
    cf_record_document_destroy(&document);
    expect_ok(cf_record_format_read(&of->options, cf_buffer_view(&out), &read, &error), error);
    expect_troubles(&read, "");
    cr_expect_eq(read.count, count, "%s", of->options.adapter->name);
    for (size_t i = 0; i < count; i++) {
        cr_expect(!refused[i], "%s refuses %zu, without %zu", of->options.adapter->name, i,
                  without);
        expect_row(of, &read, &rows[i], without);
    }
    cf_record_file_release(&read);
    cf_buffer_release(file);
    *file = out;
}

/* Where there is room for a second record it stands beside, with some of the fields. */
static void try_rows(const trial *of)
{
    const size_t rows = of->is_alone ? 1 : 2;
    cf_arena arena = {0};
    cf_buffer file = {0};
    cf_row both[2] = {row_of(of, of->key, 1, SIZE_MAX, &arena),
                      row_of(of, "\"two\"", 2, SIZE_MAX, &arena)};

    cr_assert_geq(both[0].field_count, FIELDS_LEAST, "%s", of->options.adapter->name);
    show(of, &file, both, rows, SIZE_MAX);
    for (size_t i = 0; i < of->count; i++) {
        both[0] = row_of(of, of->key, 1, i, &arena);
        show(of, &file, both, rows, i);
        both[0] = row_of(of, of->key, 1, SIZE_MAX, &arena);
        show(of, &file, both, rows, SIZE_MAX);
    }
    cf_buffer_release(&file);
    cf_arena_release(&arena);
}

static trial trial_of(const cf_adapter *adapter, const cf_schema_table *table)
{
    trial of = {.options = {.adapter = adapter}, .table = table};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (cf_bytes_equal(table->name, cf_bytes_of_text(tables[i].table))) {
            of.samples = tables[i].samples;
            of.key = tables[i].key;
            of.base = tables[i].base;
        }
    cr_assert(of.samples, "no values for the table %.*s", (int)table->name.size,
              (const char *)table->name.data);
    while (of.count < FIELDS_MAX && of.samples[of.count].field)
        of.count++;
    return of;
}

static void try_table(const cf_adapter *adapter, const cf_schema_table *table)
{
    static const char *const id[] = {"id"}, *const below[] = {"/people/id"};
    trial of = trial_of(adapter, table);

    of.is_alone = cf_bytes_equal(table->name, cf_bytes_of_text(CF_TABLE_DOCUMENT));
    if (cf_adapter_has_named_keys(adapter)) {
        of.options.keys = of.is_alone ? below : id;
        of.options.key_count = 1;
    }
    try_rows(&of);
    if (adapter->keying != CF_KEYING_MEMBER || of.is_alone)
        return;
    of.options.key_count = 0; /* the whole document */
    of.key = "\"\"";
    of.is_alone = true;
    try_rows(&of);
}

Test(formats, write_all_fields_of_records_and_read_them_back)
{
    for (size_t i = 0; i < CF_FORMATS; i++) {
        const cf_adapter *adapter = cf_adapter_of((cf_format)i);
        size_t tried = 0;

        if (!adapter->records)
            continue;
        for (const char *const *name = adapter->tables; *name; name++) {
            const cf_schema_table *table = cf_schema_find(adapter->schema, cf_bytes_of_text(*name));

            if (!table) /* a map's */
                continue;
            try_table(adapter, table);
            tried++;
        }
        cr_expect_gt(tried, 0, "%s", adapter->name);
    }
}
