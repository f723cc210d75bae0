/* SPDX-License-Identifier: Apache-2.0 */
/* Occurrences of a series that was moved (peer/records/occurrence.h): which writes are shown under
 * which name, and what a scan says of them. Two writes may be of one occurrence, by two names: then
 * the better one is shown, as of one field.
 *
 *     A moves the series from 9 to 10 and makes the 12th at 10 another one; B, later, cancels
 *     the 12th at 9: the 12th at 10 doesn't take place, and what A said of it is listed
 *
 * Who edits or takes back what is shown there replaces both. */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"

/* ---- What is shown ---- */

/* By which start an occurrence was named. */
typedef struct {
    cf_bytes occurrence; /* the field of the state */
    cf_bytes said;
} naming;

/* The writes of one field of an occurrence. */
typedef struct {
    size_t first, end;
    cf_bytes field, as;
    const cf_row_fact *best;
} named_occurrence;

typedef struct {
    cf_row_view *view;
    const cf_schema_table *table;
    cf_row_facts *facts;
    cf_series series;
    naming *namings; /* ascending by occurrence */
    named_occurrence *all;
    size_t naming_count, count;
} following;

static int by_occurrence(const void *left, const void *right)
{
    return cf_bytes_compare(((const naming *)left)->occurrence,
                            ((const naming *)right)->occurrence);
}

/* Next to each other what is shown as one occurrence, the better first. */
static int by_name_now(const void *left, const void *right)
{
    const named_occurrence *a = left, *b = right;
    int order = cf_bytes_compare(a->as, b->as);

    if (!order)
        order = cf_row_fact_compare(b->best, a->best);
    return order ? order : cf_bytes_compare(a->field, b->field);
}

/* What the shown facts say of when the row begins and recurs. */
static cf_series find_series(const following *self, cf_arena *arena)
{
    enum { DUE, RULES, START, ZONE, FIELDS };
    static const char *const names[FIELDS] = {
        [DUE] = "/due", [RULES] = "/recurrenceRules", [START] = "/start", [ZONE] = "/timeZone"};
    cf_row_field fields[FIELDS];
    const cf_row row = {.fields = fields, .field_count = FIELDS};

    for (size_t i = 0; i < FIELDS; i++) {
        cf_bytes *values = cf_arena_allocate(arena, self->facts->count, sizeof *values);

        fields[i] = (cf_row_field){.name = cf_bytes_of_text(names[i]), .values = values};
        for (size_t k = 0; k < self->facts->count; k++) {
            const cf_row_fact *fact = &self->facts->at[k];

            if (fact->standing == CF_WRITE_SHOWN && fact->write.field >= CF_FIELD_NUMBERS &&
                cf_bytes_equal(
                    cf_row_view_property(self->view, self->table, fact->write.field)->name,
                    fields[i].name))
                values[fields[i].count++] = fact->write.value;
        }
    }
    return cf_series_of(&row);
}

static void find_namings(following *self, cf_arena *arena)
{
    self->namings = cf_arena_allocate(arena, self->facts->count, sizeof *self->namings);
    for (size_t first = 0, end; first < self->facts->count; first = end) {
        const cf_bytes of = cf_row_instead_column(
            cf_state_field_name(self->view->state, self->facts->at[first].write.field));

        end = cf_row_facts_end(self->facts, first);
        if (of.size)
            self->namings[self->naming_count++] =
                (naming){of, cf_row_facts_best(self->facts, first, end)->write.value};
    }
    if (self->naming_count)
        qsort(self->namings, self->naming_count, sizeof *self->namings, by_occurrence);
}

static cf_bytes said_of(const following *self, cf_bytes field)
{
    const naming *found = self->naming_count
                              ? bsearch(&(naming){.occurrence = field}, self->namings,
                                        self->naming_count, sizeof *self->namings, by_occurrence)
                              : NULL;

    return found ? found->said : (cf_bytes){0};
}

