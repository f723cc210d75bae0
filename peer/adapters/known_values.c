/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/known_values.h"

#include <stdlib.h>
#include <string.h>

#include "codec/limits.h"
#include "codec/value_build.h"
#include "peer/adapters/inherited.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/value_map.h"

typedef struct {
    cf_format_speak *speak;
    cf_arena *arena; /* of the file */
    cf_arena scratch;
    cf_field_list list;
    cf_row as_is; /* the row with the occurrences that are known in the place of its own */
    const cf_bytes *as_now; /* its words; NULL: not asked for yet */
} meaning;

/* ---- Members without words ---- */

static bool has_member(cf_bytes map, cf_bytes wanted)
{
    cf_bytes value;

    return cf_value_member_named(map, wanted, &value);
}

/* Adds the members of a map that neither of two others has; returns how many. */
static size_t add_members(cf_bytes map, cf_bytes but, cf_bytes and_but, cf_value_builder *build)
{
    cf_value_walk walk = cf_value_walk_of(map);
    cf_bytes name, value;
    size_t added = 0;

    while (walk.map && cf_value_next(&walk, &name, &value)) {
        if (has_member(but, name) || has_member(and_but, name))
            continue;
        cf_build_key(build, name);
        cf_build_json(build, value);
        added++;
    }
    return added;
}

/* `said`, with the members of the known value that its words lack; nothing: there are none. */
static cf_bytes with_unsaid(meaning *self, cf_bytes said, cf_bytes known, cf_bytes words)
{
    const cf_bytes none = {0};
    cf_value_builder build = {0};

    if (!cf_value_walk_of(said).map || said.size > CF_INLINE_MAX)
        return none;
    cf_build_map(&build);
    add_members(said, none, none, &build);
    size_t added = add_members(known, words, said, &build);
    cf_build_end(&build);
    const cf_bytes made = cf_value_built(&build, &self->scratch);
    return added ? made : none;
}

/* ---- Occurrences ---- */

/* A calendar says of an occurrence all that there is, and what is meant is a patch of its series:
 *
 *   known {"title": "b"}, said {"start": 9, "title": "b"} as before     {"title": "b"}
 *   the same, edited to {"start": 11, "title": "b"}                     {"start": 11, "title": "b"}
 *   the series moved to 10, said as before                              {"title": "b"}, and it is
 *                                                                       to be written again
 */
static bool is_occurrence(cf_bytes field)
{
    static const char prefix[] = "/recurrenceOverrides/";

    return field.size > sizeof prefix - 1 && memcmp(field.data, prefix, sizeof prefix - 1) == 0;
}

static cf_bytes member_of(cf_bytes map, cf_bytes wanted)
{
    cf_bytes value;

    return cf_value_member_named(map, wanted, &value) ? value : (cf_bytes){0};
}

static void add_member(cf_bytes name, cf_bytes value, cf_value_builder *build)
{
    cf_build_key(build, name);
    if (value.data)
        cf_build_json(build, value);
    else
        cf_build_nil(build);
}

/* An occurrence as the file said it, as it says it now, and as the file would say it now. */
typedef struct {
    cf_bytes patch, before, said, now;
} occurrence;

/* The member is said, other than before, and other than its series would have it said. */
static bool is_said_anew(const occurrence *of, cf_bytes name)
{
    const cf_bytes said = member_of(of->said, name);

    return said.data && !cf_value_same(member_of(of->before, name), said) &&
           !cf_value_same(member_of(of->now, name), said);
}

/* What was said, and either stands so in the patch or came from the series. */
static void add_said(const occurrence *of, cf_value_builder *build)
{
    cf_value_walk walk = cf_value_walk_of(of->said);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value)) {
        cf_bytes own = member_of(of->patch, name);

        if (own.data && cf_value_same(member_of(of->before, name), value))
            add_member(name, own, build);
        else if (own.data || is_said_anew(of, name))
            add_member(name, value, build);
    }
}

