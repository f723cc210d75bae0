/* SPDX-License-Identifier: Apache-2.0 */
/* What the cells of a set say that is new. */
#include "peer/adapters/record_map_inside.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/value_map.h"

#define NONE SIZE_MAX

static bool is_changed(const cf_map_cells *self, size_t slot)
{
    cf_buffer shown = {0};
    bool changed = false;

    for (size_t i = 0; i < self->map->slots[slot].count && !changed; i++) {
        cf_buffer_clear(&shown);
        cf_map_show(self, slot, i, &shown);
        changed = !cf_bytes_equal(
            cf_buffer_view(&shown),
            cf_map_cell(self->cells, cf_map_column_of(self->map, &self->map->slots[slot], i)));
    }
    cf_buffer_release(&shown);
    return changed;
}

typedef struct {
    cf_map_cells *cells;
    cf_map_entries said;
    bool *is_free; /* of the entries: in a slot that changed, and none of those said yet */
} matching;

/* A place says nothing of the entry that is in it. */
static bool may_be(const cf_map_cells *self, const cf_map_entry *one, size_t entry, bool anywhere)
{
    size_t slot = self->slot_of[entry];

    return slot == one->slot ||
           (anywhere && cf_map_is_placed(self, slot) && cf_map_is_placed(self, one->slot));
}

/* First those that are just so, then those of the same place that say something else now. */
static void match(matching *self, bool same)
{
    const cf_map_cells *cells = self->cells;

    for (size_t t = 0; t < self->said.count; t++) {
        cf_map_entry *one = &self->said.list[t];

        for (size_t k = 0; one->entry == NONE && k < cells->count; k++) {
            size_t i = cells->order[k];

            if (!self->is_free[i] || !may_be(cells, one, i, same) ||
                (same && !cf_map_says(cells, one, cells->values[i])))
                continue;
            one->entry = i;
            one->is_same = same;
            self->is_free[i] = false;
        }
    }
}

/* Whether who is said to be in this place by default is in another one. */
static bool has_moved(const matching *self, size_t place)
{
    for (size_t t = 0; t < self->said.count; t++) {
        const cf_map_entry *one = &self->said.list[t];

        if (one->entry != NONE && one->is_same && self->cells->slot_of[one->entry] == place &&
            one->slot != place)
            return true;
    }
    return false;
}

/* Where entries stand in an order of the file's own, the one that is left over is the one that is
 * missing. */
static void match_last(matching *self)
{
    const cf_map_cells *cells = self->cells;
    cf_map_entry *left = NULL;
    size_t lefts = 0, missing = NONE, missings = 0;

    for (size_t t = 0; t < self->said.count; t++)
        if (self->said.list[t].entry == NONE && cf_map_is_placed(cells, self->said.list[t].slot)) {
            left = &self->said.list[t];
            lefts++;
        }
    for (size_t i = 0; i < cells->count; i++)
        if (self->is_free[i] && cf_map_is_placed(cells, cells->slot_of[i])) {
            missing = i;
            missings++;
        }
    if (lefts != 1 || missings != 1 || !has_moved(self, left->slot))
        return;
    left->entry = missing;
    self->is_free[missing] = false;
}

/* The entry with what the cells say. */
cf_status cf_map_change(const cf_map_cells *self, const cf_map_entry *one, cf_bytes value,
                        cf_bytes *out)
{
    const cf_map_slot *slot = &self->map->slots[one->slot];
    cf_buffer made = {0}, shown = {0};
    cf_status status = CF_OK;

    if (!value.size && !slot->is_bare && slot->which != CF_SLOT_SINGLE) {
        cf_entry_begin(slot, &made);
        value = cf_arena_copy(self->arena, cf_buffer_view(&made));
    }
    for (size_t i = 0; i < slot->count && !status; i++) {
        const cf_map_column *column = cf_map_column_of(self->map, slot, i);

        cf_buffer_clear(&shown);
        cf_cell_read(column, value, &shown);
        if (cf_bytes_equal(cf_buffer_view(&shown), one->texts[i]))
            continue;
        status = cf_cell_write(column, value, one->texts[i], &made, self->error);
        if (status)
            cf_error_while(self->error, "%.*s: '%.*s'", (int)column->name.size,
                           (const char *)column->name.data,
                           (int)(one->texts[i].size < 40 ? one->texts[i].size : 40),
                           (const char *)one->texts[i].data);
        else
            value = cf_arena_copy(self->arena, cf_buffer_view(&made));
    }
    *out = value;
    cf_buffer_release(&made);
    cf_buffer_release(&shown);
    return status;
}

