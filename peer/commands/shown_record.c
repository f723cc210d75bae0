/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/shown_record.h"

#include "codec/pack.h"
#include "peer/adapters/record_format.h"
#include "peer/log/record_names.h"
#include "peer/records/occurrence.h"
#include "peer/records/row_same.h"
#include "peer/records/seats.h"

#include <stdlib.h>
#include <string.h>

/* The same, as the view has it. */
static cf_told_value value_in_view(const cf_row_view *view, const cf_record_write *write)
{
    cf_told_value shown = {write->value, write->is_long};
    const cf_row *row;
    cf_id item;

    if (write->is_long)
        return shown;
    if (cf_reference_item(write->value, &item))
        shown.value = (row = cf_row_view_of_item(view, &item)) ? row->key : (cf_bytes){0};
    else
        cf_reference_nothing(write->value, &shown.value);
    return shown;
}

cf_told_value cf_shown_value_of(const cf_hidden_names *names, const cf_record_write *write,
                                cf_arena *arena)
{
    cf_buffer text = {0};
    cf_id item;

    const cf_bytes path = !write->is_long && cf_reference_item(write->value, &item)
                              ? cf_hidden_names_path(names, &item)
                              : (cf_bytes){0};
    if (!path.size)
        return value_in_view(names->view, write);
    cf_pack_text(&text, path);
    const cf_bytes name = cf_arena_copy(arena, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return (cf_told_value){name, false};
}

/* NAME of NAME/ENTRY, where the field is of a set. */
static cf_bytes property_of(const cf_id *item, cf_bytes field)
{
    const cf_schema_table plain = {.kind = item->bytes[0]};
    cf_bytes name;

    cf_schema_property(&plain, field, &name);
    return name;
}

void cf_shown_field_text(const cf_shown_record *record, cf_bytes field, cf_buffer *out)
{
    cf_record_field_path(record->item.bytes[0], property_of(&record->item, field), out);
}

/* ---- Who wrote it ---- */

/* The latest that gave the field, or an entry of it, this value. */
static const cf_record_write *find_writer(const cf_shown_record *self, const cf_row_view *view,
                                          cf_bytes field, cf_bytes value)
{
    for (size_t i = self->past.count; i-- > 0;) {
        const cf_record_write *write = &self->past.at[i];

        if (write->value.size &&
            (cf_bytes_equal(write->field, field) ||
             cf_bytes_equal(property_of(&self->item, write->field), field)) &&
            cf_bytes_equal(value_in_view(view, write).value, value))
            return write;
    }
    return NULL;
}

/* The write of an occurrence that has another name now, since the series was moved; NULL: there is
 * no such write. */
static const cf_record_write *find_writer_of_moved(const cf_shown_record *self,
                                                   const cf_row_view *view, const cf_row *row,
                                                   cf_bytes field)
{
    const cf_record_write *found = NULL;

    if (!cf_field_is_occurrence(self->item.bytes[0], field))
        return NULL;
    const cf_row agreed = cf_row_view_agree(view, row, self->arena);
    const cf_row_refs refs = cf_row_refs_of(&agreed, self->arena);
    const cf_series series = cf_series_of(&agreed);
    for (size_t i = 0; !found && i < refs.count; i++)
        if (refs.at[i].standing == CF_WRITE_SHOWN &&
            cf_bytes_equal(cf_occurrence_shown_as(&series, &refs, refs.at[i].field, self->arena),
                           field))
            found = cf_record_past_find(&self->past, refs.at[i].field, &refs.at[i].dot);
    return found;
}

/* ---- What it says ---- */

/* A row of the view that can't be shown here has the key that it would have, which is another's. */
static cf_told_value value_of_row(const cf_shown_record *self, const cf_hidden_names *names,
                                  cf_bytes value, const cf_record_write *by)
{
    cf_id item;

    return by && !by->is_long && cf_reference_item(by->value, &item)
               ? cf_shown_value_of(names, by, self->arena)
               : (cf_told_value){value, by && by->is_long};
}

/* What the record wishes for where it is hidden, and has in the view a value that was only tried;
 * `field` NULL: in whatever field the conflict is. */
static bool is_wish(const cf_shown_record *self, const cf_row_conflict *conflict,
                    const cf_bytes *field)
{
    return self->standing == CF_RECORD_IS_HIDDEN && conflict->gives_way &&
           cf_id_equal(&conflict->row->item, &self->item) &&
           (!field || cf_bytes_equal(conflict->field, *field));
}

static const cf_row_conflict *find_wish(const cf_shown_record *self, const cf_row_view *view,
                                        cf_bytes field)
{
    size_t count;
    const cf_row_conflict *all = cf_row_view_conflicts(view, &count);

    for (size_t i = 0; i < count; i++)
        if (is_wish(self, &all[i], &field))
            return &all[i];
    return NULL;
}

static void add_row(cf_shown_record *self, const cf_hidden_names *names, const cf_row *row)
{
    size_t count = 0;

    for (size_t i = 0; i < row->field_count; i++)
        count += row->fields[i].count;
    self->values = cf_arena_allocate(self->arena, count, sizeof *self->values);
    for (size_t i = 0; i < row->field_count; i++)
        for (size_t k = 0; k < row->fields[i].count; k++) {
            const cf_bytes field = row->fields[i].name;
            const cf_row_conflict *wish = find_wish(self, names->view, field);
            const cf_bytes value = wish ? wish->value : row->fields[i].values[k];
            const cf_record_write *by = find_writer(self, names->view, field, value);

            if (!by)
                by = find_writer_of_moved(self, names->view, row, field);
            self->values[self->value_count++] =
                (cf_shown_value){field, value_of_row(self, names, value, by), by};
        }
}

static void add_conflicts(cf_shown_record *self, const cf_hidden_names *names)
{
    size_t count;
    const cf_row_conflict *all = cf_row_view_conflicts(names->view, &count);

    self->others = cf_arena_allocate(self->arena, count, sizeof *self->others);
    for (size_t i = 0; i < count; i++) {
        const cf_record_write *by;

        if (!cf_id_equal(&all[i].row->item, &self->item) || is_wish(self, &all[i], NULL))
            continue;
        by = cf_record_past_find(&self->past, all[i].field, &all[i].dot);
        const cf_told_value value =
            by ? cf_shown_value_of(names, by, self->arena) : (cf_told_value){all[i].value, false};
        self->others[self->other_count++] =
            (cf_shown_value){property_of(&self->item, all[i].as), value, by};
    }
}

static int by_field(const void *left, const void *right)
{
    const cf_shown_value *a = left, *b = right;

    return cf_bytes_compare(a->field, b->field);
}

/* What it said last, where nothing shows it any more. */
static void add_last(cf_shown_record *self, const cf_hidden_names *names)
{
    const cf_record_past *past = &self->past;

    self->values = cf_arena_allocate(self->arena, past->count, sizeof *self->values);
    for (size_t i = past->count; i-- > 0;) {
        const cf_record_write *write = &past->at[i];
        bool is_last = write->field.size && !cf_row_field_is_reserved(write->field);

        for (size_t k = i + 1; is_last && k < past->count; k++)
            is_last = !cf_bytes_equal(past->at[k].field, write->field);
        if (is_last && write->value.size)
            self->values[self->value_count++] =
                (cf_shown_value){property_of(&self->item, write->field),
                                 cf_shown_value_of(names, write, self->arena), write};
    }
    if (self->value_count)
        qsort(self->values, self->value_count, sizeof *self->values, by_field);
}

static void add_path(cf_shown_record *self, const cf_collection *collection, const cf_row *row,
                     cf_bytes hidden)
{
    cf_buffer path = {0};

    if (hidden.size)
        cf_buffer_append(&path, hidden.data, hidden.size);
    else if (row)
        cf_record_path(self->item.bytes[0], row->table, row->key, &path);
    else
        cf_item_path(collection, &self->item, &path);
    self->path = path.size ? cf_arena_copy(self->arena, cf_buffer_view(&path))
                           : cf_bytes_of_text(""); /* a document that is one record */
    self->table = cf_arena_copy(self->arena, cf_record_table(collection, &self->item));
    cf_buffer_release(&path);
}

cf_status cf_shown_record_read(cf_peer *peer, const cf_collection *collection,
                               const cf_hidden_names *names, const cf_id *item, cf_arena *arena,
                               cf_shown_record *out, cf_error *error)
{
    const cf_row_view *view = names->view;
    const cf_row *row = cf_row_view_of_item(view, item);
    const cf_bytes hidden = cf_hidden_names_path(names, item);
    size_t count;
    const cf_id *ones = cf_row_view_all_of_one(view, item, &count);

    *out = (cf_shown_record){.item = *item, .arena = arena};
    cf_status status = cf_record_past_read(peer, &collection->id, ones, count, &out->past, error);
    if (status)
        return status;
    out->standing = hidden.size ? CF_RECORD_IS_HIDDEN
                    : row       ? CF_RECORD_IS_SHOWN
                                : CF_RECORD_IS_DELETED;
    out->why = hidden.size ? cf_hidden_names_why(names, item, arena) : NULL;
    out->title = cf_record_title(collection, item, arena);
    add_path(out, collection, row, hidden);
    if (row)
        add_row(out, names, row);
    else
        add_last(out, names);
    add_conflicts(out, names);
    return CF_OK;
}

void cf_shown_record_release(cf_shown_record *record)
{
    cf_record_past_release(&record->past);
}

/* ---- One field of it ---- */

bool cf_shown_write_is_data(const cf_record_write *write)
{
    return !write->field.size || !cf_row_field_is_reserved(write->field) ||
           (cf_field_is(write->field, CF_FIELD_NUMBER_KEY) && write->over_count);
}

static bool is_called(const cf_shown_record *record, cf_bytes field, cf_bytes name)
{
    cf_buffer text = {0};

    cf_shown_field_text(record, field, &text);
    const bool same = cf_bytes_equal(cf_buffer_view(&text), name);
    cf_buffer_release(&text);
    return same;
}

/* Of a line that no field has a word for; else nothing. */
static cf_bytes line_name(const cf_shown_record *record, cf_bytes field, cf_bytes value)
{
    const cf_seat seat =
        cf_seat_of(record->item.bytes[0], property_of(&record->item, field), value);

    return value.size && seat.spelled ? seat.name : (cf_bytes){0};
}

bool cf_shown_value_is_of(const cf_shown_record *record, cf_bytes field, cf_bytes value,
                          cf_bytes name)
{
    return is_called(record, field, name) ||
           (name.size && cf_bytes_equal(line_name(record, field, value), name));
}

bool cf_shown_write_is_of(const cf_shown_record *record, const cf_record_write *write,
                          cf_bytes name)
{
    bool found = cf_shown_value_is_of(record, write->field, write->value, name);

    for (size_t i = 0; i < write->over_count && !found; i++) {
        const cf_record_write *was =
            cf_record_past_find(&record->past, write->field, &write->over[i]);

        found = was && cf_shown_value_is_of(record, write->field, was->value, name);
    }
    return found;
}

/* ---- Which there are ---- */

static int by_name(const void *left, const void *right)
{
    return cf_bytes_compare(*(const cf_bytes *)left, *(const cf_bytes *)right);
}

typedef struct {
    const cf_shown_record *record;
    cf_bytes *at;
    size_t count, capacity;
} field_names;

static void add_name(field_names *self, cf_bytes name)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->at[i], name))
            return;
    *cf_one_more(self->at, self->count, self->capacity) = name;
}

