/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_conflicts.h"

#include "codec/item.h"
#include "codec/pack.h"
#include "peer/adapters/record_format.h"
#include "peer/log/catalog_schema.h"
#include "peer/log/record_names.h"
#include "peer/merge/fields.h"
#include "peer/records/record_view.h"
#include "peer/sources/records/record_held.h"
#include "peer/sources/records/record_include.h"

typedef struct {
    const cf_state *state;
    bool found;
} contested;

/* Two writes of one field: without such there is no conflict. */
static void find_contested(void *context, const cf_id *id)
{
    contested *self = context;

    if (self->found || !cf_item_is_record(id))
        return;
    const cf_item *item = cf_state_item(self->state, id);
    uint32_t last = CF_FIELD_NUMBER_DELETED;
    for (size_t i = 0; i < cf_item_write_count(item); i++) {
        uint32_t field = cf_state_write(self->state, item, i).field;

        self->found |= field == last && field != CF_FIELD_NUMBER_DELETED;
        last = field;
    }
}

static bool has_contested(const cf_state *state)
{
    contested search = {.state = state};

    cf_state_each(state, find_contested, &search);
    return search.found;
}

/* As a source would show it: in the place of a row its key. */
static cf_bytes as_shown(const cf_row_view *view, cf_bytes value)
{
    const cf_row *row;
    cf_bytes key = value;
    cf_id item;

    if (cf_reference_item(value, &item))
        key = (row = cf_row_view_of_item(view, &item)) ? row->key : (cf_bytes){0};
    else
        cf_reference_nothing(value, &key);
    return key;
}

static cf_bytes shown_instead(const cf_row_conflict *conflict)
{
    const cf_row *row = conflict->row;
    const cf_row_field *field = cf_row_field_named(row, conflict->field);

    if (cf_bytes_equal(conflict->field, cf_bytes_of_text(CF_FIELD_KEY)))
        return row->key;
    return field ? field->values[0] : (cf_bytes){0};
}

static cf_told_value told(const cf_row_conflict *conflict, cf_bytes value, cf_arena *arena)
{
    bool is_long = value.size && cf_item_has_content(&conflict->row->item, conflict->field, value);

    return (cf_told_value){cf_arena_copy(arena, value), is_long};
}

static void append_path(const cf_row_conflict *conflict, cf_buffer *path)
{
    cf_record_path(conflict->row->item.bytes[0], conflict->row->table, conflict->row->key, path);
    cf_buffer_append(path, "/", 1);
    cf_record_field_text(conflict->field, path);
}

static void tell(const cf_row_view *view, const cf_record_selection *selection,
                 cf_record_conflict_found *found, void *context, cf_arena *arena)
{
    size_t count;
    const cf_row_conflict *conflicts = cf_row_view_conflicts(view, &count);
    cf_buffer path = {0};

    for (size_t i = 0; i < count; i++) {
        const cf_row_conflict *one = &conflicts[i];

        if (!cf_record_selected(selection, one->row))
            continue;
        cf_record_conflict *conflict = cf_arena_allocate(arena, 1, sizeof *conflict);
        cf_buffer_clear(&path);
        append_path(one, &path);
        *conflict = (cf_record_conflict){
            .time_ms = one->time.ms,
            .shown = told(one, shown_instead(one), arena),
            .value = told(one, as_shown(view, one->value), arena),
        };
        found(context, &one->dot, cf_buffer_view(&path), conflict);
    }
    cf_buffer_release(&path);
}

void cf_record_conflicts(cf_peer *peer, const cf_binding *binding, const cf_collection *collection,
                         cf_arena *arena, cf_record_conflict_found *found, void *context)
{
    cf_record_selection selection;
    cf_row_format format;
    cf_schema schema;
    cf_error ignored;

    if (!has_contested(collection->state) ||
        cf_catalog_schema(peer, &collection->id, arena, &schema, &ignored))
        return; /* the source itself says why */
    cf_row_view *view = cf_row_view_new(collection->state, &schema);
    if (cf_record_held_format(peer, binding->number, arena, &format, &ignored))
        format = (cf_row_format){0};
    cf_record_select(binding, &format, &schema, view, arena, &selection);
    tell(view, &selection, found, context, arena);
    cf_row_view_destroy(&view);
}
