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

static bool shows(const set_scan *self, const cf_row_ref *ref, cf_bytes value)
{
    cf_bytes set;

    return ref->standing == CF_WRITE_SHOWN && cf_bytes_equal(ref->value, value) &&
           cf_schema_property(self->spot->table, ref->field, &set) == CF_MERGE_SET &&
           cf_bytes_equal(set, self->name);
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
    for (size_t i = 0; i < self->refs->count; i++)
        if (shows(self, &self->refs->at[i], value))
            replace_entry(self, &self->refs->at[i]);
}

static bool state_has(const cf_state *state, const cf_id *id, cf_bytes field)
{
    const cf_item *item = cf_state_item(state, id);

    for (size_t i = 0; item && i < cf_item_write_count(item); i++)
        if (cf_bytes_equal(cf_state_field_name(state, cf_state_write(state, item, i).field), field))
            return true;
    return false;
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
    while (state_has(self->scanning->input->state, item, field) ||
           cf_change_draft_has(&self->scanning->draft, item, field));
    cf_change_draft_write(&self->scanning->draft, item, field, value, false);
}

/* The first entry takes the new value; others that showed the old one are no more. */
static void edit(set_scan *self, cf_bytes old, cf_bytes value)
{
    cf_change_draft *draft = &self->scanning->draft;
    bool written = false;

    for (size_t i = 0; i < self->refs->count; i++) {
        const cf_row_ref *ref = &self->refs->at[i];

        if (!shows(self, ref, old))
            continue;
        cf_change_draft_over(draft, &self->spot->item, ref->field, &ref->dot);
        if (!written)
            cf_change_draft_write(draft, &self->spot->item, ref->field, value, false);
        written = true;
    }
    if (!written)
        add_value(self, value);
}

bool cf_row_scan_set(cf_row_scanning *scanning, const cf_row_spot *spot, const cf_row_refs *refs,
                     const cf_row_field *old, const cf_row_field *now, cf_bytes name)
{
    set_scan self = {scanning, spot, refs, name};
    size_t gone_count, added_count;
    cf_bytes *gone = difference(old, now, &gone_count);
    cf_bytes *added = difference(now, old, &added_count);

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
    return gone_count || added_count;
}