/* It was said before, and is no more. */
static bool is_taken_away(const occurrence *of, cf_bytes name)
{
    return !has_member(of->said, name) && has_member(of->before, name);
}

/* The patch names a part of what is told as a whole from now on:
 *
 *   known {"locations/a/name": "Hall"}, said {"locations": [{"name": "Park"}]}     the part goes */
static bool is_part_of_news(const occurrence *of, cf_bytes name)
{
    const uint8_t *slash = name.size ? memchr(name.data, '/', name.size) : NULL;
    const cf_bytes whole = cf_bytes_of(name.data, slash ? (size_t)(slash - name.data) : 0);

    return slash &&
           (is_said_anew(of, whole) || (is_taken_away(of, whole) && has_member(of->now, whole)));
}

/* What was not said before isn't missed now; what was is taken away from what the series has. */
static void add_not_said(const occurrence *of, cf_value_builder *build)
{
    cf_value_walk patch = cf_value_walk_of(of->patch), now = cf_value_walk_of(of->now);
    cf_bytes name, value;

    while (patch.map && cf_value_next(&patch, &name, &value))
        if (!has_member(of->said, name) && !has_member(of->before, name) &&
            !is_part_of_news(of, name))
            add_member(name, value, build);
    while (now.map && cf_value_next(&now, &name, &value))
        if (is_taken_away(of, name))
            add_member(name, (cf_bytes){0}, build);
}

/* The known one says less than all. */
static bool is_patch(cf_bytes known, cf_bytes words)
{
    cf_value_walk walk = cf_value_walk_of(words);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value))
        if (!has_member(known, name))
            return cf_value_walk_of(known).map;
    return false;
}

static cf_bytes patched(meaning *self, const occurrence *of)
{
    cf_value_builder build = {0};

    cf_build_map(&build);
    add_said(of, &build);
    add_not_said(of, &build);
    cf_build_end(&build);
    return cf_value_built(&build, &self->scratch);
}

static size_t value_count(const cf_row *row)
{
    size_t count = 0;

    for (size_t i = 0; i < row->field_count; i++)
        count += row->fields[i].count;
    return count;
}

/* The words of the one value of a field; nothing: it has none, or none is said. */
static cf_bytes words_of(const cf_row *row, const cf_bytes *words, cf_bytes field)
{
    size_t at = 0;

    for (size_t i = 0; i < row->field_count; at += row->fields[i++].count)
        if (cf_bytes_equal(row->fields[i].name, field))
            return row->fields[i].count == 1 ? words[at] : (cf_bytes){0};
    return (cf_bytes){0};
}

static const cf_bytes *speak_of(meaning *self, const cf_row *row)
{
    size_t count = value_count(row);
    cf_bytes *words = cf_arena_allocate(&self->scratch, count, sizeof *words);

    if (!self->speak(row, &self->scratch, words))
        memset(words, 0, count * sizeof *words);
    return words;
}

/* What the file would say now of this occurrence, if only the series were another one. */
static cf_bytes said_now(meaning *self, const cf_row *row, const cf_row *known, cf_bytes field)
{
    if (!self->as_now) {
        cf_row_field *fields = cf_arena_allocate(&self->scratch, row->field_count, sizeof *fields);

        self->as_is = *row;
        self->as_is.fields = fields;
        for (size_t i = 0; i < row->field_count; i++) {
            const cf_row_field *own = cf_row_field_named(known, row->fields[i].name);

            fields[i] = own && own->count && is_occurrence(own->name) ? *own : row->fields[i];
        }
        self->as_now = speak_of(self, &self->as_is);
    }
    return words_of(&self->as_is, self->as_now, field);
}

/* Whether an occurrence stands in the file that what is meant now would put there otherwise, as its
 * series is another one. */
