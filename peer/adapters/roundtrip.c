/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/roundtrip.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const cf_roundtrip *words;
    const cf_row *row;
    cf_arena *arena;
    cf_bytes *spoken; /* candidates, of each value; nothing: none */
    bool *taken;      /* of each: it is to be written */
    bool *elsewhere;  /* of each: a content that isn't here */
    size_t count;
} speaking;

static bool is_elsewhere(cf_bytes field, cf_bytes value)
{
    static const cf_id record = {{CF_KIND_RECORD}};

    return cf_item_has_content(&record, field, value);
}

/* ---- Out and back ---- */

/* The row with the words that are taken. */
static cf_row taken_row(const speaking *self, cf_arena *arena)
{
    cf_row_field *fields = cf_arena_allocate(arena, self->row->field_count, sizeof *fields);
    cf_row row = *self->row;
    size_t at = 0;

    row.fields = fields;
    row.field_count = 0;
    for (size_t i = 0; i < self->row->field_count; i++) {
        const cf_row_field *field = &self->row->fields[i];
        cf_bytes *values = cf_arena_allocate(arena, field->count, sizeof *values);
        size_t count = 0;

        for (size_t k = 0; k < field->count; k++, at++)
            if (self->taken[at] && self->spoken[at].size && !self->elsewhere[at])
                values[count++] = self->spoken[at];
        if (count)
            fields[row.field_count++] = (cf_row_field){field->name, values, count};
    }
    return row;
}

/* The row as it comes back out of such a file; false: it doesn't. */
static bool come_back(const speaking *self, size_t which, const cf_row *row, cf_record_file *file)
{
    cf_buffer text = {0};
    cf_error ignored;
    bool back = false;

    *file = (cf_record_file){0};
    if (self->words->write(cf_bytes_of_text(self->words->before[which]), row, 1, &text, &ignored) ==
            CF_OK &&
        self->words->read(cf_buffer_view(&text), file, &ignored) == CF_OK) {
        back = file->count == 1 && !file->trouble_count &&
               cf_bytes_equal(file->rows[0].table, row->table) &&
               cf_bytes_equal(file->rows[0].key, row->key);
        if (!back)
            cf_record_file_release(file);
    }
    cf_buffer_release(&text);
    return back;
}

/* Whether what is taken comes back, and nothing else. */
static bool is_exact(const speaking *self)
{
    cf_arena arena = {0};
    const cf_row row = taken_row(self, &arena);
    bool exact = true;

    for (size_t i = 0; i < self->words->count && exact; i++) {
        cf_record_file file;

        exact = come_back(self, i, &row, &file);
        if (!exact)
            break;
        exact =
            cf_row_has_all(&file.rows[0], &row, NULL) && cf_row_has_all(&row, &file.rows[0], NULL);
        cf_record_file_release(&file);
    }
    cf_arena_release(&arena);
    return exact;
}

/* ---- What comes back as something else ---- */

/* Leaves what comes back as it is; false: nothing does. */
static bool take_exact(speaking *self)
{
    cf_arena arena = {0};
    const cf_row row = taken_row(self, &arena);
    bool back = true;

    for (size_t i = 0; i < self->words->count && back; i++) {
        cf_record_file file;
        size_t at = 0;

        back = come_back(self, i, &row, &file);
        if (!back)
            break;
        for (size_t k = 0; k < self->row->field_count; k++) {
            const cf_row_field *field = &self->row->fields[k];
            const cf_row_field *is = cf_row_field_named(&file.rows[0], field->name);

            for (size_t n = 0; n < field->count; n++, at++)
                self->taken[at] = self->elsewhere[at] ||
                                  (self->taken[at] && cf_row_field_has(is, self->spoken[at]));
        }
        cf_record_file_release(&file);
    }
    cf_arena_release(&arena);
    return back;
}

/* The one value of the field that the row has not; nothing: there is none, or more. */
static cf_bytes news_in(const cf_row_field *is, const cf_row_field *known)
{
    cf_bytes found = {0};
    size_t count = 0;

    for (size_t i = 0; is && i < is->count; i++)
        if (!cf_row_field_has(known, is->values[i])) {
            found = is->values[i];
            count++;
        }
    return count == 1 ? found : (cf_bytes){0};
}

