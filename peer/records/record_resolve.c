/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/records/record_resolve.h"

#include <stdlib.h>

/* The refs of one field. */
typedef struct {
    const cf_row_ref *at;
    size_t count;
    cf_bytes field;
} versions;

static const cf_row_ref *of_dot(const versions *self, const cf_dot *dot)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i].field, self->field) && cf_dot_equal(&self->at[i].dot, dot))
            return &self->at[i];
    return NULL;
}

static const cf_row_ref *shown(const versions *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i].field, self->field) &&
            self->at[i].standing == CF_WRITE_SHOWN)
            return &self->at[i];
    return NULL;
}

static bool is_by(const cf_row_ref *ref, const cf_id *writer)
{
    return writer && cf_id_equal(&ref->dot.writer, writer);
}

static const cf_row_ref *mine(const versions *self, const cf_id *writer)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i].field, self->field) && is_by(&self->at[i], writer) &&
            self->at[i].standing != CF_WRITE_HIDDEN)
            return &self->at[i];
    return NULL;
}

/* What is shown is the latest of all. */
static const cf_row_ref *theirs(const versions *self, const cf_row_conflict *listed, size_t count,
                                const cf_id *writer)
{
    const cf_row_conflict *latest = NULL;
    const cf_row_ref *best = shown(self);

    if (best && !is_by(best, writer))
        return best;
    for (size_t i = 0; i < count; i++)
        if (!(writer && cf_id_equal(&listed[i].dot.writer, writer)) &&
            (!latest || cf_time_compare(listed[i].time, latest->time) > 0))
            latest = &listed[i];
    return latest ? of_dot(self, &latest->dot) : NULL;
}

static const cf_row_ref *choose(const versions *self, const cf_row_conflict *listed, size_t count,
                                const cf_keep *keep)
{
    switch (keep->kind) {
    case CF_KEEP_MINE:
        return mine(self, keep->writer);
    case CF_KEEP_THEIRS:
        return theirs(self, listed, count, keep->writer);
    case CF_KEEP_BOTH:
    case CF_KEEP_SAME:
        return NULL;
    case CF_KEEP_NUMBER:
        break;
    }
    if (keep->number == 1)
        return shown(self);
    return keep->number > 1 && keep->number - 2 < count
               ? of_dot(self, &listed[keep->number - 2].dot)
               : NULL;
}

static int by_dot(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

/* What the column is shown with in the stead of its own value is its value from now on, or it has
 * none where it is shown without. */
static bool part(const versions *self, const cf_row *agreed, cf_arena *arena, cf_change *out)
{
    const cf_row_field *field = cf_row_field_named(agreed, self->field);
    cf_dot *over = cf_arena_allocate(arena, self->count, sizeof *over);
    size_t over_count = 0;

    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i].field, self->field))
            over[over_count++] = self->at[i].dot;
    if (!over_count)
        return false;
    qsort(over, over_count, sizeof *over, by_dot);
    *out = (cf_change){.item = agreed->item,
                       .field = self->field,
                       .value = field ? cf_arena_copy(arena, field->values[0]) : (cf_bytes){0},
                       .over = over,
                       .over_count = over_count};
    return true;
}

/* Its own value, which the column can't have; NULL: it doesn't give way. */
static const cf_row_ref *wish(const versions *self, const cf_row_conflict *listed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (listed[i].gives_way)
            return of_dot(self, &listed[i].dot);
    return NULL;
}

bool cf_row_resolve(const cf_row *agreed, const cf_row_conflict *listed, size_t count,
                    const cf_keep *keep, cf_arena *arena, cf_change *out)
{
    versions self = {.field = listed->field};
    cf_row_ref *refs = NULL;
    size_t over_count = 0;
    cf_error ignored;

    if (cf_row_refs_read(agreed, arena, &refs, &self.count, &ignored))
        return false;
    self.at = refs;
    const cf_row_ref *kept = shown(&self) ? choose(&self, listed, count, keep) : NULL;
    const cf_row_ref *wished = wish(&self, listed, count);
    if (wished && (kept ? cf_bytes_equal(kept->value, wished->value) : keep->kind == CF_KEEP_MINE))
        return part(&self, agreed, arena, out);
    cf_dot *over = cf_arena_allocate(arena, self.count, sizeof *over);
    bool goes_too = false;

    /* Of rows that are one an entry may have written another value to each, with one dot. */
    for (size_t i = 0; kept && i < self.count; i++)
        if (cf_bytes_equal(refs[i].field, self.field) &&
            !cf_bytes_equal(refs[i].value, kept->value)) {
            goes_too |= cf_dot_equal(&refs[i].dot, &kept->dot);
            over[over_count++] = refs[i].dot;
        }
    if (!over_count)
        return false;
    qsort(over, over_count, sizeof *over, by_dot);
    *out = (cf_change){.item = agreed->item,
                       .field = self.field,
                       .value = goes_too ? cf_arena_copy(arena, kept->value) : (cf_bytes){0},
                       .over = over,
                       .over_count = over_count};
    return true;
}

bool cf_row_resolve_still(const cf_row *agreed, const cf_change *chosen, cf_arena *arena,
                          cf_change *out)
{
    cf_dot *over = cf_arena_allocate(arena, chosen->over_count, sizeof *over);
    cf_row_ref *refs = NULL;
    size_t count = 0, of_field = 0, over_count = 0;
    cf_error ignored;

    if (cf_row_refs_read(agreed, arena, &refs, &count, &ignored))
        return false;
    for (size_t i = 0; i < count; i++)
        of_field += cf_bytes_equal(refs[i].field, chosen->field);
    for (size_t i = 0; i < chosen->over_count; i++)
        for (size_t k = 0; k < count; k++)
            if (cf_bytes_equal(refs[k].field, chosen->field) &&
                cf_dot_equal(&refs[k].dot, &chosen->over[i])) {
                over[over_count++] = chosen->over[i];
                break;
            }
    *out = *chosen;
    out->over = over;
    out->over_count = over_count;
    return over_count && (chosen->value.size || over_count < of_field ||
                          !cf_row_field_named(agreed, chosen->field));
}
