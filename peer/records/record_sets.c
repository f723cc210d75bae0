/* SPDX-License-Identifier: Apache-2.0 */
/* What was done to a set (model, rule s). An entry is named by its first value, so the same number
 * added twice is one. One value gone and one new is an edit of that entry; else they are deletes
 * and adds. The order doesn't count. */
#include <stdlib.h>

#include "peer/records/record_scan_inside.h"

typedef struct {
    cf_row_scanning *scanning;
    const cf_row_spot *spot;
    const cf_row_refs *refs;
    cf_bytes name;
    const cf_row_ref **shown; /* those of the set that are, by value, then as in the refs */
    size_t shown_count;
} set_scan;

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

static bool is_shown(const set_scan *self, const cf_row_ref *ref)
{
    cf_bytes set;

    return ref->standing == CF_WRITE_SHOWN &&
           cf_schema_property(self->spot->table, ref->field, &set) == CF_MERGE_SET &&
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
        if (is_shown(self, &self->refs->at[i]))
            self->shown[self->shown_count++] = &self->refs->at[i];
    if (self->shown_count)
        qsort(self->shown, self->shown_count, sizeof *self->shown, by_value);
}

/* The first of those that show the value; `*count` of them do. */
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

/* With what is listed beside it. */
static void replace_entry(set_scan *self, const cf_row_ref *entry)
{
    cf_change_draft *draft = &self->scanning->draft;
    size_t at = 0;

    cf_change_draft_over(draft, &self->spot->item, entry->field, &entry->dot);
    for (const cf_row_ref *ref; (ref = cf_row_refs_next(self->refs, entry->field, &at));)
        if (ref->standing != CF_WRITE_SHOWN)
            cf_change_draft_over(draft, &self->spot->item, ref->field, &ref->dot);
}

static void remove_value(set_scan *self, cf_bytes value)
{
    size_t count;
    const cf_row_ref *const *refs = showing(self, value, &count);

    for (size_t i = 0; i < count; i++)
        replace_entry(self, refs[i]);
}

static cf_bytes entry_field(const set_scan *self, cf_bytes value, uint64_t number)
{
    const cf_record_ids *ids = self->scanning->input->ids;
    char name[CF_ENTRY_NAME_MAX];
    cf_buffer text = {0};

    ids->entry(ids->context, value, number, name);
    cf_buffer_append_text(&text, "%.*s/%s", (int)self->name.size, (const char *)self->name.data,
                          name);
    cf_bytes field = cf_arena_copy(self->scanning->arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return field;
}

static void add_value(set_scan *self, cf_bytes value)
{
    const cf_id *item = &self->spot->item;
    cf_bytes field;
    uint64_t number = 0;

    do
        field = entry_field(self, value, number++);
    while (cf_state_knows_field(self->scanning->input->state, item, field) ||
           cf_change_draft_has(&self->scanning->draft, item, field));
    cf_change_draft_write(&self->scanning->draft, item, field, value, false);
}

/* The first entry takes the new value; others that showed the old one are no more. */
static void edit(set_scan *self, cf_bytes old, cf_bytes value)
{
    cf_change_draft *draft = &self->scanning->draft;
    size_t count;
    const cf_row_ref *const *refs = showing(self, old, &count);

    for (size_t i = 0; i < count; i++)
        cf_change_draft_over(draft, &self->spot->item, refs[i]->field, &refs[i]->dot);
    if (count)
        cf_change_draft_write(draft, &self->spot->item, refs[0]->field, value, false);
    else
        add_value(self, value);
}

bool cf_row_scan_set(cf_row_scanning *scanning, const cf_row_spot *spot, const cf_row_refs *refs,
                     const cf_row_field *old, const cf_row_field *now, cf_bytes name)
{
    set_scan self = {.scanning = scanning, .spot = spot, .refs = refs, .name = name};
    size_t gone_count, added_count;
    cf_bytes *gone = difference(old, now, &gone_count);
    cf_bytes *added = difference(now, old, &added_count);

    if (gone_count)
        find_shown(&self);
    if (gone_count == 1 && added_count == 1) {
        edit(&self, gone[0], added[0]);
    } else {
        for (size_t i = 0; i < gone_count; i++)
            remove_value(&self, gone[i]);
        for (size_t i = 0; i < added_count; i++)
            add_value(&self, added[i]);
    }
    free(gone);
    free(added);
    free(self.shown);
    return gone_count || added_count;
}