static bool is_stale(meaning *self, const cf_row *raw, const cf_row *meant)
{
    bool other = false;

    for (size_t i = 0; i < meant->field_count; i++) {
        const cf_row_field *was = cf_row_field_named(raw, meant->fields[i].name);

        other |= is_occurrence(meant->fields[i].name) && was &&
                 !cf_row_field_equal(was, &meant->fields[i]);
    }
    if (!other)
        return false;
    const cf_bytes *words = speak_of(self, meant);
    for (size_t i = 0; i < meant->field_count; i++) {
        const cf_row_field *was = cf_row_field_named(raw, meant->fields[i].name);
        cf_bytes now = words_of(meant, words, meant->fields[i].name);

        if (is_occurrence(meant->fields[i].name) && was && now.size && !cf_row_field_has(was, now))
            return true;
    }
    return false;
}

/* ---- One field ---- */

/* Values of a field by their bytes; of equal ones the first of the field comes first. */
typedef struct {
    const cf_bytes **at; /* into the field's */
    size_t count;
} sorted_values;

static int by_bytes(const void *left, const void *right)
{
    const cf_bytes *a = *(const cf_bytes *const *)left, *b = *(const cf_bytes *const *)right;
    const int order = cf_bytes_compare(*a, *b);

    return order ? order : (a > b) - (a < b);
}

static sorted_values sort(meaning *self, const cf_bytes *values, size_t count)
{
    sorted_values sorted = {cf_arena_allocate(&self->scratch, count, sizeof *sorted.at), count};

    for (size_t i = 0; i < count; i++)
        sorted.at[i] = &values[i];
    if (count)
        qsort(sorted.at, count, sizeof *sorted.at, by_bytes);
    return sorted;
}

