/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of iCalendar that are lists: each of their values is one of a set. */
#include "peer/adapters/icalendar.h"

#include "codec/pack.h"
#include "peer/adapters/json_value.h"
#include "tests/peer/adapters/calendars.h"

TestSuite(icalendar_lists, .init = calendars_enter, .fini = text_rows_leave);

#define ZONE ";TZID=Europe/Berlin:"
#define FIRST "20240115T090000"
#define SECOND "20240122T090000"
#define THIRD "20240129T090000"

Test(icalendar_lists, reads_what_a_line_says_as_lines_would)
{
    static const char *const alike[][2] = {
        {AT("EXDATE" ZONE FIRST "," SECOND "\n"),
         AT("EXDATE" ZONE FIRST "\nEXDATE" ZONE SECOND "\n")},
        {AT("EXDATE:" FIRST "Z," SECOND "Z\n"), AT("EXDATE:" FIRST "Z\nEXDATE:" SECOND "Z\n")},
        {AT("EXDATE" ZONE FIRST ",soon\n"),
         AT("EXDATE" ZONE "soon\nEXDATE" ZONE FIRST "," FIRST "\n")},
        {AT("RDATE;VALUE=PERIOD:" FIRST "Z/PT1H," SECOND "Z/PT2H\n"),
         AT("RDATE;VALUE=PERIOD:" FIRST "Z/PT1H\nRDATE;VALUE=PERIOD:" SECOND "Z/PT2H\n")},
        {AT("RESOURCES;LANGUAGE=en:a\\,b,c\n"),
         AT("RESOURCES;LANGUAGE=en:a\\,b\nRESOURCES;LANGUAGE=en:c\n")},
        {AT("CATEGORIES;LANGUAGE=en:a,b\n"),
         AT("CATEGORIES;LANGUAGE=en:a\nCATEGORIES;LANGUAGE=en:b\n")},
        {AT("") OCCURRENCE("RESOURCES:a,b\n"), AT("") OCCURRENCE("RESOURCES:b\nRESOURCES:a\n")},
    };

    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++) {
        expect_alike(alike[i][0], alike[i][1]);
        expect_unchanged(cf_bytes_of_text(alike[i][0]));
    }
}

Test(icalendar_lists, changes_no_more_of_a_line_than_its_values)
{
    static const char both[] = CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "\nRESOURCES:a,b\n"));

    expect_change(both, CALENDAR(AT("EXDATE" ZONE SECOND "\nRESOURCES:b\n")),
                  CALENDAR(AT("EXDATE" ZONE SECOND "\nRESOURCES:b\n")));
    expect_change(both, CALENDAR(AT("")), CALENDAR(AT("")));
    expect_change(
        both,
        CALENDAR(AT("EXDATE" ZONE SECOND "," FIRST "," THIRD "\nRESOURCES:a\nRESOURCES:b,c\n")),
        CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "\nRESOURCES:a,b\n"
                    "EXDATE" ZONE THIRD "\nRESOURCES:c\n")));
    expect_change(
        both, CALENDAR(AT("EXDATE" ZONE FIRST "," THIRD "\nRESOURCES:a,c\n")),
        CALENDAR(AT("EXDATE" ZONE FIRST "\nRESOURCES:a\nEXDATE" ZONE THIRD "\nRESOURCES:c\n")));
}

Test(icalendar_lists, moves_a_line_into_another_zone)
{
    expect_change(
        CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "," THIRD "\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:" FIRST "Z," THIRD "Z\n")),
        CALENDAR(EVENT("DTSTART:20240108T090000Z\nEXDATE:" FIRST "Z\nEXDATE:" THIRD "Z\n")));
    expect_change(CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "\n")),
                  CALENDAR(EVENT("DTSTART:20240108T090000Z\n")),
                  CALENDAR(EVENT("DTSTART:20240108T090000Z\n")));
}

/* ---- Values of programs that took a line for one value ---- */

