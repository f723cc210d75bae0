/* SPDX-License-Identifier: Apache-2.0 */
/* What its author meant beside what was edited (model, rule y). Of two lines that may be there once
 * one gives way, unless one change wrote both: who edits DESCRIPTION:a beside DESCRIPTION:b says b
 * again, or it would give way in the user's own file. */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"
#include "peer/records/seats.h"

typedef struct {
    cf_bytes property;
    cf_seat seat;
    cf_bytes value;
    const cf_row_ref *ref; /* the base shows it; NULL: the disk has it */
} placed;

/* Values of one seat, or of one field that has a word for such. */
typedef struct {
    placed *first;
    size_t count;
    bool anew;   /* something is written there */
    bool linked; /* with lines or fields that say the same */
} seat_group;

typedef struct {
    cf_row_diffing *diffing;
    const cf_scanned_row *scanned;
    placed *values;
    seat_group *groups;
    size_t count, group_count;
} beside_scan;

static void place(beside_scan *self, cf_bytes property, cf_bytes value, const cf_row_ref *ref)
{
    const uint8_t kind = self->scanned->table->kind;
    cf_seat seat = cf_seat_of(kind, property, value);

    if (seat.spelled ? seat.kind != CF_SEAT_NAMED : !cf_field_has_lines(kind, property))
        return;
    if (!seat.name.size)
        seat.name = property;
    self->values[self->count++] = (placed){property, seat, value, ref};
}

static void place_all(beside_scan *self, const cf_row_refs *refs)
{
    const cf_row *disk = self->scanned->disk;
    size_t most = refs->count;

    for (size_t i = 0; i < disk->field_count; i++)
        most += disk->fields[i].count;
    self->values = cf_allocate(most, sizeof *self->values);
    self->groups = cf_allocate(most, sizeof *self->groups);
    for (size_t i = 0; i < refs->count; i++) {
        cf_bytes property = refs->at[i].field;

        (void)cf_schema_property(self->scanned->table, refs->at[i].field, &property);
        if (refs->at[i].standing == CF_WRITE_SHOWN)
            place(self, property, refs->at[i].value, &refs->at[i]);
    }
    for (size_t i = 0; i < disk->field_count; i++)
        for (size_t k = 0; k < disk->fields[i].count; k++)
            place(self, disk->fields[i].name, disk->fields[i].values[k], NULL);
}

/* Of one value what the base shows, then what the disk has. */
static int by_seat(const void *left, const void *right)
{
    const placed *a = left, *b = right;
    int order = cf_seat_compare(&a->seat, &b->seat);

    if (!order)
        order = cf_bytes_compare(a->value, b->value);
    return order ? order : (a->ref == NULL) - (b->ref == NULL);
}

static bool is_anew(const placed *values, size_t at)
{
    return !values[at].ref && (at == 0 || !cf_seat_alike(&values[at - 1].seat, &values[at].seat) ||
                               !cf_bytes_equal(values[at - 1].value, values[at].value));
}

static void group(beside_scan *self)
{
    if (self->count > 1)
        qsort(self->values, self->count, sizeof *self->values, by_seat);
    for (size_t i = 0; i < self->count; i++) {
        if (i == 0 || !cf_seat_alike(&self->values[i - 1].seat, &self->values[i].seat))
            self->groups[self->group_count++] = (seat_group){.first = &self->values[i]};
        seat_group *last = &self->groups[self->group_count - 1];
        last->count++;
        last->anew = last->anew || is_anew(self->values, i);
    }
}

/* Whether that changed anything. */
static bool link_with_fields(beside_scan *self, seat_group *lines)
{
    bool changed = false;

    for (size_t i = 0; i < self->group_count; i++) {
        seat_group *field = &self->groups[i];

        if (field->first->seat.spelled ||
            !cf_seat_is_field(&lines->first->seat, field->first->property, &field->first->seat))
            continue;
        lines->linked = field->linked = true;
        changed = changed || lines->anew != field->anew;
        lines->anew = field->anew = lines->anew || field->anew;
    }
    return changed;
}

/* DTEND and DURATION are lines of one field: what is said anew of one is of all. */
static void link_groups(beside_scan *self)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < self->group_count; i++)
            if (cf_seat_has_field(&self->groups[i].first->seat))
                changed = link_with_fields(self, &self->groups[i]) || changed;
    }
}

static void say_again(beside_scan *self, const placed *value)
{
    const cf_merge merge = cf_schema_field(self->scanned->table, value->property).merge;
    cf_change_draft *draft = &self->diffing->draft;
    const cf_row_ref *ref = value->ref;

    cf_change_draft_over(draft, &self->scanned->item, ref->field, &ref->dot);
    cf_change_draft_write(draft, &self->scanned->item, ref->field, ref->value,
                          merge == CF_MERGE_VOLATILE || merge == CF_MERGE_WEAK);
}

static void say_group_again(beside_scan *self, const seat_group *beside)
{
    const placed *values = beside->first;

    for (size_t i = 0, end; i < beside->count; i = end) {
        end = i + 1;
        while (end < beside->count && cf_bytes_equal(values[end].value, values[i].value))
            end++;
        if (!values[end - 1].ref) /* the disk still has it */
            for (size_t k = i; k < end && values[k].ref; k++)
                say_again(self, &values[k]);
    }
}

void cf_row_diff_beside(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                        const cf_row_refs *refs)
{
    beside_scan self = {.diffing = diffing, .scanned = scanned};

    if (!cf_kind_has_seats(scanned->table->kind))
        return;
    place_all(&self, refs);
    group(&self);
    link_groups(&self);
    for (size_t i = 0; i < self.group_count; i++)
        if (self.groups[i].anew &&
            (self.groups[i].linked || self.groups[i].first->seat.kind == CF_SEAT_NAMED))
            say_group_again(&self, &self.groups[i]);
    free(self.values);
    free(self.groups);
}
