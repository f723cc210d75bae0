/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that are lists say each of their values as a line of its own would.
 *
 *     EXDATE:20240108T090000Z,20240115T090000Z    two occurrences that don't take place
 *     RESOURCES;LANGUAGE=en:room,projector        two values, each in this language
 *
 * Programs before this one took such a line for one value, which may still be in a log: it is
 * written as what it says, and, where a file says all of that, is what is meant there. */
#include "peer/adapters/icalendar_inside.h"

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

#include <string.h>

static bool is_list(const cf_content_line *line)
{
    static const char *const names[] = {"CATEGORIES", "EXDATE", "RDATE", "RESOURCES"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cf_line_named(line, names[i]))
            return true;
    return false;
}

/* One occurrence that doesn't take place, told as the start is. */
static bool read_exclusion(const cf_content_line *line, const cf_calendar_time *start,
                           cf_arena *arena, cf_calendar_part *out)
{
    static const uint8_t excluded[] = "\x81\xa8"
                                      "excluded\xc3";
    cf_calendar_time time;
    cf_buffer field = {0};

    if (!cf_line_named(line, "EXDATE") || !start || !cf_calendar_time_read(line, &time) ||
        !cf_calendar_same_zone(&time, start))
        return false;
    cf_buffer_append_text(&field, CF_CALENDAR_OVERRIDES);
    cf_calendar_local_write(time.seconds, &field);
    *out =
        (cf_calendar_part){cf_arena_copy(arena, cf_buffer_view(&field)),
                           cf_arena_copy(arena, cf_bytes_of(excluded, sizeof excluded - 1)), true};
    cf_buffer_release(&field);
    return true;
}

static bool read_other(const cf_content_line *line, cf_arena *arena, cf_calendar_part *out)
{
    cf_buffer value = {0};
    bool fine = cf_calendar_value(line, &cf_calendar_other, &value);

    if (fine)
        *out = (cf_calendar_part){cf_bytes_of_text(cf_calendar_other.line.field),
                                  cf_arena_copy(arena, cf_buffer_view(&value)), false};
    cf_buffer_release(&value);
    return fine;
}

/* 0: one of them says nothing, or there are too many. */
static size_t count_parts(cf_bytes list)
{
    size_t count = 0;
    cf_bytes part;

    for (size_t at = 0; cf_content_part(list, ',', &at, &part); count++)
        if (!part.size || count == CF_CALENDAR_LINES_MAX)
            return 0;
    return count;
}

size_t cf_calendar_list_read(const cf_content_line *line, const cf_calendar_time *start,
                             cf_arena *arena, cf_calendar_part **out)
{
    const size_t count = is_list(line) ? count_parts(line->value) : 0;
    cf_calendar_part *parts = cf_arena_allocate(arena, count, sizeof *parts);
    cf_content_line part = *line;
    bool fine = true;
    size_t at = 0;

    for (size_t i = 0; fine && i < count && cf_content_part(line->value, ',', &at, &part.value);
         i++)
        fine =
            read_exclusion(&part, start, arena, &parts[i]) || read_other(&part, arena, &parts[i]);
    *out = parts;
    return fine ? count : 0;
}

/* ---- One value of several ---- */

/* What the value of /iCalProps says, if that is more than one; 0: it is no such value. */
static size_t parts_of(cf_bytes value, const cf_calendar_time *start, cf_arena *arena,
                       cf_calendar_part **out)
{
    cf_buffer text = {0};
    cf_content_line line;
    size_t count = 0;

    if (memchr(value.data, ',', value.size) &&
        cf_vcard_line_text(&cf_calendar_other.line, value, (cf_bytes){0}, CF_VCARD_4_0, &text) &&
        cf_content_line_split(cf_arena_copy(arena, cf_buffer_view(&text)), arena, &line) &&
        line.kind == CF_LINE_PROPERTY)
        count = cf_calendar_list_read(&line, start, arena, out);
    cf_buffer_release(&text);
    return count > 1 ? count : 0;
}

static const cf_row_field *props_of(const cf_row *row)
{
    static const cf_row_field none;
    const cf_row_field *field =
        cf_row_field_named(row, cf_bytes_of_text(cf_calendar_other.line.field));

    return field ? field : &none;
}

cf_row cf_calendar_row_split(const cf_row *row, const cf_calendar_time *start, cf_arena *arena)
{
    const cf_row_field *props = props_of(row);
    cf_field_list list = {0};
    cf_row split = *row;
    bool any = false;

    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++) {
            const cf_row_field *field = &row->fields[i];
            cf_calendar_part *parts;
            size_t count = field == props ? parts_of(field->values[k], start, arena, &parts) : 0;

            for (size_t n = 0; n < count; n++)
                if (!parts[n].excluded || !cf_row_field_named(row, parts[n].field))
                    cf_field_list_add(&list, arena, parts[n].field, parts[n].value);
            if (!count)
                cf_field_list_add(&list, arena, field->name, field->values[k]);
            any |= count > 0;
        }
    if (any)
        cf_field_list_take(&list, arena, &split);
    cf_field_list_release(&list);
    return split;
}

/* ---- What a file means by several ---- */

static bool has(const cf_row *row, cf_bytes field, cf_bytes value)
{
    const cf_row_field *found = cf_row_field_named(row, field);

    return found && cf_row_field_has(found, value);
}

/* But for an occurrence of which the known row itself says something else. */
static bool has_all(const cf_row *row, const cf_row *known, const cf_calendar_part *parts,
                    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!has(row, parts[i].field, parts[i].value) &&
            !(parts[i].excluded && cf_row_field_named(known, parts[i].field)))
            return false;
    return count > 0;
}

/* The row without the parts, which the known one doesn't have by themselves, and with the value. */
static void put_together(cf_row *row, const cf_row *known, const cf_calendar_part *parts,
                         size_t count, cf_bytes value, cf_arena *arena)
{
    cf_row told = {.fields = cf_arena_allocate(arena, count, sizeof *told.fields)};
    cf_field_list list = {0};

    for (size_t i = 0; i < count; i++)
        cf_field_list_add(&list, arena, parts[i].field, parts[i].value);
    cf_field_list_take(&list, arena, &told);
    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++) {
            cf_bytes field = row->fields[i].name, own = row->fields[i].values[k];

            if (!has(&told, field, own) || has(known, field, own))
                cf_field_list_add(&list, arena, field, own);
        }
    cf_field_list_add(&list, arena, cf_bytes_of_text(cf_calendar_other.line.field), value);
    cf_field_list_take(&list, arena, row);
    cf_field_list_release(&list);
}

void cf_calendar_row_join(cf_row *row, const cf_row *known, const cf_calendar_time *start,
                          cf_arena *arena)
{
    const cf_row said = *row;
    const cf_row_field *props = props_of(known);

    for (size_t i = 0; i < props->count; i++) {
        cf_calendar_part *parts;
        size_t count = parts_of(props->values[i], start, arena, &parts);

        if (has_all(&said, known, parts, count))
            put_together(row, known, parts, count, props->values[i], arena);
    }
}