/* The first that is not less; `count`: none. */
static size_t lower_bound(sorted_values sorted, cf_bytes value)
{
    size_t low = 0, high = sorted.count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(*sorted.at[middle], value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(sorted_values sorted, size_t at, cf_bytes value)
{
    return at < sorted.count && cf_bytes_equal(*sorted.at[at], value);
}

static bool has(sorted_values sorted, cf_bytes value)
{
    return is_at(sorted, lower_bound(sorted, value), value);
}

/* The values of a known field that the file doesn't show, with their words; and what it shows. */
typedef struct {
    const cf_row_field *field; /* NULL: none is known */
    const cf_bytes *words;
    sorted_values by_value, by_words, shown;
} known_field;

static known_field know(meaning *self, const cf_row_field *is, const cf_row_field *field,
                        const cf_bytes *words)
{
    return (known_field){field, words, sort(self, field->values, field->count),
                         sort(self, words, field->count), sort(self, is->values, is->count)};
}

/* Adds what the said value stands for; false: for itself. */
static bool add_meant(meaning *self, cf_bytes name, known_field known, cf_bytes said)
{
    bool meant = false;

    for (size_t i = lower_bound(known.by_words, said); is_at(known.by_words, i, said); i++) {
        cf_bytes value = known.field->values[known.by_words.at[i] - known.words];

        if (!cf_bytes_equal(value, said) && !has(known.shown, value)) {
            cf_field_list_add(&self->list, self->arena, name, value);
            meant = true;
        }
    }
    return meant && !has(known.by_value, said);
}

/* Whether the known value is shown: as it is, or in its words. */
static bool is_shown(known_field known, size_t index)
{
    return has(known.shown, known.field->values[index]) || has(known.shown, known.words[index]);
}

static bool is_known(known_field known, cf_bytes said)
{
    return has(known.by_words, said) || has(known.by_value, said);
}

/* Which one of the known values is gone, where just one is, and one is new; else how many there
 * are. Of all values of a field it is asked once. */
static size_t only_gone(const cf_row_field *is, known_field known)
{
    const size_t none = known.field->count;
    size_t gone = none, news = 0;

    for (size_t i = 0; i < is->count && news < 2; i++)
        news += !is_known(known, is->values[i]);
    for (size_t i = 0; i < none && news == 1; i++)
        if (!is_shown(known, i)) {
            if (gone < none)
                return none;
            gone = i;
        }
    return gone;
}

/* The one value that is new, in the place of the one that is gone. */
static cf_bytes edited(meaning *self, known_field known, size_t gone, cf_bytes said)
{
    if (gone == known.field->count || is_known(known, said) || !known.words[gone].size ||
        cf_bytes_equal(known.words[gone], known.field->values[gone]))
        return (cf_bytes){0};
    return with_unsaid(self, said, known.field->values[gone], known.words[gone]);
}

/* The file says an occurrence in full that is known as a patch, which says less: what was changed
 * becomes a patch, too. */
static bool is_patched(const cf_row_field *is, known_field known)
{
    return is_occurrence(is->name) && is->count == 1 && known.field->count == 1 &&
           is->values[0].size <= CF_INLINE_MAX && cf_value_walk_of(is->values[0]).map &&
           !is_known(known, is->values[0]) && is_patch(known.field->values[0], known.words[0]);
}

static void give_field(meaning *self, const cf_row *row, const cf_row *before,
                       const cf_row_field *is, known_field known)
{
    const size_t gone = known.field ? only_gone(is, known) : 0;

    for (size_t i = 0; i < is->count; i++) {
        cf_bytes said = is->values[i], value = {0};

        if (known.field && add_meant(self, is->name, known, said))
            continue;
        if (known.field && is_patched(is, known))
            value = patched(self, &(occurrence){known.field->values[0], known.words[0], said,
                                                said_now(self, row, before, is->name)});
        else if (known.field)
            value = edited(self, known, gone, said);
        cf_field_list_add(&self->list, self->arena, is->name, value.size ? value : said);
    }
}

/* ---- Rows ---- */

static void give_fields(meaning *self, cf_row *row, const cf_row *known, const cf_bytes *words)
{
    const cf_row raw = *row;
    size_t at = 0;

    self->as_now = NULL;
    for (size_t i = 0, k = 0; i < row->field_count; i++) {
        const cf_row_field *is = &row->fields[i];
        known_field field = {0};

        for (; k < known->field_count && cf_bytes_compare(known->fields[k].name, is->name) < 0; k++)
            at += known->fields[k].count;
        if (k < known->field_count && cf_bytes_equal(known->fields[k].name, is->name))
            field = know(self, is, &known->fields[k], words + at);
        give_field(self, &raw, known, is, field);
    }
    cf_field_list_take(&self->list, self->arena, row);
}

/* True: it is to be written again. */
static bool give_row(meaning *self, cf_row *row, const cf_row *known)
{
    const cf_row raw = *row;
    bool stale = false;

    if (known && !cf_row_has_all(row, known, NULL)) {
        cf_bytes *words = cf_arena_allocate(&self->scratch, value_count(known), sizeof *words);

        if (!self->speak(known, &self->scratch, words))
            return false;
        give_fields(self, row, known, words);
        stale = !cf_row_fields_equal(row, known) && is_stale(self, &raw, row);
    }
    cf_occurrences_inherit(self->speak, self->arena, &raw, row, known);
    return stale;
}

const cf_row *cf_known_values_give(cf_record_file *file, const cf_row_format *format,
                                   const cf_rows *base, const cf_row_view *view, bool **stale)
{
    meaning self = {.arena = &file->arena};
    cf_row *raw = NULL;

    *stale = NULL;

    for (size_t i = 0; i < file->count; i++) {
        cf_row *row = &file->rows[i];

        self.speak = cf_format_speaks(format, row->table);
        if (!self.speak)
            continue;
        if (!raw) {
            raw = cf_arena_allocate(&file->arena, file->count, sizeof *raw);
            memcpy(raw, file->rows, file->count * sizeof *raw);
        }
        const cf_row *agreed = cf_rows_find(base, row->table, row->key);
        const bool again =
            give_row(&self, row, agreed ? agreed : cf_row_view_find(view, row->table, row->key));
        if (again && agreed) {
            if (!*stale)
                *stale = cf_arena_allocate(&file->arena, file->count, sizeof **stale);
            (*stale)[i] = true;
        }
        cf_arena_release(&self.scratch);
    }
    cf_field_list_release(&self.list);
    return raw;
}