/* Finds all occurrences that something is said of; whether any has another name now. */
static bool find_all(following *self, cf_arena *arena)
{
    bool any = false;

    self->all = cf_arena_allocate(arena, self->facts->count, sizeof *self->all);
    for (size_t first = 0, end; first < self->facts->count; first = end) {
        const uint32_t number = self->facts->at[first].write.field;

        end = cf_row_facts_end(self->facts, first);
        if (number < CF_FIELD_NUMBERS ||
            !cf_row_view_property(self->view, self->table, number)->occurs)
            continue;
        named_occurrence *one = &self->all[self->count++];
        *one = (named_occurrence){.first = first,
                                  .end = end,
                                  .field = cf_state_field_name(self->view->state, number),
                                  .best = cf_row_facts_best(self->facts, first, end)};
        one->as = cf_occurrence_now(&self->series, one->field, said_of(self, one->field),
                                    &self->view->arena);
        any = any || !cf_bytes_equal(one->as, one->field);
    }
    return any;
}

/* Of several that are one occurrence, the best one's value is shown. */
static void settle(following *self, const named_occurrence *own, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = own[i].first; k < own[i].end; k++) {
            cf_row_fact *fact = &self->facts->at[k];

            if (!cf_bytes_equal(own[i].as, own[i].field))
                fact->as = own[i].as;
            if (fact->standing == CF_WRITE_SHOWN &&
                !cf_bytes_equal(fact->write.value, own[0].best->write.value))
                fact->standing =
                    fact->live && !fact->write.weak ? CF_WRITE_LISTED : CF_WRITE_HIDDEN;
        }
}

void cf_row_view_follow(cf_row_view *view, const cf_schema_table *table, cf_row_facts *facts)
{
    following self = {.view = view, .table = table, .facts = facts};
    cf_arena arena = {0};

    self.series = find_series(&self, &arena);
    if (self.series.recurs)
        find_namings(&self, &arena);
    if (self.naming_count && find_all(&self, &arena)) {
        qsort(self.all, self.count, sizeof *self.all, by_name_now);
        for (size_t from = 0, to; from < self.count; from = to) {
            to = from + 1;
            while (to < self.count && cf_bytes_equal(self.all[from].as, self.all[to].as))
                to++;
            settle(&self, &self.all[from], to - from);
        }
    }
    cf_arena_release(&arena);
}

/* ---- What is said ---- */

/* Replaces whatever is said in the field. */
static void replace_all(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                        const cf_row_refs *refs, cf_bytes field)
{
    size_t at = 0;

    for (const cf_row_ref *ref; (ref = cf_row_refs_next(refs, field, &at));)
        cf_change_draft_over(&diffing->draft, &scanned->item, field, &ref->dot);
}

/* Names of an occurrence in the state, other than that under which the base shows it, are given up
 * with all that is said there: it would be shown again. */
bool cf_row_replace_moved(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                          const cf_row_refs *refs, cf_bytes field)
{
    const uint8_t kind = scanned->table->kind;
    bool any = false;

    if (!scanned->base || !cf_field_is_occurrence(kind, field))
        return false;
    const cf_series series = cf_series_of(scanned->base);
    for (size_t i = 0; i < refs->count; i++) {
        const cf_row_ref *ref = &refs->at[i];

        if (cf_bytes_equal(ref->field, field) ||
            !cf_bytes_equal(cf_occurrence_shown_as(&series, refs, ref->field, diffing->arena),
                            field))
            continue;
        cf_change_draft_over(&diffing->draft, &scanned->item, ref->field, &ref->dot);
        replace_all(diffing, scanned, refs, cf_row_instead_field(ref->field, diffing->arena));
        any = true;
    }
    return any;
}

/* The start that the user sees, also where the format doesn't tell when the row is. */
static cf_series series_of_disk(const cf_row_diffing *diffing, const cf_scanned_row *scanned)
{
    const cf_row_format *format = diffing->input->format;
    const cf_bytes table = scanned->table->name;
    const bool tells = cf_format_holds(format, table, cf_bytes_of_text("/start")) &&
                       cf_format_holds(format, table, cf_bytes_of_text("/timeZone"));

    return cf_series_of(tells || !scanned->base ? scanned->disk : scanned->base);
}

/* A field of the state that says something of an occurrence, and the one that a series shows it
 * as. */
