/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a set are in which cells, and what the cells say of them that is new. */
#include "peer/adapters/record_map_inside.h"

#include <stdlib.h>
#include <string.h>

#include "codec/item.h"
#include "codec/limits.h"
#include "peer/adapters/value_map.h"

#define NONE SIZE_MAX

cf_bytes cf_map_cell(const cf_row *cells, const cf_map_column *column)
{
    const cf_row_field *field = cells ? cf_row_field_named(cells, column->field) : NULL;
    cf_bytes text = {0};

    if (field)
        cf_value_is_text(field->values[0], &text);
    return text;
}

const cf_map_column *cf_map_column_of(const cf_record_map *map, const cf_map_slot *slot, size_t i)
{
    return &map->columns[slot->columns[i]];
}

/* ---- Which entries are where ---- */

/* Or the identity of one that is: neither is shown in a cell. */
bool cf_map_is_long(cf_bytes field, cf_bytes value)
{
    static const cf_id contact = {{CF_KIND_CONTACT}};

    return value.size > CF_INLINE_MAX || cf_item_has_content(&contact, field, value);
}

static bool says_anything(const cf_map_cells *self, const cf_map_slot *slot, cf_bytes value)
{
    cf_buffer text = {0};

    for (size_t i = 0; i < slot->count && !text.size; i++)
        cf_cell_read(cf_map_column_of(self->map, slot, i), value, &text);
    bool any = text.size > 0;
    cf_buffer_release(&text);
    return any && !cf_map_is_long(slot->field, value);
}

static uint64_t preference_of(cf_bytes entry)
{
    uint64_t number = 1000;
    cf_bytes value;

    if (cf_value_member(entry, "pref", &value))
        cf_value_is_uint(value, &number);
    return number;
}

static void put_in_order(cf_map_cells *self)
{
    self->order = cf_arena_allocate(self->arena, self->count, sizeof *self->order);
    for (size_t i = 0; i < self->count; i++) {
        size_t at = i;

        for (; at &&
               preference_of(self->values[self->order[at - 1]]) > preference_of(self->values[i]);
             at--)
            self->order[at] = self->order[at - 1];
        self->order[at] = i;
    }
}

static bool has_words(const cf_map_slot *slot, cf_bytes entry)
{
    for (size_t i = 0; i < slot->word_count; i++)
        if (!cf_entry_is(entry, slot->words[i]))
            return false;
    return true;
}

/* The next slot by place, or of the rest, that the file has; NONE: there is none. */
static size_t next_place(const cf_map_cells *self, size_t slot)
{
    while (slot < self->end &&
           (self->map->slots[slot].which < CF_SLOT_PLACE || !self->map->slots[slot].count))
        slot++;
    return slot < self->end ? slot : NONE;
}

void cf_map_assign(cf_map_cells *self)
{
    const cf_map_slot *slots = self->map->slots;
    size_t place = next_place(self, self->first);

    put_in_order(self);
    self->slot_of = cf_arena_allocate(self->arena, self->count, sizeof *self->slot_of);
    for (size_t i = 0; i < self->count; i++)
        self->slot_of[i] = NONE;
    for (size_t slot = self->first; slot < self->end; slot++)
        for (size_t i = 0; slots[slot].which == CF_SLOT_WORDS && i < self->count; i++)
            if (self->slot_of[i] == NONE && has_words(&slots[slot], self->values[i]) &&
                says_anything(self, &slots[slot], self->values[i]))
                self->slot_of[i] = slot;
    for (size_t k = 0; place != NONE && k < self->count; k++) {
        size_t i = self->order[k], next;

        if (self->slot_of[i] != NONE || !says_anything(self, &slots[place], self->values[i]))
            continue;
        self->slot_of[i] = place;
        next = next_place(self, place + 1);
        if (slots[place].which == CF_SLOT_PLACE && next != NONE)
            place = next;
    }
}

void cf_map_show(const cf_map_cells *self, size_t slot, size_t index, cf_buffer *out)
{
    const cf_map_column *column = cf_map_column_of(self->map, &self->map->slots[slot], index);
    bool any = false;

    for (size_t k = 0; k < self->count; k++) {
        if (self->slot_of[self->order[k]] != slot)
            continue;
        cf_buffer_append_text(out, "%s", any ? CF_MAP_BETWEEN : "");
        cf_cell_read(column, self->values[self->order[k]], out);
        any = true;
    }
}

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

/* ---- What cells say that is new ---- */

typedef struct {
    cf_map_cells *cells;
    cf_map_entry *tuples;
    size_t count, capacity;
    bool *is_free; /* of the entries: in a slot that changed, and none of the tuples yet */
} matching;

