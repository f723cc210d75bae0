/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes go: of those that compete for the conflict's place (a field, a seat, when the row
 * is, or what excludes one of these) all that say something else than the kept version. What its
 * author wrote in the same entry in another field stays. */
#include "peer/records/record_resolve.h"

#include <stdlib.h>

#include "peer/records/record_view_inside.h"
#include "peer/records/seats.h"
#include "peer/records/when.h"

/* What can be there once: a field or, of a set, a seat; or when the row is, in whatever fields. */
typedef struct {
    cf_bytes field; /* of the state */
    cf_bytes as;    /* the same, or the row's field that shows an occurrence by another name */
    cf_bytes name;  /* of the row's field */
    cf_seat seat;
    cf_when when;
} place;

static place place_of(const cf_schema_table *table, cf_bytes field, cf_bytes as, cf_bytes value)
{
    place found = {.field = field, .as = as.size ? as : field, .name = field};

    if (cf_schema_property(table, field, &found.name) == CF_MERGE_SET)
        found.seat = cf_seat_of(table->kind, found.name, value);
    found.when = cf_when_of(table, field, value);
    return found;
}

/* Whether both say one thing: when the row is; one field; or one seat, of X-A in each entry by
 * itself, of GEO in all entries together. */
static bool is_same(const place *a, const place *b)
{
    if (a->when || b->when)
        return a->when && b->when;
    if (a->seat.kind == CF_SEAT_NONE)
        return cf_bytes_equal(a->as, b->as);
    return cf_bytes_equal(a->name, b->name) && a->seat.kind == b->seat.kind &&
           cf_seat_alike(&a->seat, &b->seat) &&
           (a->seat.kind == CF_SEAT_NAMED || cf_bytes_equal(a->field, b->field));
}

bool cf_row_conflicts_are_one(const cf_schema_table *table, const cf_row_conflict *a,
                              const cf_row_conflict *b)
{
    const place one = place_of(table, a->field, a->as, a->value);
    const place other = place_of(table, b->field, b->as, b->value);

    return is_same(&one, &other);
}

/* Whether each is the value of a field, and only one of these can be there. */
static bool excludes(const cf_schema_table *table, const place *a, const place *b)
{
    return (table->kind == CF_KIND_ROW || table->kind == CF_KIND_RECORD) &&
           a->name.size == a->field.size && b->name.size == b->field.size &&
           cf_fields_exclude(a->field, b->field);
}

/* The refs that compete for one place. */
typedef struct {
    const cf_row_contest *of;
    place place;
    cf_row_ref *at; /* by field, what is shown first */
    cf_bytes *as;   /* of each, the row's field that would show it */
    size_t count;
    const cf_write *writes; /* of what says when the row is: when each was written */
    bool says[CF_WHENS];    /* what the version that is kept says of it */
} versions;

static place place_of_ref(const versions *self, const cf_row_ref *ref)
{
    return place_of(self->of->table, ref->field, self->as[ref - self->at], ref->value);
}

/* The ref says the thing in question. A line competes also with the fields that say what the line
 * says, a field with the line that is shown instead of the field, and with fields that exclude
 * it. */
static bool is_rival(const versions *self, const cf_row_ref *ref)
{
    const place other = place_of_ref(self, ref);

    return is_same(&self->place, &other) || excludes(self->of->table, &self->place, &other) ||
           cf_seat_is_field(&self->place.seat, other.name, &other.seat) ||
           (ref->standing == CF_WRITE_SHOWN &&
            cf_seat_is_field(&other.seat, self->place.name, &self->place.seat));
}

/* The ref says the thing in question itself. */
static bool is_of_place(const versions *self, const cf_row_ref *ref)
{
    const place other = place_of_ref(self, ref);

    return is_same(&self->place, &other);
}

/* When each of the refs was written. Writes that the state has no more are acts by themselves. */
static void find_writes(versions *self, cf_arena *arena)
{
    const cf_state *state = self->of->state;
    const cf_item *item = cf_state_item(state, &self->of->agreed->item);
    cf_write *writes = cf_arena_allocate(arena, self->count, sizeof *writes);

    for (size_t i = 0; i < self->count; i++)
        if (!item ||
            !cf_state_find_write_of(state, item, self->at[i].field, &self->at[i].dot, &writes[i]))
            writes[i] = (cf_write){.dot = self->at[i].dot};
    self->writes = writes;
}

