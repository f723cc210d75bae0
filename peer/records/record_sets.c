/* SPDX-License-Identifier: Apache-2.0 */
/* What was done to a set (model, rules s and y). An entry is named by its first value, so the same
 * number added twice is one; by the value's seat where it stands there alone, so that two devices
 * that add one make one entry. One value gone and one new is an edit of that entry, of values with
 * names one of each name, of others one of what is said of it; of what is left as many new as are
 * gone are edits. Else they are deletes and adds. The order doesn't count.
 *
 *     phone 1 becomes 2 here, 3 there     one entry with both: 2 and 3 are shown
 *     home 1, work 2 become home 8, work 4     1 becomes 8 and 2 becomes 4
 *     phone 1 is added here and there     one entry, as its name is made of 1
 *     GEO of an event is added apart      one entry, as its name is made of "GEO": one is listed */
#include <stdlib.h>

#include "codec/pack.h"
#include "peer/records/record_diff_inside.h"
#include "peer/records/seats.h"

/* The seats of values, in order; those of values without a name are not among them. */
typedef struct {
    cf_seat seat;
    size_t value;
} value_seat;
typedef struct {
    value_seat *at;
    size_t count;
} value_seats;

typedef struct {
    cf_row_diffing *diffing;
    const cf_scanned_row *scanned;
    const cf_row_refs *refs;
    cf_bytes name;
    const cf_row_ref **shown; /* those of the set that are, by value, then as in the refs */
    size_t shown_count;
    const cf_row_field *now; /* NULL: no value */
    cf_bytes *gone, *added;  /* values, ascending; nothing: it is dealt with */
    size_t gone_count, added_count;
    value_seats now_seats, hidden_seats;
} set_scan;

static cf_seat seat_of(const set_scan *self, cf_bytes value)
{
    return cf_seat_of(self->scanned->table->kind, self->name, value);
}

