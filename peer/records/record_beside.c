/* SPDX-License-Identifier: Apache-2.0 */
/* What a row's author meant beside what he edited (model, rule y). Of two lines that may be there
 * once one gives way, unless one change wrote both: who edits DESCRIPTION:a beside DESCRIPTION:b
 * says b again, or b would give way in the user's own file. Who moves an event says all of when it
 * is again, or a zone that another device gives the event at once would be that of his start. */
#include <stdlib.h>

#include "peer/records/record_diff_inside.h"
#include "peer/records/seats.h"
#include "peer/records/when.h"

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

/* Puts down a value that might give way to another: a line of which there can be one, or the value
 * of a field that lines may say, too. Any other stands by itself. */
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

/* The disk has the value, and the base shows no such value of this seat. */
static bool is_anew(const placed *values, size_t at)
{
    return !values[at].ref && (at == 0 || !cf_seat_alike(&values[at - 1].seat, &values[at].seat) ||
                               !cf_bytes_equal(values[at - 1].value, values[at].value));
}

/* Values of one seat make one group; a group is anew where one of its values is. */
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

/* Links the lines of a seat with the fields that say the same: what is anew in one is in all.
 * Whether that changed anything. */
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

/* Drafts that the row says the ref's value again, over the write which says so now; weakly only
 * where the field merges so. */
static void say_again(cf_row_diffing *diffing, const cf_scanned_row *scanned, cf_bytes property,
                      const cf_row_ref *ref)
{
    const cf_merge merge = cf_schema_field(scanned->table, property).merge;

    cf_change_draft_over(&diffing->draft, &scanned->item, ref->field, &ref->dot);
    cf_change_draft_write(&diffing->draft, &scanned->item, ref->field, ref->value,
                          merge == CF_MERGE_VOLATILE || merge == CF_MERGE_WEAK);
}

/* Writes again each value of the group that the base shows and the disk still has. */
static void say_group_again(beside_scan *self, const seat_group *beside)
{
    const placed *values = beside->first;

    for (size_t i = 0, end; i < beside->count; i = end) {
        end = i + 1;
        while (end < beside->count && cf_bytes_equal(values[end].value, values[i].value))
            end++;
        if (!values[end - 1].ref) /* the disk has the value */
            for (size_t k = i; k < end && values[k].ref; k++)
                say_again(self->diffing, self->scanned, values[k].property, values[k].ref);
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

/* ---- When an event is ---- */

/* The base shows the value, in whatever field. */
static bool is_shown(const cf_row_refs *refs, cf_bytes value)
{
    for (size_t i = 0; i < refs->count; i++)
        if (refs->at[i].standing == CF_WRITE_SHOWN && cf_bytes_equal(refs->at[i].value, value))
            return true;
    return false;
}

/* What the disk says of when the row is, and whether by a line that the base lacks. */
typedef struct {
    bool says[CF_WHENS];
    bool anew;
} disk_when;

static disk_when find_on_disk(const cf_scanned_row *scanned, const cf_row_refs *refs)
{
    const uint8_t kind = scanned->table->kind;
    disk_when found = {0};

    for (size_t i = 0; i < scanned->disk->field_count; i++) {
        const cf_row_field *field = &scanned->disk->fields[i];

        if (field->count)
            found.says[cf_when_of_field(kind, field->name)] = true;
        for (size_t k = 0; k < field->count && cf_set_has_seats(kind, field->name); k++) {
            const cf_seat seat = cf_seat_of(kind, field->name, field->values[k]);
            const cf_when when = cf_when_of_line(kind, &seat);

            found.says[when] = true;
            found.anew = found.anew || (when && !is_shown(refs, field->values[k]));
        }
    }
    return found;
}

typedef struct {
    bool anew;    /* something that says when it is was drafted, */
    bool cleared; /* and something that said so doesn't any more */
} drafted_when;

/* What of when the row is was drafted. A field that the format has no room for is not on the disk,
 * and not drafted. */
static drafted_when find_drafted(const cf_row_diffing *diffing, const cf_scanned_row *scanned,
                                 const cf_row_refs *refs, const disk_when *disk)
{
    drafted_when found = {.anew = disk->anew};

    for (size_t i = 0; i < refs->count; i++) {
        const cf_row_ref *ref = &refs->at[i];
        const cf_when when = cf_when_of(scanned->table, ref->field, ref->value);

        if (!when || ref->standing != CF_WRITE_SHOWN ||
            !cf_change_draft_has(&diffing->draft, &scanned->item, ref->field))
            continue;
        found.anew = found.anew || !cf_when_of_field(scanned->table->kind, ref->field);
        found.cleared = found.cleared || !disk->says[when];
    }
    return found;
}

/* What is shown and not drafted is as it was, or the format has no words for that: it is said
 * again. What is listed stays whole beside that; but who clears a field replaces what is listed of
 * all: this may say nothing that he says still, and would be shown beside his.
 *
 *     start 9, zone UTC, 1 h; A's user moves it to 11      start 11, zone UTC and 1 h are written
 *     of a task: due 10, a day due 12 is listed; he clears the due      the other goes, too */
void cf_row_diff_when(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                      const cf_row_refs *refs, bool field)
{
    if (scanned->table->kind != CF_KIND_EVENT && scanned->table->kind != CF_KIND_TASK)
        return;
    const disk_when disk = find_on_disk(scanned, refs);
    const drafted_when drafted = find_drafted(diffing, scanned, refs, &disk);

    for (size_t i = 0; (field || drafted.anew) && i < refs->count; i++) {
        const cf_row_ref *ref = &refs->at[i];

        if (!cf_when_of(scanned->table, ref->field, ref->value))
            continue;
        if (ref->standing != CF_WRITE_SHOWN && drafted.cleared)
            cf_change_draft_over(&diffing->draft, &scanned->item, ref->field, &ref->dot);
        else if (ref->standing == CF_WRITE_SHOWN &&
                 !cf_change_draft_has(&diffing->draft, &scanned->item, ref->field))
            say_again(diffing, scanned, ref->field, ref);
    }
}
