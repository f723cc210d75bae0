/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/inherited.h"

#include <string.h>

#include "codec/limits.h"
#include "codec/value_build.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

/* What says when an occurrence is: all of it is its series', or none. */
static const char *const when[] = {"start", "due", "timeZone", "showWithoutTime"};
enum { WHEN = sizeof when / sizeof *when };

static const char prefix[] = "/recurrenceOverrides/";

typedef struct {
    cf_format_speak *speak;
    cf_arena scratch;
    const cf_row *row;
    cf_bytes *values; /* of each field of the row what is meant; nothing: what it has */
} leaving;

/* ---- One occurrence ---- */

static bool is_same(cf_bytes map, cf_bytes other, const char *name)
{
    cf_bytes a = {0}, b = {0};
    const bool is_here = cf_value_member(map, name, &a),
               is_there = cf_value_member(other, name, &b);

    return is_here == is_there && (!is_here || cf_bytes_equal(a, b));
}

/* Whether it begins, or is due, at its name: else it is at a time of its own. */
static bool is_at_its_name(const cf_row_field *field)
{
    const size_t size = sizeof prefix - 1;
    cf_bytes text;

    if (field->count != 1 || field->values[0].size > CF_INLINE_MAX || field->name.size <= size ||
        memcmp(field->name.data, prefix, size) != 0)
        return false;
    const cf_bytes named = cf_bytes_of(field->name.data + size, field->name.size - size);
    return (cf_value_member_text(field->values[0], "start", &text) &&
            cf_bytes_equal(text, named)) ||
           (cf_value_member_text(field->values[0], "due", &text) && cf_bytes_equal(text, named));
}

/* Whether the member says what the series says, too, of when and how long it is. */
static bool is_inherited(cf_bytes name, cf_bytes said, cf_bytes series)
{
    for (size_t i = 0; i < WHEN; i++)
        if (cf_bytes_equal(name, cf_bytes_of_text(when[i])))
            return true;
    return cf_bytes_equal(name, cf_bytes_of_text("duration")) && is_same(said, series, "duration");
}

/* What is said but when it is, and that it lacks what else `series` would say of it; nothing: it is
 * at a time of its own. */
static cf_bytes without_when(leaving *self, cf_bytes said, cf_bytes series)
{
    cf_value_walk own = cf_value_walk_of(said), all = cf_value_walk_of(series);
    cf_value_builder build = {0};
    cf_bytes name, value, same;

    for (size_t i = 0; i < WHEN; i++)
        if (!is_same(said, series, when[i]))
            return (cf_bytes){0};
    cf_build_map(&build);
    while (own.map && cf_value_next(&own, &name, &value))
        if (!is_inherited(name, said, series)) {
            cf_build_key(&build, name);
            cf_build_json(&build, value);
        }
    while (all.map && cf_value_next(&all, &name, &value))
        if (!cf_value_member_named(said, name, &same)) {
            cf_build_key(&build, name);
            cf_build_nil(&build);
        }
    cf_build_end(&build);
    return cf_value_built(&build, &self->scratch);
}

/* ---- A row ---- */

/* The row with what is meant, which lies in the arena. */
static cf_row meant_row(const leaving *self, cf_arena *arena)
{
    const size_t count = self->row->field_count;
    cf_row_field *fields = cf_arena_allocate(arena, count, sizeof *fields);
    cf_row row = *self->row;

    memcpy(fields, row.fields, count * sizeof *fields);
    for (size_t i = 0; i < count; i++)
        if (self->values[i].size) {
            cf_bytes *value = cf_arena_allocate(arena, 1, sizeof *value);

            *value = cf_arena_copy(arena, self->values[i]);
            fields[i].values = value;
        }
    row.fields = fields;
    return row;
}

/* What the format says of each field that something is meant of; NULL: it can't say the row. */
static const cf_bytes *speak(leaving *self)
{
    const cf_row row = meant_row(self, &self->scratch);
    size_t count = 0, at = 0;

    for (size_t i = 0; i < row.field_count; i++)
        count += row.fields[i].count;
    cf_bytes *words = cf_arena_allocate(&self->scratch, count, sizeof *words);
    cf_bytes *said = cf_arena_allocate(&self->scratch, row.field_count, sizeof *said);
    if (!self->speak(&row, &self->scratch, words))
        return NULL;
    for (size_t i = 0; i < row.field_count; at += row.fields[i++].count)
        said[i] = self->values[i].size ? words[at] : (cf_bytes){0};
    return said;
}

/* Of each occurrence that may be left to its series that nothing of it is other; false: there is
 * none. */
static bool begin(leaving *self, const cf_row *known)
{
    static const uint8_t nothing_other[] = {0x80}; /* the empty map */
    const cf_row *row = self->row;
    bool any = false;

    self->values = cf_arena_allocate(&self->scratch, row->field_count, sizeof *self->values);
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *is = &row->fields[i];

        self->values[i] = (cf_bytes){0};
        if (is_at_its_name(is) &&
            !(known && cf_row_field_has(cf_row_field_named(known, is->name), is->values[0]))) {
            self->values[i] = cf_bytes_of(nothing_other, sizeof nothing_other);
            any = true;
        }
    }
    return any;
}

void cf_occurrences_inherit(cf_format_speak *speaks, cf_arena *arena, const cf_row *raw,
                            cf_row *row, const cf_row *known)
{
    leaving self = {.speak = speaks, .row = row};
    const cf_bytes *series = NULL, *said = NULL;

    if (begin(&self, known))
        series = speak(&self);
    for (size_t i = 0; series && i < row->field_count; i++)
        if (self.values[i].size)
            self.values[i] = without_when(&self, row->fields[i].values[0], series[i]);
    if (series)
        said = speak(&self);
    for (size_t i = 0; said && i < row->field_count; i++)
        if (!cf_row_field_has(cf_row_field_named(raw, row->fields[i].name), said[i]))
            self.values[i] = (cf_bytes){0};
    if (said)
        *row = meant_row(&self, arena);
    cf_arena_release(&self.scratch);
}