/* As it is asked for: of a line its own name. */
static void add_field(field_names *self, cf_bytes field, cf_bytes value)
{
    const cf_bytes line = line_name(self->record, field, value);
    cf_buffer text = {0};

    if (line.size) {
        add_name(self, cf_arena_copy(self->record->arena, line));
        return;
    }
    cf_shown_field_text(self->record, field, &text);
    add_name(self, cf_arena_copy(self->record->arena, cf_buffer_view(&text)));
    cf_buffer_release(&text);
}

static void add_own_fields(field_names *self)
{
    const cf_shown_record *record = self->record;

    for (size_t i = 0; i < record->value_count; i++)
        add_field(self, record->values[i].field, record->values[i].value.value);
    for (size_t i = 0; i < record->other_count; i++)
        add_field(self, record->others[i].field, record->others[i].value.value);
    for (size_t i = 0; i < record->past.count; i++) {
        const cf_record_write *write = &record->past.at[i];

        if (write->field.size && write->value.size && cf_shown_write_is_data(write))
            add_field(self, write->field, write->value);
    }
}

static void add_fields_of_table(field_names *self, const cf_row_view *view)
{
    const cf_shown_record *record = self->record;

    for (size_t i = 0; i < cf_row_view_count(view); i++) {
        const cf_row *row = cf_row_view_at(view, i);

        if (row->item.bytes[0] != CF_KIND_ROW || !cf_bytes_equal(row->table, record->table))
            continue;
        for (size_t k = 0; k < row->field_count; k++)
            add_field(self, row->fields[k].name, (cf_bytes){0});
    }
}