/* The fields under which occurrences are shown whose series was moved, of all refs. */
static void find_names(versions *self, const cf_row *agreed, cf_arena *arena)
{
    const cf_row_refs refs = cf_row_refs_of(agreed, arena);
    const cf_series series = cf_series_of(agreed);

    self->as = cf_arena_allocate(arena, self->count, sizeof *self->as);
    for (size_t i = 0; i < self->count; i++)
        self->as[i] = cf_occurrence_shown_as(&series, &refs, self->at[i].field, arena);
}

/* Finds the refs that compete for the place of the listed conflict. False: what the row shows can't
 * be read. */
static bool find_versions(const cf_row_contest *contest, cf_arena *arena, versions *out)
{
    cf_row_ref *refs = NULL;
    size_t count = 0;
    cf_error ignored;

    *out = (versions){.of = contest,
                      .place = place_of(contest->table, contest->listed->field, contest->listed->as,
                                        contest->listed->value)};
    if (cf_row_refs_read(contest->agreed, arena, &refs, &count, &ignored))
        return false;
    out->at = refs;
    out->count = count;
    find_names(out, contest->agreed, arena);
    out->count = 0;
    for (size_t i = 0; i < count; i++)
        if (is_rival(out, &refs[i])) {
            out->as[out->count] = out->as[i];
            refs[out->count++] = refs[i];
        }
    if (out->place.when)
        find_writes(out, arena);
    return true;
}

static const cf_row_ref *find_ref(const versions *self, cf_bytes field, const cf_dot *dot)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i].field, field) && cf_dot_equal(&self->at[i].dot, dot))
            return &self->at[i];
    return NULL;
}

static const cf_row_ref *of_conflict(const versions *self, const cf_row_conflict *conflict)
{
    return find_ref(self, conflict->field, &conflict->dot);
}

static const cf_row_ref *shown(const versions *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->at[i].standing == CF_WRITE_SHOWN)
            return &self->at[i];
    return NULL;
}

/* The write is this writer's: `mine` and `theirs` are told apart by that. */
static bool is_by(const cf_row_ref *ref, const cf_id *writer)
{
    return writer && cf_id_equal(&ref->dot.writer, writer);
}

/* This device's version: what is shown, if that is this device's, else one that is listed. */
static const cf_row_ref *mine(const versions *self, const cf_id *writer)
{
    const cf_row_ref *found = NULL;

    for (size_t i = 0; i < self->count; i++)
        if (is_by(&self->at[i], writer) && self->at[i].standing != CF_WRITE_HIDDEN &&
            (!found ||
             (found->standing != CF_WRITE_SHOWN && self->at[i].standing == CF_WRITE_SHOWN)))
            found = &self->at[i];
    return found;
}

/* The latest version that is another device's: what is shown is the latest of all. */
static const cf_row_ref *theirs(const versions *self, const cf_id *writer)
{
    const cf_row_conflict *listed = self->of->listed, *latest = NULL;
    const cf_row_ref *best = shown(self);

    if (best && !is_by(best, writer))
        return best;
    for (size_t i = 0; i < self->of->count; i++)
        if (!(writer && cf_id_equal(&listed[i].dot.writer, writer)) &&
            (!latest || cf_time_compare(listed[i].time, latest->time) > 0))
            latest = &listed[i];
    return latest ? of_conflict(self, latest) : NULL;
}

/* The version that is to be kept; NULL: there is no such version, or not one alone is to be
 * kept. */
static const cf_row_ref *choose(const versions *self, const cf_keep *keep)
{
    switch (keep->kind) {
    case CF_KEEP_MINE:
        return mine(self, keep->writer);
    case CF_KEEP_THEIRS:
        return theirs(self, keep->writer);
    case CF_KEEP_BOTH:
    case CF_KEEP_SAME:
        return NULL;
    case CF_KEEP_NUMBER:
        break;
    }
    if (keep->number == 1)
        return shown(self);
    return keep->number > 1 && keep->number - 2 < self->of->count
               ? of_conflict(self, &self->of->listed[keep->number - 2])
               : NULL;
}

