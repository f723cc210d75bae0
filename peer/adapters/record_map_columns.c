/* SPDX-License-Identifier: Apache-2.0 */
/* What cells say of a row. Cells that say what they would of the row that is known say nothing new,
 * so all that no cell can show stays: members of an entry, entries, their order. */
#include "peer/adapters/record_map_inside.h"

#include "codec/pack.h"

static cf_status give_single(const cf_map_cells *self, cf_field_list *list)
{
    const cf_map_slot *slot = &self->map->slots[self->first];
    cf_map_entry one = {.slot = self->first,
                        .texts = cf_arena_allocate(self->arena, slot->count, sizeof(cf_bytes))};
    cf_bytes known = self->count ? self->values[0] : (cf_bytes){0}, value = known;
    bool said = false;

    for (size_t i = 0; i < slot->count; i++) {
        const cf_map_column *column = cf_map_column_of(self->map, slot, i);

        one.texts[i] = cf_cell_trim(column, cf_map_cell(self->cells, column));
        said |= one.texts[i].size > 0;
    }
    bool hidden = known.size && cf_map_is_long(slot->field, known);
    cf_status status = CF_OK;
    if (!hidden || said)
        status = cf_map_change(self, &one, hidden ? (cf_bytes){0} : known, &value);
    if (!status && value.size)
        cf_field_list_add(list, self->arena, slot->field, value);
    return status;
}

/* ---- A row ---- */

static size_t end_of_field(const cf_record_map *map, size_t slot)
{
    size_t end = slot + 1;

    while (end < map->slot_count && cf_bytes_equal(map->slots[end].field, map->slots[slot].field))
        end++;
    return end;
}

static bool is_there(const cf_record_map *map, size_t first, size_t end)
{
    for (size_t slot = first; slot < end; slot++)
        if (map->slots[slot].count)
            return true;
    return false;
}

static cf_map_cells cells_of(const cf_record_map *map, size_t first, const cf_row *cells,
                             const cf_row *known, cf_arena *arena, cf_error *error)
{
    const cf_row_field *field = known ? cf_row_field_named(known, map->slots[first].field) : NULL;

    return (cf_map_cells){.map = map,
                          .cells = cells,
                          .first = first,
                          .end = end_of_field(map, first),
                          .values = field ? field->values : NULL,
                          .count = field ? field->count : 0,
                          .arena = arena,
                          .error = error};
}

static cf_status give_field(cf_map_cells *self, cf_field_list *list)
{
    if (!is_there(self->map, self->first, self->end))
        return CF_OK;
    return self->map->slots[self->first].which == CF_SLOT_SINGLE ? give_single(self, list)
                                                                 : cf_map_give_set(self, list);
}

cf_status cf_map_columns_give(const cf_record_map *map, const cf_row *cells, const cf_row *known,
                              cf_field_list *list, cf_arena *arena, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t slot = 0; slot < map->slot_count && !status; slot = end_of_field(map, slot)) {
        cf_map_cells self = cells_of(map, slot, cells, known, arena, error);

        status = give_field(&self, list);
    }
    return status;
}

/* ---- And back ---- */

/* Whether the cells say just what the row does of the field, in their own way. */
static bool says_so(cf_map_cells *self)
{
    cf_field_list list = {0};
    cf_row said = {0};
    bool same = give_field(self, &list) == CF_OK;

    cf_field_list_take(&list, self->arena, &said);
    cf_field_list_release(&list);
    if (!same || !said.field_count)
        return same && !self->count;
    same = said.fields[0].count == self->count;
    for (size_t i = 0; i < self->count && same; i++)
        same = cf_bytes_equal(said.fields[0].values[i], self->values[i]);
    return same;
}

static void take_field(cf_map_cells *self, cf_field_list *list)
{
    bool kept = self->cells && says_so(self);
    cf_buffer text = {0}, value = {0};

    if (self->map->slots[self->first].which != CF_SLOT_SINGLE)
        cf_map_assign_as_shown(self);
    for (size_t slot = self->first; slot < self->end; slot++)
        for (size_t i = 0; i < self->map->slots[slot].count; i++) {
            const cf_map_column *column = cf_map_column_of(self->map, &self->map->slots[slot], i);

            cf_buffer_clear(&text);
            cf_buffer_clear(&value);
            if (kept) {
                cf_bytes cell = cf_map_cell(self->cells, column);

                cf_buffer_append(&text, cell.data, cell.size);
            } else if (self->map->slots[slot].which != CF_SLOT_SINGLE) {
                cf_map_show(self, slot, i, &text);
            } else if (self->count && !cf_map_is_long(column->field, self->values[0])) {
                cf_cell_read(column, self->values[0], &text);
            }
            cf_pack_text(&value, cf_buffer_view(&text));
            if (text.size)
                cf_field_list_add(list, self->arena, column->field, cf_buffer_view(&value));
        }
    cf_buffer_release(&text);
    cf_buffer_release(&value);
}

static bool is_mapped(const cf_record_map *map, cf_bytes field)
{
    for (size_t i = 0; i < map->column_count; i++)
        if (cf_bytes_equal(map->columns[i].field, field))
            return true;
    return false;
}

void cf_map_columns_take(const cf_record_map *map, const cf_row *cells, const cf_row *row,
                         cf_field_list *list, cf_arena *arena)
{
    cf_error ignored;

    for (size_t i = 0; cells && i < cells->field_count; i++)
        if (!is_mapped(map, cells->fields[i].name))
            cf_field_list_add(list, arena, cells->fields[i].name, cells->fields[i].values[0]);
    for (size_t slot = 0; slot < map->slot_count; slot = end_of_field(map, slot)) {
        cf_map_cells self = cells_of(map, slot, cells, row, arena, &ignored);

        take_field(&self, list);
    }
}
