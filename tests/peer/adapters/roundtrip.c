/* SPDX-License-Identifier: Apache-2.0 */
/* Contacts, events and tasks through files that have no words for all of it: random ones, of every
 * property that there is. What the format says it can say comes back as said; what a file says is
 * understood as what was meant; what it can't say is never missed. */
#include "peer/adapters/icalendar.h"
#include "peer/adapters/known_values.h"
#include "peer/adapters/record_format.h"
#include "peer/adapters/roundtrip.h"
#include "peer/adapters/value_map.h"
#include "peer/adapters/vcard.h"
#include "tests/peer/adapters/rows.h"
#include "tests/peer/adapters/said_rows.h"
#include "tests/support/short_form.h"

enum { ROWS = 480, FIELDS_MAX = 9, VALUES_MAX = 40 };

typedef struct {
    cf_format format;
    const char *table;
    const said_value *values;
    size_t count;
    const char *always[2][2]; /* fields that make more of the others sensible */
} kind;

static kind contacts(void)
{
    return (kind){
        CF_FORMAT_VCARD, CF_TABLE_CONTACTS, said_of_contacts, said_of_contacts_count, {{0}}};
}

static kind events(void)
{
    return (kind){CF_FORMAT_ICALENDAR,
                  CF_TABLE_EVENTS,
                  said_of_events,
                  said_of_events_count,
                  {{"/start", "\"2024-01-02T03:04:05\""}, {"/timeZone", "\"Europe/Berlin\""}}};
}

static kind tasks(void)
{
    kind of = events();

    of.table = CF_TABLE_TASKS;
    of.values = said_of_tasks;
    of.count = said_of_tasks_count;
    return of;
}

/* ---- Rows ---- */

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717) >> 16;
}

static const cf_schema_table *table_of(const kind *of)
{
    cf_bytes name = cf_bytes_of_text(of->table);
    const cf_schema_table *table = cf_schema_find(&cf_schema_contacts, name);

    return table ? table : cf_schema_find(&cf_schema_calendar, name);
}

static void add(const kind *of, const char *field, const char *json, cf_field_list *list,
                cf_arena *arena)
{
    cf_bytes name = cf_bytes_of_text(field);
    cf_buffer value = {0};

    cr_assert(cf_value_of_json(cf_bytes_of_text(json), &value), "%s", json);
    if (cf_schema_field(table_of(of), name).merge == CF_MERGE_SET || !cf_field_list_has(list, name))
        cf_field_list_add(list, arena, name, cf_buffer_view(&value));
    cf_buffer_release(&value);
}

static cf_row begin_row(const kind *of, cf_field_list *list, cf_arena *arena)
{
    cf_row row = {.table = cf_bytes_of_text(of->table)};
    cf_buffer key = {0};

    cf_value_of_json(cf_bytes_of_text("\"one, of; all\""), &key);
    row.key = cf_arena_copy(arena, cf_buffer_view(&key));
    for (size_t i = 0; i < 2 && of->always[i][0]; i++)
        add(of, of->always[i][0], of->always[i][1], list, arena);
    cf_buffer_release(&key);
    return row;
}

static cf_row random_row(const kind *of, uint64_t *random, cf_arena *arena)
{
    cf_field_list list = {0};
    bool bare = next_random(random) % 4 == 0;
    kind without = *of;

    if (bare)
        without.always[0][0] = NULL;
    cf_row row = begin_row(&without, &list, arena);
    for (size_t left = 1 + next_random(random) % FIELDS_MAX; left; left--) {
        const said_value *value = &of->values[next_random(random) % of->count];

        add(of, value->field, value->value, &list, arena);
    }
    cf_field_list_take(&list, arena, &row);
    cf_field_list_release(&list);
    return row;
}

static cf_row_format format_of(const kind *of, cf_arena *arena)
{
    const cf_record_options options = {.adapter = cf_adapter_of(of->format)};
    cf_row_format format;

    cf_record_format_holds(&options, arena, &format);
    return format;
}

static void expect_same(const kind *of, const cf_row *is, const cf_row *wanted, const char *what)
{
    cf_record_file both = {0};
    cf_buffer text = {0};

    cf_record_file_add(&both, is, 0);
    cf_record_file_add(&both, wanted, 1);
    print_rows(&both, &text);
    cr_assert(cf_row_same(table_of(of), is, wanted), "%s:\n%.*s", what, (int)text.size,
              (const char *)text.data);
    cf_record_file_release(&both);
    cf_buffer_release(&text);
}

/* ---- Out and back ---- */