/* What the value comes back as beside what is taken; nothing: as nothing, or as more than that. */
static cf_bytes hear(speaking *self, const cf_row_field *field, size_t at)
{
    cf_arena arena = {0};
    const cf_row rest = taken_row(self, &arena);
    cf_record_file file;
    cf_bytes heard = {0};

    self->taken[at] = true;
    const cf_row row = taken_row(self, &arena);
    if (come_back(self, 0, &row, &file)) {
        const cf_row *is = &file.rows[0];
        cf_bytes news =
            news_in(cf_row_field_named(is, field->name), cf_row_field_named(&rest, field->name));

        if (news.size && cf_row_has_all(is, &rest, NULL) && cf_row_has_all(&rest, is, field))
            heard = cf_arena_copy(self->arena, news);
        cf_record_file_release(&file);
    }
    cf_arena_release(&arena);
    return heard;
}

static void hear_others(speaking *self)
{
    size_t at = 0;

    for (size_t i = 0; i < self->row->field_count; i++)
        for (size_t k = 0; k < self->row->fields[i].count; k++, at++)
            if (!self->taken[at]) {
                self->spoken[at] = hear(self, &self->row->fields[i], at);
                self->taken[at] = self->spoken[at].size > 0;
            }
}

/* Takes as many as come back beside those that were taken before, halving what doesn't. */
static void take(speaking *self, size_t from, size_t to)
{
    bool *before = cf_allocate(self->count, sizeof *before), more = false;

    memcpy(before, self->taken, self->count * sizeof *before);
    for (size_t at = from; at < to; at++) {
        more = more || (!self->taken[at] && self->spoken[at].size);
        self->taken[at] = self->spoken[at].size > 0;
    }
    if (more && !is_exact(self)) {
        memcpy(self->taken, before, self->count * sizeof *before);
        if (to - from > 1) {
            take(self, from, from + (to - from) / 2);
            take(self, from + (to - from) / 2, to);
        }
    }
    free(before);
}

/* ---- All ---- */

static void begin(speaking *self)
{
    size_t at = 0;

    for (size_t i = 0; i < self->row->field_count; i++)
        for (size_t k = 0; k < self->row->fields[i].count; k++, at++) {
            self->spoken[at] = self->row->fields[i].values[k];
            self->elsewhere[at] = is_elsewhere(self->row->fields[i].name, self->spoken[at]);
            self->taken[at] = true;
        }
}

/* False: the row by itself doesn't come back. */
static bool find_words(speaking *self)
{
    bool back = true;

    if (is_exact(self))
        return true;
    for (int pass = 0; pass < 3 && back && !is_exact(self); pass++)
        back = take_exact(self); /* one goes, and then what is only there because of it */
    if (!back || !is_exact(self))
        for (size_t at = 0; at < self->count; at++)
            self->taken[at] = self->elsewhere[at];
    if (!is_exact(self))
        return false;
    hear_others(self);
    if (is_exact(self))
        return true;
    for (size_t at = 0; at < self->count; at++)
        self->taken[at] = self->elsewhere[at];
    for (int pass = 0; pass < 2; pass++) /* one may need another that stands behind it */
        take(self, 0, self->count);
    return true;
}

bool cf_roundtrip_row(const cf_roundtrip *words, const cf_row *row, cf_arena *arena,
                      cf_bytes *spoken)
{
    speaking self = {.words = words, .row = row, .arena = arena, .spoken = spoken};

    for (size_t i = 0; i < row->field_count; i++)
        self.count += row->fields[i].count;
    self.taken = cf_allocate(self.count, sizeof *self.taken);
    self.elsewhere = cf_allocate(self.count, sizeof *self.elsewhere);
    begin(&self);
    bool back = find_words(&self);
    for (size_t at = 0; at < self.count; at++)
        if (!self.taken[at])
            spoken[at] = (cf_bytes){0};
    free(self.taken);
    free(self.elsewhere);
    return back;
}