/* Whether anything is left of an entry. */
static bool is_entry(const cf_map_slot *slot, cf_bytes value)
{
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes name, member;

    while (cf_value_next(&walk, &name, &member)) {
        cf_buffer padded = {0};

        cf_buffer_append_text(&padded, " %.*s ", (int)name.size, (const char *)name.data);
        cf_buffer_append(&padded, "", 1);
        bool is_main = walk.map && strstr(slot->members, (const char *)padded.data);
        cf_buffer_release(&padded);
        if (is_main)
            return true;
    }
    return false;
}

/* What no cell says any more goes, but for what they never said. */
static cf_status take_away(const cf_map_cells *self, size_t entry, cf_bytes *out)
{
    const cf_map_slot *slot = &self->map->slots[self->slot_of[entry]];
    const cf_map_entry none = {.slot = self->slot_of[entry],
                               .texts =
                                   cf_arena_allocate(self->arena, slot->count, sizeof(cf_bytes))};

    cf_status status = cf_map_change(self, &none, self->values[entry], out);
    if (!status && !is_entry(slot, *out))
        *out = (cf_bytes){0};
    return status;
}

static cf_status add_values(const matching *self, cf_field_list *list)
{
    const cf_map_cells *cells = self->cells;
    cf_bytes name = cells->map->slots[cells->first].field, value;
    cf_bytes *values = cf_arena_allocate(cells->arena, cells->count, sizeof *values);
    cf_status status = CF_OK;

    for (size_t i = 0; i < cells->count && !status; i++) {
        values[i] = cells->values[i];
        if (self->is_free[i])
            status = take_away(cells, i, &values[i]);
    }
    for (size_t t = 0; t < self->said.count && !status; t++)
        if (self->said.list[t].entry != NONE && !self->said.list[t].is_same)
            status =
                cf_map_change(cells, &self->said.list[t], cells->values[self->said.list[t].entry],
                              &values[self->said.list[t].entry]);
    for (size_t i = 0; i < cells->count && !status; i++)
        if (values[i].data)
            cf_field_list_add(list, cells->arena, name, values[i]);
    for (size_t t = 0; t < self->said.count && !status; t++) {
        if (self->said.list[t].entry != NONE)
            continue;
        status = cf_map_change(cells, &self->said.list[t], (cf_bytes){0}, &value);
        if (!status)
            cf_field_list_add(list, cells->arena, name, value);
    }
    return status;
}

cf_status cf_map_give_set(cf_map_cells *self, cf_field_list *list)
{
    bool *changed = cf_arena_allocate(self->arena, self->map->slot_count, sizeof *changed);
    matching matched = {.cells = self};
    cf_status status = CF_OK;

    cf_map_assign(self);
    matched.is_free = cf_arena_allocate(self->arena, self->count, sizeof *matched.is_free);
    for (size_t slot = self->first; slot < self->end && !status; slot++) {
        changed[slot] = is_changed(self, slot);
        if (changed[slot])
            status = cf_map_cells_read(self, slot, &matched.said);
    }
    for (size_t i = 0; i < self->count; i++)
        matched.is_free[i] = self->slot_of[i] != NONE && changed[self->slot_of[i]];
    match(&matched, true);
    match(&matched, false);
    match_last(&matched);
    if (!status)
        status = add_values(&matched, list);
    free(matched.said.list);
    return status;
}