#define OLD "[\"exdate\",{\"tzid\":\"Europe/Berlin\"},\"unknown\",\"" FIRST "," SECOND "\"]"

static cf_bytes value_of(const char *json, cf_buffer *out)
{
    cf_json parsed;
    cf_error error;

    expect_ok(cf_json_read(cf_bytes_of_text(json), &parsed, &error), error);
    expect_ok(cf_json_value(&parsed, 0, out, &error), error);
    cf_json_release(&parsed);
    return cf_buffer_view(out);
}

/* The row that was read last, with an old value in the place of what its file says by parts. */
typedef struct {
    cf_field_list list;
    cf_arena arena;
    cf_buffer value;
    cf_row row;
} old_row;

static void old_row_make(old_row *self, const char *json)
{
    const cf_row *is = &rows.rows[0];

    *self = (old_row){.row = *is};
    for (size_t i = 0; i < is->field_count; i++)
        cf_field_list_add(&self->list, &self->arena, is->fields[i].name, is->fields[i].values[0]);
    cf_field_list_add(&self->list, &self->arena, cf_bytes_of_text("/iCalProps"),
                      value_of(json, &self->value));
    cf_field_list_take(&self->list, &self->arena, &self->row);
}

static void old_row_release(old_row *self)
{
    cf_field_list_release(&self->list);
    cf_arena_release(&self->arena);
    cf_buffer_release(&self->value);
}

static void expect_shown(const old_row *old, const char *before, const char *after)
{
    cf_buffer out = {0};
    cf_error error;

    expect_ok(cf_icalendar_rows_write(cf_bytes_of_text(before), &old->row, 1, &out, &error), error);
    expect_written(&out, after);
}

Test(icalendar_lists, writes_a_value_of_several_as_what_it_says)
{
    static const char both[] = CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "\n"));
    cf_arena arena = {0};
    cf_bytes spoken[3];
    old_row old;

    read_text(CALENDAR(AT("")));
    old_row_make(&old, OLD);
    expect_shown(&old, both, both);
    expect_shown(&old, CALENDAR(AT("")),
                 CALENDAR(AT("EXDATE" ZONE FIRST "\nEXDATE" ZONE SECOND "\n")));
    cr_assert_eq(old.row.field_count, 3);
    cr_assert(cf_icalendar_speak(&old.row, &arena, spoken));
    cr_expect(cf_bytes_equal(spoken[0], cf_buffer_view(&old.value)), "it isn't said as it is");
    old_row_release(&old);
    cf_arena_release(&arena);
}

/* The field of the row, in order, and how many values there are. */
static void expect_joined(const char *text, const old_row *known, bool joined, size_t count)
{
    size_t values = 0;

    read_text(text);
    cf_icalendar_join(&rows.rows[0], &known->row, &rows.arena);
    const cf_row_field *props = cf_row_field_named(&rows.rows[0], cf_bytes_of_text("/iCalProps"));
    for (size_t i = 0; i < rows.rows[0].field_count; i++)
        values += rows.rows[0].fields[i].count;
    cr_expect_eq(props && cf_row_field_has(props, cf_buffer_view(&known->value)), joined, "%s",
                 text);
    cr_expect_eq(values, count, "%s: %zu", text, values);
}

Test(icalendar_lists, takes_all_that_a_value_says_for_that_value)
{
    old_row old;

    read_text(CALENDAR(AT("")));
    old_row_make(&old, OLD);
    expect_joined(CALENDAR(AT("EXDATE" ZONE FIRST "," SECOND "\n")), &old, true, 3);
    expect_joined(CALENDAR(AT("EXDATE" ZONE SECOND "\nEXDATE" ZONE THIRD "," FIRST "\n")), &old,
                  true, 4);
    expect_joined(CALENDAR(AT("EXDATE" ZONE FIRST "," THIRD "\n")), &old, false, 4);
    expect_joined(CALENDAR(AT("")), &old, false, 2);
    old_row_release(&old);
}
