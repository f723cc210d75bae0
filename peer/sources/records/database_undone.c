/* SPDX-License-Identifier: Apache-2.0 */
/* Whose work is undone. Another device's is where it wrote what nobody has replaced, or emptied the
 * field last. Whether this device took a missing row away before, its past says. */
#include "peer/sources/records/database_undone.h"

#include "codec/limits.h"
#include "codec/pack.h"
#include "peer/log/past.h"
#include "peer/records/row_index.h"

typedef struct {
    const cf_binding *binding;
    const cf_database_columns *columns;
    const cf_state *state;
    const cf_past *past;
    cf_id own;
    cf_database_undone *out;
} undoing;

/* ---- What can be compared ---- */

bool cf_database_comparable(const cf_row_field *field)
{
    return !field || !field->count || field->values[0].size <= CF_INLINE_MAX;
}

bool cf_database_counts(const cf_database_columns *columns, cf_bytes table, cf_bytes name)
{
    return cf_format_holds(&columns->schema->format, table, name) &&
           (!columns->had || cf_format_holds(columns->had, table, name));
}

bool cf_database_differs_in(const cf_database_columns *columns, const cf_row *there,
                            const cf_row *base, cf_bytes name)
{
    const cf_row_field *here = cf_row_field_named(there, name);
    const cf_row_field *was = cf_row_field_named(base, name);

    return cf_database_comparable(here) && cf_database_counts(columns, base->table, name) &&
           !(here && was ? cf_row_field_equal(here, was) : here == was);
}

bool cf_database_differs(const cf_database_columns *columns, const cf_row *there,
                         const cf_row *base)
{
    bool found = false;

    if (cf_row_fields_equal(there, base))
        return false;
    for (size_t i = 0; !found && i < there->field_count; i++)
        found = cf_database_differs_in(columns, there, base, there->fields[i].name);
    for (size_t i = 0; !found && i < base->field_count; i++)
        found = cf_database_differs_in(columns, there, base, base->fields[i].name);
    return found;
}

bool cf_database_said(const cf_binding *binding, cf_bytes value, cf_bytes said)
{
    cf_id target;

    if (cf_reference_item(value, &target)) {
        const cf_row *row = cf_rows_of_item(binding->rows, &target);

        return !row || cf_bytes_equal(row->key, said);
    }
    cf_reference_nothing(value, &value);
    return cf_bytes_equal(value, said);
}

/* ---- Who wrote ---- */

/* Whether the field is NAME, or an entry of it: NAME/ENTRY. */
static bool is_of(cf_bytes field, cf_bytes name)
{
    return field.size >= name.size && memcmp(field.data, name.data, name.size) == 0 &&
           (field.size == name.size || field.data[name.size] == '/');
}

/* Another device wrote something that nobody has replaced, of this field of the item, or (NULL) of
 * any; so it did where the state knows the item no more. */
static bool others_wrote(const undoing *self, const cf_id *id, const cf_bytes *name)
{
    const cf_item *item = cf_state_item(self->state, id);

    for (size_t i = 0; item && i < cf_item_write_count(item); i++) {
        const cf_write write = cf_state_write(self->state, item, i);

        if (!cf_id_equal(&write.dot.writer, &self->own) &&
            (!name || is_of(cf_state_field_name(self->state, write.field), *name)))
            return true;
    }
    return !item;
}

/* ---- A row that says something else ---- */

/* Another device set the field to NULL last: the state has nothing of that, but the past has. */
static bool others_emptied(const undoing *self, const cf_id *id, cf_bytes name)
{
    const cf_past_item *item = cf_past_find(self->past, id);

    for (size_t i = item ? item->count : 0; i-- > 0;) {
        const cf_past_write *last = &item->writes[i];

        if (is_of(last->field, name))
            return !last->value.size && !cf_id_equal(&last->dot.writer, &self->own);
    }
    return false;
}

/* The field is otherwise in the other row, and what is undone by that is another device's. */
static bool undoes_field(const undoing *self, const cf_row *base, const cf_row_field *a,
                         const cf_row *other)
{
    const cf_row_field *b = cf_row_field_named(other, a->name);

    return cf_database_counts(self->columns, base->table, a->name) &&
           !(b && cf_row_field_equal(a, b)) &&
           (others_wrote(self, &base->item, &a->name) ||
            others_emptied(self, &base->item, a->name));
}

/* Any of the fields in which the row is not as the base has it undoes another device's work. */
static bool undoes_others(const undoing *self, const cf_row *there, const cf_row *base)
{
    for (size_t i = 0; i < there->field_count; i++)
        if (undoes_field(self, base, &there->fields[i], base))
            return true;
    for (size_t i = 0; i < base->field_count; i++)
        if (undoes_field(self, base, &base->fields[i], there))
            return true;
    return false;
}

/* ---- What was said before ---- */