typedef struct {
    cf_bytes of, as;
} follower;

typedef struct {
    follower *at; /* ascending by `as` */
    size_t count;
} followers;

static int by_name_shown(const void *left, const void *right)
{
    const follower *a = left, *b = right;
    const int order = cf_bytes_compare(a->as, b->as);

    return order ? order : cf_bytes_compare(a->of, b->of);
}

static followers followers_of(const cf_row_diffing *diffing, const cf_scanned_row *scanned,
                              const cf_row_refs *refs, const cf_series *series)
{
    followers all = {.at = cf_arena_allocate(diffing->arena, refs->count, sizeof *all.at)};

    for (size_t i = 0; i < refs->count; i++) {
        const cf_bytes of = refs->at[i].field;

        if (cf_field_is_occurrence(scanned->table->kind, of))
            all.at[all.count++] =
                (follower){of, cf_occurrence_shown_as(series, refs, of, diffing->arena)};
    }
    if (all.count)
        qsort(all.at, all.count, sizeof *all.at, by_name_shown);
    return all;
}

/* The fields of the state that are shown as this, next to each other. */
static const follower *shown_as(const followers *all, cf_bytes as, size_t *count)
{
    size_t low = 0, high = all->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (cf_bytes_compare(all->at[middle].as, as) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (*count = 0; low + *count < all->count && cf_bytes_equal(all->at[low + *count].as, as);)
        ++*count;
    return &all->at[low];
}

/* The name under which the disk has an occurrence of the base, as its series was moved there, and
 * says the same of it; nothing: it hasn't. */
static cf_bytes name_on_disk(const cf_scanned_row *scanned, const cf_row_field *field, cf_bytes of,
                             cf_bytes as)
{
    const cf_row_field *is = cf_row_field_named(scanned->disk, as);

    return is && cf_row_field_equal(is, field) && !cf_row_field_named(&scanned->shown, as) &&
                   (cf_bytes_equal(as, of) || !cf_row_field_named(scanned->disk, of))
               ? as
               : (cf_bytes){0};
}

/* The name under which the disk has an occurrence of the base, whatever names the state has for it:
 * of all the same. */
static cf_bytes follow(const cf_row_diffing *diffing, const cf_scanned_row *scanned,
                       const cf_row_refs *refs, const followers *all, const cf_series *now,
                       const cf_row_field *field)
{
    size_t count;
    const follower *named = shown_as(all, field->name, &count);
    cf_bytes as = {0};

    for (size_t i = 0; i < count; i++) {
        const cf_bytes one =
            name_on_disk(scanned, field, named[i].of,
                         cf_occurrence_shown_as(now, refs, named[i].of, diffing->arena));

        if (!one.size || (i && !cf_bytes_equal(one, as)))
            return (cf_bytes){0};
        as = one;
    }
    return as;
}

static int by_field(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_row_field *)left)->name,
                            ((const cf_row_field *)right)->name);
}

static bool is_moved(const cf_row_diffing *diffing, const cf_scanned_row *scanned,
                     const cf_series *now)
{
    const cf_series before = cf_series_of(scanned->base);

    return !cf_bytes_equal(cf_series_said(now, diffing->arena),
                           cf_series_said(&before, diffing->arena));
}

/* What a program does that moves a series, and of an occurrence nothing but which it is now, is no
 * word of that: it is shown so anyhow, and what another says of it meanwhile stands.
 *
 *     the 12th at 9 is longer; A moves the series to 10, and the 12th at 10 is longer there; B
 *     gives the 12th at 9 a title: the 12th at 10 is longer, and has the title */