static int by_dot(const void *a, const void *b)
{
    return cf_dot_compare(a, b);
}

/* What the column is shown with in the stead of its own value becomes its value, over all that was
 * written there; nothing where the column is shown without. */
static size_t part(const versions *self, cf_arena *arena, cf_change *out)
{
    const cf_row *agreed = self->of->agreed;
    const cf_row_field *field = cf_row_field_named(agreed, self->place.field);
    cf_dot *over = cf_arena_allocate(arena, self->count, sizeof *over);

    for (size_t i = 0; i < self->count; i++)
        over[i] = self->at[i].dot;
    if (!self->count)
        return 0;
    qsort(over, self->count, sizeof *over, by_dot);
    *out = (cf_change){.item = agreed->item,
                       .field = self->place.field,
                       .value = field ? cf_arena_copy(arena, field->values[0]) : (cf_bytes){0},
                       .over = over,
                       .over_count = self->count};
    return 1;
}

/* The column's own value, which it can't have; NULL: the column doesn't give way. */
static const cf_row_ref *wish(const versions *self)
{
    for (size_t i = 0; i < self->of->count; i++)
        if (self->of->listed[i].gives_way)
            return of_conflict(self, &self->of->listed[i]);
    return NULL;
}

/* ---- When an event is ---- */

static cf_when when_of(const versions *self, size_t index)
{
    return cf_when_of(self->of->table, self->at[index].field, self->at[index].value);
}

static bool are_one_act(const versions *self, size_t index, size_t other)
{
    return cf_writes_are_one_act(&self->writes[index], &self->writes[other]);
}

/* What the kept version says of when the row is: all writes of its act. */
static void find_what_kept_says(versions *self, const cf_row_ref *kept)
{
    for (size_t i = 0; i < self->count; i++)
        if (are_one_act(self, i, (size_t)(kept - self->at)))
            self->says[when_of(self, i)] = true;
}

/* Whether the kept version says when the row is, from the start on: an entry of an old program may
 * say the end alone, as that was moved. Where no version says a start, any is whole. */
static bool is_whole(const versions *self)
{
    bool whole = self->says[CF_WHEN_START];
    bool starts = false;

    for (size_t i = 0; i < self->count; i++)
        starts = starts || when_of(self, i) == CF_WHEN_START;
    return whole || !starts;
}

/* Whether this ref's act says a field that the kept act says. */
static bool competes(const versions *self, size_t index)
{
    bool found = false;

    for (size_t i = 0; i < self->count && !found; i++)
        found = are_one_act(self, i, index) && self->says[when_of(self, i)];
    return found;
}

/* Of a kept version that is shown all that is listed goes; of another one what it says itself, and,
 * where it is whole, all of each act that says any of that. */
static bool goes_of_when(const versions *self, const cf_row_ref *ref, const cf_row_ref *kept)
{
    const size_t index = (size_t)(ref - self->at);

    if (kept->standing == CF_WRITE_SHOWN)
        return ref->standing != CF_WRITE_SHOWN;
    if (are_one_act(self, index, (size_t)(kept - self->at)))
        return false;
    return self->says[when_of(self, index)] || (is_whole(self) && competes(self, index));
}

/* ---- The end ---- */

/* What says the same as what is kept stays, and what its author wrote beside that in another entry
 * in one go. Where a line gives way to a field, the field's other values are the field's matter:
 *
 *     LOCATION: a shown, b listed, the line LOCATION;LANGUAGE=de:c listed with them
 *     of the line keep 1: the line goes     keep 2: a and b go
 * Where the line is shown, the field's values are versions beside that:
 *     the line c shown, LOCATION: a and b listed     keep 1: a and b go     keep 2: b and c go
 * So it is with fields that exclude each other:
 *     theme: light shown, theme/name: dark listed, and theme/tabs: 4
 *     of theme/name keep 1: dark goes     keep 2: light goes, and theme/tabs is shown, too */