/* The field says what it said once; nothing, of a field that the row got later. */
static bool said_before(const undoing *self, const cf_past_item *item, const cf_row_field *here,
                        cf_bytes name)
{
    const cf_bytes said = here && here->count ? here->values[0] : (cf_bytes){0};
    bool first = false, found = false;

    if (!cf_database_comparable(here))
        return true;
    for (size_t i = 0; !found && i < item->count; i++)
        if (cf_bytes_equal(item->writes[i].field, name)) {
            first |= cf_dot_equal(&item->writes[i].dot, &item->writes[0].dot);
            found = cf_database_said(self->binding, item->writes[i].value, said);
        }
    return found || (!said.size && !first);
}

/* All that the row says, or no longer says that the base's row (NULL: there is none) does, was so
 * once. */
static bool is_as_once(const undoing *self, const cf_row *there, const cf_row *base,
                       const cf_past_item *item)
{
    bool same = item != NULL;

    for (size_t i = 0; same && i < there->field_count; i++) {
        const cf_row_field *field = &there->fields[i];

        same = !cf_database_counts(self->columns, there->table, field->name) ||
               (base && !cf_database_differs_in(self->columns, there, base, field->name)) ||
               said_before(self, item, field, field->name);
    }
    for (size_t i = 0; same && base && i < base->field_count; i++) {
        const cf_bytes name = base->fields[i].name;

        same = cf_row_field_named(there, name) ||
               !cf_database_counts(self->columns, base->table, name) ||
               said_before(self, item, NULL, name);
    }
    return same;
}

/* ---- A row that is back ---- */

typedef struct {
    const undoing *undoing;
    const cf_row *row;
    size_t items;
    bool others;
    bool as_once; /* the row says what one of the items said */
} stays;

/* Counts one more item that was ever under the row's key. */
static bool look_at(void *context, const cf_past_item *item, const cf_past_place *place)
{
    stays *self = context;
    (void)place;

    self->items++;
    self->others |= others_wrote(self->undoing, &item->id, NULL);
    self->as_once |= is_as_once(self->undoing, self->row, NULL, item);
    return true;
}

/* The items that were ever at the place of a row that is back, or missing. */
static stays stays_of(const undoing *self, const cf_row *row)
{
    cf_buffer table = {0};
    stays found = {.undoing = self, .row = row};

    cf_pack_text(&table, row->table);
    cf_past_at(self->past, cf_buffer_view(&table), row->key, look_at, &found);
    cf_buffer_release(&table);
    return found;
}

/* ---- A row that is missing ---- */

/* The row was deleted once, and came back: it is written with its table once more, which nothing
 * else does. */
static bool came_back(const cf_past_item *item)
{
    const cf_bytes table = cf_bytes_of_text(CF_FIELD_TABLE);
    size_t times = 0;

    for (size_t i = 0; item && i < item->count; i++)
        times += cf_bytes_equal(item->writes[i].field, table);
    return times > 1;
}

/* Counts a row that the base has not. */
static void count_back(undoing *self, const cf_row *there)
{
    const stays back = stays_of(self, there);

    self->out->others += back.others;
    ++*(back.as_once ? &self->out->before : &self->out->anew);
}

/* Counts a row that may say something else than the base's. Of a row in which nothing was as it had
 * been the log says that it is another one under the same key. */
static void count_changed(undoing *self, const cf_row *there, const cf_row *base)
{
    self->out->others += undoes_others(self, there, base);
    if (!cf_database_differs(self->columns, there, base))
        return;
    const bool as_once = is_as_once(self, there, base, cf_past_find(self->past, &base->item)) ||
                         stays_of(self, there).as_once;
    ++*(as_once ? &self->out->before : &self->out->anew);
}

/* Counts rows that are missing: those in which others' work is undone, and those that this device
 * never took away before. */
static void count_missing(undoing *self, const cf_record_file *file)
{
    cf_row_index there = cf_row_index_of(file->rows, file->count);

    for (const cf_row *row = NULL; (row = cf_rows_next(self->binding->rows, row));) {
        if (cf_row_index_find(&there, row->table, row->key))
            continue;
        self->out->others += others_wrote(self, &row->item, NULL);
        self->out->first +=
            !cf_database_table_named(self->columns->schema, row->table) ||
            (!came_back(cf_past_find(self->past, &row->item)) && stays_of(self, row).items < 2);
    }
    cf_row_index_release(&there);
}

cf_status cf_database_undone_count(cf_peer *peer, const cf_binding *binding,
                                   const cf_database_columns *columns, const cf_record_file *file,
                                   cf_database_undone *out, cf_error *error)
{
    cf_collection *collection;
    undoing self = {.binding = binding, .columns = columns, .out = out};
    cf_past *past = NULL;

    *out = (cf_database_undone){0};
    cf_status status = cf_peer_collection(peer, &binding->collection, &collection, error);
    if (!status)
        status = cf_past_read(peer, &binding->collection, &past, error);
    if (status)
        return status;
    self.state = collection->state;
    self.past = past;
    if (!cf_author_writer(peer->author, &binding->collection, &self.own))
        self.own = (cf_id){{0}};
    for (size_t i = 0; i < file->count; i++) {
        const cf_row *there = &file->rows[i];
        const cf_row *base = cf_rows_find(binding->rows, there->table, there->key);

        if (base)
            count_changed(&self, there, base);
        else
            count_back(&self, there);
    }
    count_missing(&self, file);
    cf_past_destroy(&past);
    return CF_OK;
}