/* The next part of a cell; false: there are no more. */
static bool next_part(cf_bytes cell, size_t *at, cf_bytes *part)
{
    const size_t size = sizeof CF_MAP_BETWEEN - 1;

    if (*at > cell.size)
        return false;
    const uint8_t *from = cell.data + *at;
    const uint8_t *found =
        *at < cell.size ? memmem(from, cell.size - *at, CF_MAP_BETWEEN, size) : NULL;
    *part = cf_bytes_of(from, found ? (size_t)(found - from) : cell.size - *at);
    *at += part->size + (found ? size : 1);
    return true;
}

static cf_status add_tuples(matching *self, size_t slot)
{
    const cf_map_slot *of = &self->cells->map->slots[slot];
    size_t *places = cf_allocate(of->count, sizeof *places);
    cf_status status = CF_OK;

    for (bool more = true; more && !status;) {
        cf_map_entry one = {
            slot, cf_arena_allocate(self->cells->arena, of->count, sizeof(cf_bytes)), NONE, false};
        bool any = false;

        more = false;
        for (size_t i = 0; i < of->count; i++) {
            cf_bytes cell =
                cf_map_cell(self->cells->cells, cf_map_column_of(self->cells->map, of, i));

            more |= next_part(cell, &places[i], &one.texts[i]);
            any |= one.texts[i].size > 0;
        }
        if (!any)
            continue;
        self->tuples =
            cf_grow(self->tuples, &self->capacity, self->count + 1, sizeof *self->tuples);
        self->tuples[self->count++] = one;
        if (self->count > CF_MAP_ENTRIES_MAX)
            status = cf_fail(self->cells->error, CF_MALFORMED, "%.*s: more than %d entries",
                             (int)of->field.size, (const char *)of->field.data, CF_MAP_ENTRIES_MAX);
    }
    free(places);
    return status;
}

static bool says(const cf_map_cells *self, const cf_map_entry *one, cf_bytes value)
{
    const cf_map_slot *slot = &self->map->slots[one->slot];
    cf_buffer text = {0};
    bool same = true;

    for (size_t i = 0; i < slot->count && same; i++) {
        cf_buffer_clear(&text);
        cf_cell_read(cf_map_column_of(self->map, slot, i), value, &text);
        same = cf_bytes_equal(cf_buffer_view(&text), one->texts[i]);
    }
    cf_buffer_release(&text);
    return same;
}

/* A place says nothing of the entry that is in it. */
static bool may_be(const cf_map_cells *self, const cf_map_entry *one, size_t entry, bool anywhere)
{
    size_t slot = self->slot_of[entry];

    return slot == one->slot || (anywhere && self->map->slots[slot].which >= CF_SLOT_PLACE &&
                                 self->map->slots[one->slot].which >= CF_SLOT_PLACE);
}

/* First those that are just so, then those of the same place that say something else now. */
static void match(matching *self, bool same)
{
    const cf_map_cells *cells = self->cells;

    for (size_t t = 0; t < self->count; t++) {
        cf_map_entry *one = &self->tuples[t];

        for (size_t k = 0; one->entry == NONE && k < cells->count; k++) {
            size_t i = cells->order[k];

            if (!self->is_free[i] || !may_be(cells, one, i, same) ||
                (same && !says(cells, one, cells->values[i])))
                continue;
            one->entry = i;
            one->is_same = same;
            self->is_free[i] = false;
        }
    }
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
    cf_status status = CF_OK;

    *out = (cf_bytes){0};
    if (!slot->is_bare)
        status = cf_map_change(self, &none, self->values[entry], out);
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
    for (size_t t = 0; t < self->count && !status; t++)
        if (self->tuples[t].entry != NONE && !self->tuples[t].is_same)
            status = cf_map_change(cells, &self->tuples[t], cells->values[self->tuples[t].entry],
                                   &values[self->tuples[t].entry]);
    for (size_t i = 0; i < cells->count && !status; i++)
        if (values[i].data)
            cf_field_list_add(list, cells->arena, name, values[i]);
    for (size_t t = 0; t < self->count && !status; t++) {
        if (self->tuples[t].entry != NONE)
            continue;
        status = cf_map_change(cells, &self->tuples[t], (cf_bytes){0}, &value);
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
            status = add_tuples(&matched, slot);
    }
    for (size_t i = 0; i < self->count; i++)
        matched.is_free[i] = self->slot_of[i] != NONE && changed[self->slot_of[i]];
    match(&matched, true);
    match(&matched, false);
    if (!status)
        status = add_values(&matched, list);
    free(matched.tuples);
    return status;
}