/* False: it can't be written into that file, which stays as it is. */
static bool show(const kind *of, cf_bytes before, const cf_row *row, cf_buffer *out,
                 cf_record_file *file)
{
    const cf_record_options options = {.adapter = cf_adapter_of(of->format)};
    cf_record_document *document;
    bool refused = false;
    cf_error error;

    cf_buffer_clear(out);
    expect_ok(cf_record_document_read(&options, before, &document, &error), error);
    expect_ok(cf_record_document_show(document, row, 1, &refused, out, &error), error);
    cf_record_document_destroy(&document);
    expect_ok(cf_record_format_read(&options, cf_buffer_view(out), file, &error), error);
    cr_assert_eq(file->count, before.size || !refused);
    cr_assert_eq(file->trouble_count, 0);
    cr_assert(!refused || cf_bytes_equal(cf_buffer_view(out), before),
              "nothing else becomes of it");
    return !refused;
}

/* The row as the base has it, and the file that shows it: nothing is different. False: it isn't
 * shown in this file. */
static bool settle(const kind *of, const cf_row *row, cf_arena *arena, cf_buffer *text)
{
    cf_row_format format = format_of(of, arena);
    cf_rows *known = cf_rows_new();
    cf_buffer once = {0}, twice = {0};
    cf_record_file file;
    cf_row base, spoken;
    bool *stale;

    cr_assert(cf_row_express(&format, row, NULL, arena, &base, &spoken));
    bool shown = show(of, cf_buffer_view(text), &spoken, &once, &file);
    if (shown) {
        expect_same(of, &file.rows[0], &spoken, "what is said comes back");
        cf_rows_put(known, &base);
        cf_known_values_give(&file, &format, known, NULL, &stale);
        expect_same(of, &file.rows[0], &base, "what is said is meant");
        cf_record_file_release(&file);
        cr_assert(show(of, cf_buffer_view(&once), &spoken, &twice, &file));
        cr_assert(cf_bytes_equal(cf_buffer_view(&once), cf_buffer_view(&twice)), "is written once");
    }
    cf_record_file_release(&file);
    cf_buffer_release(&twice);
    cf_buffer_release(text);
    *text = once;
    cf_rows_destroy(&known);
    return shown;
}

/* Random rows, each in a new file and then in the place of another one. */
static void try_rows(kind of)
{
    uint64_t random = 88172645463325252;
    const size_t rows = ROWS / one_in(1, 3, 10);
    size_t refused = 0;

    for (size_t i = 0; i < rows; i++) {
        cf_arena arena = {0};
        const cf_row row = random_row(&of, &random, &arena);
        const cf_row other = random_row(&of, &random, &arena);
        cf_buffer text = {0};

        cr_assert(settle(&of, &row, &arena, &text));
        refused += !settle(&of, &other, &arena, &text);
        cf_buffer_release(&text);
        cf_arena_release(&arena);
    }
    cr_expect_leq(refused, 1 + rows / 50, "%zu", refused);
}

Test(roundtrip, cards_are_read_as_they_were_meant)
{
    try_rows(contacts());
}

Test(roundtrip, events_are_read_as_they_were_meant)
{
    try_rows(events());
}

Test(roundtrip, tasks_are_read_as_they_were_meant)
{
    try_rows(tasks());
}

/* Its zone is there because of the occurrence, which comes back in another order. */
Test(roundtrip, an_occurrence_is_said_in_other_words_with_the_zone_that_it_needs)
{
    static const char name[] = "/recurrenceOverrides/2024-01-03T03:04:05";
    kind of = events();
    cf_field_list list = {0};
    cf_arena arena = {0};
    cf_buffer text = {0};
    cf_row row, base, spoken;

    of.always[1][1] = "\"Europe/Paris\"";
    row = begin_row(&of, &list, &arena);
    add(&of, name,
        "{\"start\":\"2024-01-03T05:00:00\",\"timeZone\":\"Europe/Berlin\",\"iCalProps\":[[\"x-b\","
        "{},\"unknown\",\"1\"],[\"x-a\",{},\"unknown\",\"1\"]]}",
        &list, &arena);
    add(&of, "/timeZones/Europe~1Berlin",
        "[\"vtimezone\",[[\"tzid\",{},\"unknown\",\"Europe/Berlin\"]],[]]", &list, &arena);
    cf_field_list_take(&list, &arena, &row);
    cf_row_format format = format_of(&of, &arena);
    cr_assert(cf_row_express(&format, &row, NULL, &arena, &base, &spoken));
    cr_assert(cf_row_field_named(&spoken, cf_bytes_of_text(name)));
    cr_assert(cf_row_field_named(&spoken, cf_bytes_of_text("/timeZones/Europe~1Berlin")));
    cr_assert(settle(&of, &row, &arena, &text));
    cf_buffer_release(&text);
    cf_field_list_release(&list);
    cf_arena_release(&arena);
}

