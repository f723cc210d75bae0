/* SPDX-License-Identifier: Apache-2.0 */
/* Which entries of a set are in which cells. */
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

/* ---- As goes without saying ---- */

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

/* The entry is all that the slot is for, as work and fax. */
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

/* ---- Entries as the cells have them ---- */

/* What only marks an entry, and is none by itself. One such text is said of all in the cells. */
static bool is_mark(const cf_map_column *column)
{
    static const char *const marks[] = {"label", "kind", "pref"};

    for (size_t i = 0; i < 3 && column->depth == 1; i++)
        if (cf_bytes_equal(column->path[0], cf_bytes_of_text(marks[i])))
            return true;
    return false;
}

/* The slot has columns of marks alone: none of them says the entry itself. */
static bool has_marks_only(const cf_record_map *map, const cf_map_slot *slot)
{
    for (size_t i = 0; i < slot->count; i++)
        if (!is_mark(cf_map_column_of(map, slot, i)))
            return false;
    return true;
}

static const uint8_t *find_between(cf_bytes text)
{
    return text.size ? memmem(text.data, text.size, CF_MAP_BETWEEN, sizeof CF_MAP_BETWEEN - 1)
                     : NULL;
}

/* The next part of a cell; false: there are no more. */
static bool next_part(cf_bytes cell, size_t *at, cf_bytes *part)
{
    if (*at > cell.size)
        return false;
    const uint8_t *from = cell.data ? cell.data + *at : NULL;
    const uint8_t *found = find_between(cf_bytes_of(from, cell.size - *at));
    *part = cf_bytes_of(from, found ? (size_t)(found - from) : cell.size - *at);
    *at += part->size + (found ? sizeof CF_MAP_BETWEEN - 1 : 1);
    return true;
}

/* The next entry of the slot's cells; false: there are no more. */
static bool next_entry(const cf_map_cells *self, const cf_map_slot *of, size_t *places,
                       cf_bytes *texts)
{
    bool more = false;

    for (size_t i = 0; i < of->count; i++) {
        const cf_map_column *column = cf_map_column_of(self->map, of, i);
        cf_bytes cell = cf_map_cell(self->cells, column);

        if (is_mark(column) && !find_between(cell) && !has_marks_only(self->map, of))
            texts[i] = cell;
        else
            more |= next_part(cell, &places[i], &texts[i]);
        texts[i] = cf_cell_trim(column, texts[i]);
    }
    return more;
}

static bool is_said(const cf_map_cells *self, const cf_map_slot *of, const cf_bytes *texts)
{
    const bool marks = has_marks_only(self->map, of);

    for (size_t i = 0; i < of->count; i++)
        if (texts[i].size && (marks || !is_mark(cf_map_column_of(self->map, of, i))))
            return true;
    return false;
}

cf_status cf_map_cells_read(const cf_map_cells *self, size_t slot, cf_map_entries *out)
{
    const cf_map_slot *of = &self->map->slots[slot];
    size_t *places = cf_allocate(of->count, sizeof *places);
    cf_status status = CF_OK;

    while (!status) {
        cf_bytes *texts = cf_arena_allocate(self->arena, of->count, sizeof *texts);

        if (!next_entry(self, of, places, texts))
            break;
        if (!is_said(self, of, texts))
            continue;
        *cf_one_more(out->list, out->count, out->capacity) =
            (cf_map_entry){slot, texts, NONE, false};
        if (out->count > CF_MAP_ENTRIES_MAX)
            status = cf_fail(self->error, CF_MALFORMED, "%.*s: more than %d entries",
                             (int)of->field.size, (const char *)of->field.data, CF_MAP_ENTRIES_MAX);
    }
    free(places);
    return status;
}

bool cf_map_says(const cf_map_cells *self, const cf_map_entry *one, cf_bytes value)
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

/* ---- Entries as they are to be shown ---- */

bool cf_map_is_placed(const cf_map_cells *self, size_t slot)
{
    return slot != NONE && self->map->slots[slot].which >= CF_SLOT_PLACE;
}

/* Who is in a place that nobody has, or else in the last one. */
static void place_rest(cf_map_cells *self, const bool *kept, bool *taken)
{
    for (size_t k = 0; k < self->count; k++) {
        size_t i = self->order[k], place = next_place(self, self->first), next;

        if (kept[i] || !cf_map_is_placed(self, self->slot_of[i]))
            continue;
        while ((taken[place] || !says_anything(self, &self->map->slots[place], self->values[i])) &&
               (next = next_place(self, place + 1)) != NONE)
            place = next;
        self->slot_of[i] = place;
        taken[place] = true;
    }
}

void cf_map_assign_as_shown(cf_map_cells *self)
{
    bool *kept = cf_arena_allocate(self->arena, self->count, sizeof *kept);
    bool *taken = cf_arena_allocate(self->arena, self->map->slot_count, sizeof *taken);
    cf_map_entries shown = {0};
    cf_status status = CF_OK;

    cf_map_assign(self);
    for (size_t slot = self->first; slot < self->end && !status; slot++)
        if (self->cells && cf_map_is_placed(self, slot))
            status = cf_map_cells_read(self, slot, &shown);
    for (size_t t = 0; t < shown.count; t++)
        for (size_t k = 0; k < self->count; k++) {
            size_t i = self->order[k];

            if (kept[i] || !cf_map_is_placed(self, self->slot_of[i]) ||
                !cf_map_says(self, &shown.list[t], self->values[i]))
                continue;
            self->slot_of[i] = shown.list[t].slot;
            kept[i] = taken[shown.list[t].slot] = true;
            break;
        }
    place_rest(self, kept, taken);
    free(shown.list);
}

static bool are_marked_alike(const cf_map_cells *self, size_t slot, const cf_map_column *column)
{
    cf_buffer first = {0}, text = {0};
    bool any = false,
         alike = is_mark(column) && !has_marks_only(self->map, &self->map->slots[slot]);

    for (size_t i = 0; i < self->count && alike; i++) {
        if (self->slot_of[i] != slot)
            continue;
        cf_buffer_clear(&text);
        cf_cell_read(column, self->values[i], any ? &text : &first);
        alike = !any || cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&text));
        any = true;
    }
    cf_buffer_release(&first);
    cf_buffer_release(&text);
    return alike;
}

void cf_map_show(const cf_map_cells *self, size_t slot, size_t index, cf_buffer *out)
{
    const cf_map_column *column = cf_map_column_of(self->map, &self->map->slots[slot], index);
    const bool once = are_marked_alike(self, slot, column);
    bool any = false;

    for (size_t k = 0; k < self->count && !(any && once); k++) {
        if (self->slot_of[self->order[k]] != slot)
            continue;
        cf_buffer_append_text(out, "%s", any ? CF_MAP_BETWEEN : "");
        cf_cell_read(column, self->values[self->order[k]], out);
        any = true;
    }
}