void cf_row_diff_follow(const cf_row_diffing *diffing, cf_scanned_row *scanned,
                        const cf_row_refs *refs)
{
    const uint8_t kind = scanned->table->kind;
    cf_row shown = scanned->shown;

    if (!scanned->base || (kind != CF_KIND_EVENT && kind != CF_KIND_TASK))
        return;
    const cf_series before = cf_series_of(scanned->base), now = series_of_disk(diffing, scanned);
    if (!now.recurs || !is_moved(diffing, scanned, &now))
        return;
    const followers all = followers_of(diffing, scanned, refs, &before);
    cf_row_field *fields = cf_arena_allocate(diffing->arena, shown.field_count, sizeof *fields);
    for (size_t i = 0; i < shown.field_count; i++) {
        const cf_row_field *field = fields + i;

        fields[i] = scanned->shown.fields[i];
        const cf_bytes as = cf_row_field_named(scanned->disk, field->name)
                                ? (cf_bytes){0}
                                : follow(diffing, scanned, refs, &all, &now, field);
        if (as.size)
            fields[i].name = as;
    }
    qsort(fields, shown.field_count, sizeof *fields, by_field);
    for (size_t i = 1; i < shown.field_count; i++)
        if (cf_bytes_equal(fields[i - 1].name, fields[i].name))
            return;
    shown.fields = fields;
    scanned->shown = shown;
}

/* Whether the disk says of the occurrence what the state says under other names, and shows by that
 * as the series is now. */
static bool goes_along(const followers *all, const cf_row_refs *refs, const cf_row_field *field)
{
    size_t count;
    const follower *named = shown_as(all, field->name, &count);
    bool is_said = false;

    for (size_t i = 0; i < count; i++) {
        if (cf_bytes_equal(named[i].of, field->name))
            return false;
        is_said = is_said || cf_bytes_equal(cf_row_refs_shown(refs, named[i].of), field->values[0]);
    }
    return is_said;
}

static bool is_shown(const cf_row_refs *refs, cf_bytes field)
{
    size_t at = 0;
    const cf_row_ref *ref;

    while ((ref = cf_row_refs_next(refs, field, &at)) && ref->standing != CF_WRITE_SHOWN)
        continue;
    return ref != NULL;
}

/* Says of an occurrence by which start it is named; of one that is as it was, and was named
 * otherwise, all of it by its name now. */
static void say(cf_row_diffing *diffing, const cf_scanned_row *scanned, const cf_row_refs *refs,
                const cf_row_field *field, cf_bytes said)
{
    const cf_bytes named_by = cf_row_instead_field(field->name, diffing->arena);

    if (!cf_change_draft_has(&diffing->draft, &scanned->item, field->name) &&
        !is_shown(refs, field->name)) {
        cf_change_draft_write(&diffing->draft, &scanned->item, field->name, field->values[0],
                              false);
        (void)cf_row_replace_moved(diffing, scanned, refs, field->name);
    }
    if (said.size)
        cf_change_draft_write(&diffing->draft, &scanned->item, named_by, said, true);
    replace_all(diffing, scanned, refs, named_by);
}

/* What is said of the names of occurrences that are gone goes with them. */
static void forget_gone(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                        const cf_row_refs *refs)
{
    for (size_t i = 0; i < refs->count; i++) {
        const cf_bytes of = cf_row_instead_column(refs->at[i].field);

        if (of.size && cf_change_draft_has(&diffing->draft, &scanned->item, of) &&
            !cf_row_field_named(scanned->disk, of))
            cf_change_draft_over(&diffing->draft, &scanned->item, refs->at[i].field,
                                 &refs->at[i].dot);
    }
}

void cf_row_diff_occurrences(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                             const cf_row_refs *refs)
{
    const uint8_t kind = scanned->table->kind;

    if (kind != CF_KIND_EVENT && kind != CF_KIND_TASK)
        return;
    const cf_series now = series_of_disk(diffing, scanned);
    const cf_bytes said = cf_series_said(&now, diffing->arena);
    const bool moved = !scanned->base || is_moved(diffing, scanned, &now);
    const followers all =
        moved ? followers_of(diffing, scanned, refs, &now) : (followers){.count = 0};
    if (scanned->base)
        forget_gone(diffing, scanned, refs);
    for (size_t i = 0; i < scanned->disk->field_count; i++) {
        const cf_row_field *field = &scanned->disk->fields[i];

        if (field->count && cf_field_is_occurrence(kind, field->name) &&
            ((moved && !goes_along(&all, refs, field)) ||
             cf_change_draft_has(&diffing->draft, &scanned->item, field->name)))
            say(diffing, scanned, refs, field, said);
    }
}