static bool goes(const versions *self, const cf_row_ref *ref, const cf_row_ref *kept)
{
    if (self->place.when)
        return goes_of_when(self, ref, kept);
    if (cf_fields_exclude(ref->field, kept->field))
        return true;
    if (cf_bytes_equal(ref->value, kept->value) ||
        (!cf_bytes_equal(ref->field, kept->field) && cf_dot_equal(&ref->dot, &kept->dot)))
        return false;
    return is_of_place(self, ref) || is_of_place(self, kept);
}

/* The change of the field whose refs are those from `first` to `end`. False: all of it stays. */
static bool end_field(const versions *self, size_t first, size_t end, const cf_row_ref *kept,
                      cf_arena *arena, cf_change *out)
{
    cf_dot *over = cf_arena_allocate(arena, end - first, sizeof *over);
    size_t over_count = 0;
    bool goes_too = false;

    /* Of rows that are one an entry may have written another value to each, with one dot. */
    for (size_t i = first; i < end; i++)
        if (goes(self, &self->at[i], kept)) {
            goes_too |= cf_bytes_equal(self->at[i].field, kept->field) &&
                        cf_dot_equal(&self->at[i].dot, &kept->dot);
            over[over_count++] = self->at[i].dot;
        }
    if (!over_count)
        return false;
    qsort(over, over_count, sizeof *over, by_dot);
    *out = (cf_change){.item = self->of->agreed->item,
                       .field = self->at[first].field,
                       .value = goes_too ? cf_arena_copy(arena, kept->value) : (cf_bytes){0},
                       .over = over,
                       .over_count = over_count};
    return true;
}

size_t cf_row_resolve(const cf_row_contest *contest, const cf_keep *keep, cf_arena *arena,
                      cf_change **out)
{
    versions self;
    size_t count = 0;

    if (!find_versions(contest, arena, &self))
        return 0;
    const cf_row_ref *kept = shown(&self) ? choose(&self, keep) : NULL;
    const cf_row_ref *wished = wish(&self);
    *out = cf_arena_allocate(arena, self.count, sizeof **out);
    if (kept && self.place.when)
        find_what_kept_says(&self, kept);
    if (wished && (kept ? cf_bytes_equal(kept->value, wished->value) : keep->kind == CF_KEEP_MINE))
        return part(&self, arena, *out);
    for (size_t first = 0, end; kept && first < self.count; first = end) {
        end = first + 1;
        while (end < self.count && cf_bytes_equal(self.at[end].field, self.at[first].field))
            end++;
        count += end_field(&self, first, end, kept, arena, *out + count);
    }
    return count;
}

/* One of the chosen changes replaces the write of this ref. */
static bool is_chosen(const cf_change *chosen, size_t count, const cf_row_ref *ref)
{
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(chosen[i].field, ref->field) && cf_change_names(&chosen[i], &ref->dot))
            return true;
    return false;
}

/* Whether the row still shows something there after the chosen changes, or has nothing there now:
 * else what was to be kept is gone since. */
static bool leaves_any(const versions *self, const cf_change *chosen, size_t count)
{
    bool leaves = self->place.seat.kind == CF_SEAT_NONE && !self->place.when &&
                  !cf_row_field_named(self->of->agreed, chosen->field);

    for (size_t i = 0; i < count; i++)
        leaves = leaves || chosen[i].value.size;
    for (size_t i = 0; i < self->count; i++)
        leaves = leaves || !is_chosen(chosen, count, &self->at[i]);
    return leaves;
}

size_t cf_row_resolve_still(const cf_row_contest *contest, const cf_change *chosen, size_t count,
                            cf_arena *arena, cf_change *out)
{
    size_t out_count = 0;
    versions self;

    if (!find_versions(contest, arena, &self) || !leaves_any(&self, chosen, count))
        return 0;
    for (size_t i = 0; i < count; i++) {
        cf_dot *over = cf_arena_allocate(arena, chosen[i].over_count, sizeof *over);
        size_t over_count = 0;

        for (size_t k = 0; k < chosen[i].over_count; k++)
            if (find_ref(&self, chosen[i].field, &chosen[i].over[k]))
                over[over_count++] = chosen[i].over[k];
        if (!over_count)
            continue;
        out[out_count] = chosen[i];
        out[out_count].over = over;
        out[out_count++].over_count = over_count;
    }
    return out_count;
}