static bool has_name(const field_names *self, cf_bytes name)
{
    bool found = false;

    for (size_t i = 0; i < self->count && !found; i++)
        found = cf_bytes_equal(self->at[i], name);
    return found;
}

static bool has_own(const cf_shown_record *record, cf_bytes name)
{
    bool found = false;

    for (size_t i = 0; i < record->value_count && !found; i++)
        found = cf_shown_value_is_of(record, record->values[i].field, record->values[i].value.value,
                                     name);
    for (size_t i = 0; i < record->other_count && !found; i++)
        found = cf_shown_value_is_of(record, record->others[i].field, record->others[i].value.value,
                                     name);
    for (size_t i = 0; i < record->past.count && !found; i++)
        found = record->past.at[i].field.size && cf_shown_write_is_data(&record->past.at[i]) &&
                cf_shown_write_is_of(record, &record->past.at[i], name);
    return found;
}

cf_shown_field_standing cf_shown_field_find(const cf_shown_record *record, const cf_row_view *view,
                                            cf_bytes name, cf_buffer *names)
{
    field_names all = {.record = record};
    const bool listed = names->size > 0;

    if (has_own(record, name))
        return CF_FIELD_ITS_OWN;
    add_own_fields(&all);
    add_fields_of_table(&all, view);
    const bool known = has_name(&all, name);
    if (all.count)
        qsort(all.at, all.count, sizeof *all.at, by_name);
    for (size_t i = 0; i < all.count && !listed; i++)
        cf_buffer_append_text(names, "%s%.*s", names->size ? ", " : "", (int)all.at[i].size,
                              (const char *)all.at[i].data);
    free(all.at);
    return known ? CF_FIELD_ELSEWHERE : CF_FIELD_UNKNOWN;
}