/* A date has no hours: who begins with some, or ends with some on another day, is told with them,
 * though it be without time. An hour of the day is the day. */
Test(roundtrip, an_event_of_hours_is_none_of_days)
{
    static const struct {
        const char *start, *duration;
        bool is_day, ends;
    } each[] = {{"\"2024-01-02T00:00:00\"", "\"PT1H\"", true, false},
                {"\"2024-01-02T00:00:00\"", "\"P1DT1H\"", false, true},
                {"\"2024-01-02T00:00:00\"", "\"P2D\"", true, true},
                {"\"2024-01-02T00:00:00\"", "\"PT0S\"", true, true},
                {"\"2024-01-02T15:30:00\"", "\"P1D\"", false, true},
                {"\"2024-01-02T15:30:00\"", "\"PT1H\"", false, true}};
    kind of = events();

    of.always[1][0] = NULL;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        cf_field_list list = {0};
        cf_arena arena = {0};
        cf_buffer text = {0};
        cf_row base, spoken;

        of.always[0][1] = each[i].start;
        cf_row row = begin_row(&of, &list, &arena);
        add(&of, "/duration", each[i].duration, &list, &arena);
        add(&of, "/showWithoutTime", "true", &list, &arena);
        cf_field_list_take(&list, &arena, &row);
        cf_row_format format = format_of(&of, &arena);
        cr_assert(cf_row_express(&format, &row, NULL, &arena, &base, &spoken));
        cr_expect_eq(cf_row_field_named(&spoken, cf_bytes_of_text("/duration")) != NULL,
                     each[i].ends, "%s", each[i].duration);
        cr_expect_eq(cf_row_field_named(&spoken, cf_bytes_of_text("/showWithoutTime")) != NULL,
                     each[i].is_day, "%s %s", each[i].start, each[i].duration);
        cr_assert(settle(&of, &row, &arena, &text));
        cf_buffer_release(&text);
        cf_field_list_release(&list);
        cf_arena_release(&arena);
    }
}

/* ---- A format of one letter a value ---- */

/* It has no word for `m`, and who says `l` is taken to say `e`, too. */
static cf_status write_letters(cf_bytes before, const cf_row *wanted, size_t count, cf_buffer *out,
                               cf_error *error)
{
    (void)before, (void)count, (void)error;
    for (size_t i = 0; i < wanted->field_count; i++)
        if (wanted->fields[i].values[0].data[0] != 'm')
            cf_buffer_append(out, wanted->fields[i].values[0].data, 1);
    return CF_OK;
}

static cf_status read_letters(cf_bytes bytes, cf_record_file *out, cf_error *error)
{
    cf_row row = {.table = cf_bytes_of_text("t"), .key = cf_bytes_of_text("k")};
    cf_field_list list = {0};

    (void)error;
    for (size_t i = 0; i < bytes.size; i++) {
        cf_bytes letter = {bytes.data + i, 1};

        cf_field_list_add(&list, &out->arena, letter, letter);
        if (*letter.data == 'l')
            cf_field_list_add(&list, &out->arena, cf_bytes_of_text("e"), cf_bytes_of_text("e"));
    }
    cf_field_list_take(&list, &out->arena, &row);
    cf_record_file_add(out, &row, 0);
    cf_field_list_release(&list);
    return CF_OK;
}

/* The letters of which the format says that they come back, each a field with itself as value. */
static void expect_spoken(const char *letters, const char *expected)
{
    static const char *const empty = "";
    const cf_roundtrip words = {read_letters, write_letters, &empty, 1};
    cf_row row = {.table = cf_bytes_of_text("t"), .key = cf_bytes_of_text("k")};
    cf_bytes spoken[4] = {{0}};
    cf_field_list list = {0};
    cf_arena arena = {0};
    char said[5] = "";

    for (const char *at = letters; *at; at++)
        cf_field_list_add(&list, &arena, cf_bytes_of(at, 1), cf_bytes_of(at, 1));
    cf_field_list_take(&list, &arena, &row);
    cr_expect(cf_roundtrip_row(&words, &row, &arena, spoken));
    for (size_t i = 0; i < row.field_count; i++)
        if (spoken[i].size)
            strncat(said, (const char *)spoken[i].data, 1);
    cr_expect_str_eq(said, expected);
    cf_field_list_release(&list);
    cf_arena_release(&arena);
}

Test(roundtrip, what_does_not_come_back_is_not_said)
{
    expect_spoken("amz", "az");
}

Test(roundtrip, what_brings_along_what_was_not_meant_is_not_said)
{
    expect_spoken("alz", "az");
    expect_spoken("aelz", "aelz"); /* it was meant */
}