static int by_bytes(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

/* The values of `from` that `without` lacks, ascending; the caller frees them. */
static cf_bytes *difference(const cf_row_field *from, const cf_row_field *without, size_t *count)
{
    size_t other_count = without ? without->count : 0;
    cf_bytes *values = cf_allocate(from ? from->count : 0, sizeof *values);
    cf_bytes *others = cf_allocate(other_count, sizeof *others);

    *count = 0;
    for (size_t i = 0; i < other_count; i++)
        others[i] = without->values[i];
    qsort(others, other_count, sizeof *others, by_bytes);
    for (size_t i = 0; from && i < from->count; i++)
        if (!bsearch(&from->values[i], others, other_count, sizeof *others, by_bytes))
            values[(*count)++] = from->values[i];
    qsort(values, *count, sizeof *values, by_bytes);
    free(others);
    return values;
}

/* The ref is of an entry of this set. */
static bool is_of_set(const set_scan *self, const cf_row_ref *ref)
{
    cf_bytes set;

    return cf_schema_property(self->scanned->table, ref->field, &set) == CF_MERGE_SET &&
           cf_bytes_equal(set, self->name);
}

static int by_value(const void *left, const void *right)
{
    const cf_row_ref *a = *(const cf_row_ref *const *)left, *b = *(const cf_row_ref *const *)right;
    int order = cf_bytes_compare(a->value, b->value);

    return order ? order : (a > b) - (a < b);
}

static void find_shown(set_scan *self)
{
    self->shown = cf_allocate(self->refs->count, sizeof *self->shown);
    for (size_t i = 0; i < self->refs->count; i++)
        if (self->refs->at[i].standing == CF_WRITE_SHOWN && is_of_set(self, &self->refs->at[i]))
            self->shown[self->shown_count++] = &self->refs->at[i];
    if (self->shown_count)
        qsort(self->shown, self->shown_count, sizeof *self->shown, by_value);
}

/* The first of the refs that show the value; `*count` of them do. */
static const cf_row_ref *const *showing(const set_scan *self, cf_bytes value, size_t *count)
{
    size_t first = 0, end = self->shown_count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (cf_bytes_compare(self->shown[middle]->value, value) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    while (end < self->shown_count && cf_bytes_equal(self->shown[end]->value, value))
        end++;
    *count = end - first;
    return self->shown + first;
}

/* Replaces a write that is shown, and what is not shown of the same entry. */
static void replace_entry(set_scan *self, const cf_row_ref *entry)
{
    cf_change_draft *draft = &self->diffing->draft;
    size_t at = 0;

    cf_change_draft_over(draft, &self->scanned->item, entry->field, &entry->dot);
    for (const cf_row_ref *ref; (ref = cf_row_refs_next(self->refs, entry->field, &at));)
        if (ref->standing != CF_WRITE_SHOWN)
            cf_change_draft_over(draft, &self->scanned->item, ref->field, &ref->dot);
}

static int by_seat(const void *left, const void *right)
{
    const value_seat *a = left, *b = right;
    int order = cf_seat_compare(&a->seat, &b->seat);

    return order ? order : (a->value > b->value) - (a->value < b->value);
}

/* What is said of a value, as that it is a telephone at work: the seat has that as its part. A
 * value of which nothing is said is no seat. */
static cf_seat seat_of_said(const set_scan *self, cf_bytes value)
{
    static const char *const said[] = {"contexts", "features", "kind", "label"};
    cf_reader reader = cf_reader_of(value);
    cf_buffer text = {0};
    cf_seat seat = {0};
    cf_bytes key, member;
    size_t count;
    cf_error ignored;

    if (cf_read_map(&reader, &count, &ignored))
        return seat;
    while (count-- && !cf_read_text(&reader, &key, &ignored) &&
           !cf_read_value(&reader, &member, &ignored))
        for (size_t i = 0; i < sizeof said / sizeof *said; i++)
            if (cf_bytes_equal(key, cf_bytes_of_text(said[i]))) {
                cf_pack_text(&text, key);
                cf_buffer_append(&text, member.data, member.size);
            }
    if (text.size) {
        seat.name = self->name;
        seat.part = cf_arena_copy(self->diffing->arena, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
    return seat;
}

/* The seats of those values that have a name, in order; the caller frees the list. */
static value_seats seats_of(const set_scan *self, const cf_bytes *values, size_t count,
                            cf_seat (*seat_of_value)(const set_scan *, cf_bytes))
{
    value_seats seats = {.at = cf_allocate(count, sizeof *seats.at)};

    for (size_t i = 0; i < count; i++) {
        const cf_seat seat = seat_of_value(self, values[i]);

        if (seat.name.size)
            seats.at[seats.count++] = (value_seat){seat, i};
    }
    if (seats.count > 1)
        qsort(seats.at, seats.count, sizeof *seats.at, by_seat);
    return seats;
}

/* Where in the list those begin that are alike, if any is. */
static size_t first_alike(const value_seats *seats, const cf_seat *seat)
{
    size_t first = 0, end = seats->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;

        if (cf_seat_compare(&seats->at[middle].seat, seat) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

/* The list has such a seat at this place. */
static bool is_alike(const value_seats *seats, size_t at, const cf_seat *seat)
{
    return at < seats->count && cf_seat_alike(seat, &seats->at[at].seat);
}

/* The one seat of the list that has this name and part; NULL: the list has none, or several. */
static const value_seat *only_alike(const value_seats *seats, const cf_seat *seat)
{
    const size_t first = first_alike(seats, seat);
    const bool is_one = is_alike(seats, first, seat) && !is_alike(seats, first + 1, seat);

    return is_one ? &seats->at[first] : NULL;
}

/* The seats of what the refs have of the set and isn't shown, by their index there. */
static value_seats hidden_seats_of(const set_scan *self)
{
    value_seats seats = {.at = cf_allocate(self->refs->count, sizeof *seats.at)};

    for (size_t i = 0; i < self->refs->count; i++) {
        const cf_row_ref *ref = &self->refs->at[i];

        if (ref->standing != CF_WRITE_SHOWN && is_of_set(self, ref))
            seats.at[seats.count++] = (value_seat){seat_of(self, ref->value), i};
    }
    if (seats.count > 1)
        qsort(seats.at, seats.count, sizeof *seats.at, by_seat);
    return seats;
}

/* Replaces what is hidden of the value's seat, in whatever entries: it would be shown in the place
 * of the value that goes. `listed`: also what is a conflict. */
static void replace_seat(set_scan *self, cf_bytes value, bool listed)
{
    const cf_seat seat = seat_of(self, value);

    if (seat.kind != CF_SEAT_NAMED)
        return;
    if (!self->hidden_seats.at)
        self->hidden_seats = hidden_seats_of(self);
    const value_seats *hidden = &self->hidden_seats;
    for (size_t i = first_alike(hidden, &seat); is_alike(hidden, i, &seat); i++) {
        const cf_row_ref *ref = &self->refs->at[hidden->at[i].value];

        if (ref->standing != CF_WRITE_LISTED || listed)
            cf_change_draft_over(&self->diffing->draft, &self->scanned->item, ref->field,
                                 &ref->dot);
    }
}

/* Takes the value out of each entry that shows it, with all that would be shown in its place. */
static void remove_value(set_scan *self, cf_bytes value)
{
    size_t count;
    const cf_row_ref *const *refs = showing(self, value, &count);

    for (size_t i = 0; i < count; i++)
        replace_entry(self, refs[i]);
    replace_seat(self, value, true);
}

static cf_bytes entry_field(const set_scan *self, cf_bytes value, uint64_t number)
{
    const cf_record_ids *ids = self->diffing->input->ids;
    char name[CF_ENTRY_NAME_MAX];
    cf_buffer text = {0};

    ids->entry(ids->context, value, number, name);
    cf_buffer_append_text(&text, "%.*s/%s", (int)self->name.size, (const char *)self->name.data,
                          name);
    cf_bytes field = cf_arena_copy(self->diffing->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return field;
}

/* Whether the entry of a new value is named by the value's seat: the disk has no other value of
 * that seat. */
static bool stands_alone(set_scan *self, const cf_seat *seat)
{
    if (seat->kind == CF_SEAT_NONE)
        return false;
    if (!self->now_seats.at)
        self->now_seats = seats_of(self, self->now->values, self->now->count, seat_of);
    return only_alike(&self->now_seats, seat) != NULL;
}

static cf_bytes seat_name(const set_scan *self, const cf_seat *seat)
{
    cf_buffer name = {0};

    cf_pack_array(&name, 2);
    cf_pack_text(&name, seat->name);
    cf_pack_text(&name, seat->part);
    cf_bytes copy = cf_arena_copy(self->diffing->arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    return copy;
}

/* Whether another value has the entry. An entry named by a seat is another's only if this row's
 * base shows that: one which another device made for the seat is this entry, though the state knows
 * it already. */
static bool is_taken(const set_scan *self, cf_bytes field, bool alone)
{
    const cf_id *item = &self->scanned->item;
    size_t at = 0;

    if (cf_change_draft_has(&self->diffing->draft, item, field))
        return true;
    return alone ? cf_row_refs_next(self->refs, field, &at) != NULL
                 : cf_state_knows_field(self->diffing->input->state, item, field);
}

/* A new value gets the first entry that no other value has, by the name of its seat where it stands
 * there alone, else by its own. */
static void add_value(set_scan *self, cf_bytes value)
{
    const cf_id *item = &self->scanned->item;
    const cf_seat seat = seat_of(self, value);
    const bool alone = stands_alone(self, &seat);
    const cf_bytes first = alone ? seat_name(self, &seat) : value;
    cf_bytes field;
    uint64_t number = 0;

    do
        field = entry_field(self, first, number++);
    while (is_taken(self, field, alone));
    cf_change_draft_write(&self->diffing->draft, item, field, value, false);
}

/* The first entry that showed the old value, and has taken no other, takes the new one; the old
 * value is taken out of each other entry that showed it.
 *
 *     phone 1 became 2 here and 3 there: one entry shows both; now they are 5 and 6
 *     that entry takes 5, and 6 gets an entry of its own */
static void edit(set_scan *self, cf_bytes old, cf_bytes value)
{
    cf_change_draft *draft = &self->diffing->draft;
    const cf_id *item = &self->scanned->item;
    cf_bytes place = {0};
    size_t count;
    const cf_row_ref *const *refs = showing(self, old, &count);

    for (size_t i = 0; i < count; i++) {
        cf_change_draft_over(draft, item, refs[i]->field, &refs[i]->dot);
        if (!place.size && !cf_change_draft_value(draft, item, refs[i]->field).size)
            place = refs[i]->field;
    }
    if (place.size)
        cf_change_draft_write(draft, item, place, value, false);
    else
        add_value(self, value);
    replace_seat(self, old, false);
}

/* Edits values of one name, where just one of that name went, and just one came: COMMENT:a becomes
 * COMMENT:b. What is dealt with is nothing in `gone` and `added` from then on. */
static void edit_alike(set_scan *self)
{
    cf_seat (*of)(const set_scan *, cf_bytes) =
        cf_set_has_seats(self->scanned->table->kind, self->name) ? seat_of : seat_of_said;
    value_seats gone = seats_of(self, self->gone, self->gone_count, of);
    value_seats added = seats_of(self, self->added, self->added_count, of);

    for (size_t i = 0; i < gone.count; i++) {
        const cf_seat *seat = &gone.at[i].seat;
        const value_seat *other = only_alike(&gone, seat) ? only_alike(&added, seat) : NULL;

        if (!other)
            continue;
        cf_bytes *from = &self->gone[gone.at[i].value], *to = &self->added[other->value];
        edit(self, *from, *to);
        *from = *to = (cf_bytes){0};
    }
    free(gone.at);
    free(added.at);
}

/* The values that no edit has dealt with, and whose seat has no name; the caller frees the list. */
static cf_bytes **left_of(const set_scan *self, cf_bytes *values, size_t count, size_t *left_count)
{
    cf_bytes **left = cf_allocate(count, sizeof *left);

    *left_count = 0;
    for (size_t i = 0; i < count; i++)
        if (values[i].size && !seat_of(self, values[i]).name.size)
            left[(*left_count)++] = &values[i];
    return left;
}

/* Edits what is left, in the order of the values, where as many went as came. */
static void edit_left(set_scan *self)
{
    size_t gone_count, added_count;
    cf_bytes **gone = left_of(self, self->gone, self->gone_count, &gone_count);
    cf_bytes **added = left_of(self, self->added, self->added_count, &added_count);

    for (size_t i = 0; gone_count == added_count && i < gone_count; i++) {
        edit(self, *gone[i], *added[i]);
        *gone[i] = *added[i] = (cf_bytes){0};
    }
    free(gone);
    free(added);
}

bool cf_row_diff_set(cf_row_diffing *diffing, const cf_scanned_row *scanned,
                     const cf_row_refs *refs, const cf_row_field *old, const cf_row_field *now,
                     cf_bytes name)
{
    set_scan self = {
        .diffing = diffing, .scanned = scanned, .refs = refs, .name = name, .now = now};

    self.gone = difference(old, now, &self.gone_count);
    self.added = difference(now, old, &self.added_count);
    if (self.gone_count)
        find_shown(&self);
    if (self.gone_count && self.added_count) {
        edit_alike(&self);
        edit_left(&self);
    }
    for (size_t i = 0; i < self.gone_count; i++)
        if (self.gone[i].size)
            remove_value(&self, self.gone[i]);
    for (size_t i = 0; i < self.added_count; i++)
        if (self.added[i].size)
            add_value(&self, self.added[i]);
    free(self.gone);
    free(self.added);
    free(self.shown);
    free(self.now_seats.at);
    free(self.hidden_seats.at);
    return self.gone_count || self.added_count;
}
