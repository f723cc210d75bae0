/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/merge/state_item.h"

#include <assert.h>
#include <stdlib.h>

void cf_slots_add(cf_slots *slots, cf_slot slot)
{
    slots->at = cf_grow(slots->at, &slots->capacity, slots->count + 1, sizeof(cf_slot));
    slots->at[slots->count++] = slot;
}

void cf_slots_load(const cf_state *state, const cf_item *item, cf_slots *slots)
{
    slots->count = 0;
    for (uint32_t i = 0; item && i < item->total; i++) {
        const cf_stored_write *write = &item->writes[i];
        cf_bytes value = cf_bytes_of((const uint8_t *)item + write->value, write->size);

        cf_dots_use_again(cf_state_dots(state), write->dot);
        cf_slots_add(slots,
                     (cf_slot){write->field, write->dot, write->weak, i >= item->live, value});
    }
}

static cf_slot *find_slot(cf_slots *slots, uint32_t field, uint32_t dot)
{
    for (size_t i = 0; i < slots->count; i++)
        if (slots->at[i].field == field && slots->at[i].dot == dot)
            return &slots->at[i];
    return NULL;
}

/* The write is gone; if it was not here yet, its name is remembered. */
static void replace_write(cf_state *state, cf_slots *slots, uint32_t field, const cf_dot *dot)
{
    uint32_t number = cf_dots_use(cf_state_dots(state), dot);
    cf_slot *slot = find_slot(slots, field, number);

    if (!slot) {
        cf_slots_add(slots, (cf_slot){.field = field, .dot = number, .remembered = true});
        return;
    }
    cf_dots_drop(cf_state_dots(state), number);
    if (slot->remembered)
        return;
    cf_dots_drop(cf_state_dots(state), number);
    *slot = slots->at[--slots->count];
}

void cf_slots_fold(cf_state *state, cf_slots *slots, const cf_change *change, uint32_t self)
{
    uint32_t field = cf_state_field_number(state, change->field);

    for (size_t i = 0; i < change->over_count; i++)
        replace_write(state, slots, field, &change->over[i]);
    if (!change->value.size || find_slot(slots, field, self))
        return;
    cf_dots_use_again(cf_state_dots(state), self);
    cf_slots_add(slots, (cf_slot){field, self, change->weak, false, change->value});
}

static int compare_slots(const void *left, const void *right, void *context)
{
    const cf_slot *a = left, *b = right;
    cf_dots *dots = context;

    if (a->remembered != b->remembered)
        return a->remembered ? 1 : -1;
    if (a->field != b->field)
        return a->field < b->field ? -1 : 1;
    return cf_dot_compare(cf_dots_at(dots, a->dot), cf_dots_at(dots, b->dot));
}

cf_item *cf_slots_store(cf_state *state, cf_slots *slots, const cf_id *id)
{
    size_t size = sizeof(cf_item) + slots->count * sizeof(cf_stored_write), used = size;

    if (slots->count == 0)
        return NULL;
    qsort_r(slots->at, slots->count, sizeof(cf_slot), compare_slots, cf_state_dots(state));
    for (size_t i = 0; i < slots->count; i++)
        size += slots->at[i].value.size;
    assert(size < UINT32_MAX);
    cf_item *item = cf_allocate(1, size);
    item->id = *id;
    item->total = (uint32_t)slots->count;
    for (size_t i = 0; i < slots->count; i++) {
        const cf_slot *slot = &slots->at[i];

        item->live += !slot->remembered;
        item->writes[i] = (cf_stored_write){slot->dot, (uint32_t)used, (uint32_t)slot->value.size,
                                            slot->field & (CF_FIELD_NUMBER_LIMIT - 1), slot->weak};
        if (slot->value.size)
            memcpy((uint8_t *)item + used, slot->value.data, slot->value.size);
        used += slot->value.size;
    }
    slots->count = 0;
    return item;
}

void cf_slots_release(cf_slots *slots)
{
    free(slots->at);
    *slots = (cf_slots){0};
}

void cf_item_free(cf_state *state, cf_item *item)
{
    for (uint32_t i = 0; i < item->total; i++)
        cf_dots_drop(cf_state_dots(state), item->writes[i].dot);
    free(item);
}

size_t cf_item_write_count(const cf_item *item)
{
    return item->live;
}

cf_write cf_state_write(const cf_state *state, const cf_item *item, size_t index)
{
    const cf_stored_write *write = &item->writes[index];
    const cf_dots *dots = cf_state_dots(state);

    assert(index < item->live);
    return (cf_write){
        .field = write->field,
        .weak = write->weak,
        .dot = *cf_dots_at(dots, write->dot),
        .time = cf_dots_time(dots, write->dot),
        .value = cf_bytes_of((const uint8_t *)item + write->value, write->size),
    };
}

bool cf_state_find_write(const cf_state *state, const cf_item *item, uint32_t field,
                         const cf_dot *dot, cf_write *out)
{
    uint32_t number;

    if (!cf_dots_find(cf_state_dots(state), dot, &number))
        return false;
    for (size_t i = 0; i < item->live; i++)
        if (item->writes[i].field == field && item->writes[i].dot == number) {
            *out = cf_state_write(state, item, i);
            return true;
        }
    return false;
}

bool cf_state_has_field(const cf_state *state, const cf_id *id, uint32_t field)
{
    const cf_item *item = cf_state_item(state, id);

    for (size_t i = 0; item && i < item->live; i++)
        if (item->writes[i].field == field)
            return true;
    return false;
}
