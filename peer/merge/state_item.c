/* SPDX-License-Identifier: Apache-2.0 */
/* A slot is what is held of one write while an entry is folded in: the write, or how many name it
 * whose write has not come; what balances is dropped. Slots are loaded of an item, changed, and
 * stored as the next item, in the order of field and dot. */
#include "peer/merge/state_item.h"

#include <assert.h>
#include <stdlib.h>

enum { INDEX_SIZE_MIN = 16, INDEX_KEPT = 1024 };

static const cf_state_field *find_field(const cf_state *state, cf_bytes name)
{
    for (cf_hash_link *link = cf_hash_table_first(&state->fields, cf_hash_bytes(0, name)); link;
         link = cf_hash_table_next(link))
        if (cf_bytes_equal(cf_container_of(link, cf_state_field, link)->name, name))
            return cf_container_of(link, cf_state_field, link);
    return NULL;
}

bool cf_state_find_field(const cf_state *state, cf_bytes name, uint32_t *number)
{
    const cf_state_field *found = find_field(state, name);

    if (found)
        *number = found->number;
    return found;
}

uint32_t cf_state_field_number(cf_state *state, cf_bytes name)
{
    const cf_state_field *found = find_field(state, name);

    if (found)
        return found->number;
    assert(state->name_count < CF_FIELD_NUMBER_LIMIT);
    cf_state_field *fresh = cf_allocate(1, sizeof *fresh + name.size);
    if (name.size)
        memcpy(fresh + 1, name.data, name.size);
    fresh->name = cf_bytes_of(fresh + 1, name.size);
    fresh->number = (uint32_t)state->name_count;
    *cf_one_more(state->names, state->name_count, state->name_capacity) = fresh;
    cf_hash_table_add(&state->fields, &fresh->link, cf_hash_bytes(0, name));
    return fresh->number;
}

cf_bytes cf_state_field_name(const cf_state *state, uint32_t number)
{
    assert(number < state->name_count);
    return state->names[number]->name;
}

bool cf_state_field_is_nested(const cf_state *state, uint32_t field)
{
    cf_bytes above = cf_state_field_name(state, field);
    bool found = false;

    while (!found && above.size > 1) {
        do
            above.size--;
        while (above.size && above.data[above.size] != '/');
        found = above.size && find_field(state, above);
    }
    return found;
}

bool cf_state_has_nested_field(const cf_state *state)
{
    bool found = false;

    for (size_t i = CF_FIELD_NUMBERS; i < state->name_count && !found; i++)
        found = cf_state_field_is_nested(state, (uint32_t)i);
    return found;
}

cf_dots *cf_state_dots(const cf_state *state)
{
    return state->dots;
}

static size_t index_place(const cf_slots *slots, uint32_t field, uint32_t dot)
{
    uint64_t hash = ((uint64_t)field << 32 | dot) * UINT64_C(0x9e3779b97f4a7c15);
    size_t mask = slots->index_size - 1, place = (size_t)(hash >> 32) & mask;

    while (slots->index[place]) {
        const cf_slot *slot = &slots->at[slots->index[place] - 1];

        if (slot->field == field && slot->dot == dot)
            break;
        place = (place + 1) & mask;
    }
    return place;
}

/* At most half of the index is used. */
static void grow_index(cf_slots *slots)
{
    size_t size = slots->index_size ? 2 * slots->index_size : INDEX_SIZE_MIN;

    if (2 * (slots->count + 1) <= slots->index_size)
        return;
    while (size < 2 * (slots->count + 1))
        size *= 2;
    free(slots->index);
    slots->index = cf_allocate(size, sizeof *slots->index);
    slots->index_size = size;
    for (size_t i = 0; i < slots->count; i++)
        slots->index[index_place(slots, slots->at[i].field, slots->at[i].dot)] = (uint32_t)i + 1;
}

cf_slot *cf_slots_of(const cf_state *state, cf_slots *slots, uint32_t field, uint32_t dot)
{
    grow_index(slots);
    uint32_t *place = &slots->index[index_place(slots, field, dot)];

    if (*place == 0) {
        *cf_one_more(slots->at, slots->count, slots->capacity) =
            (cf_slot){.field = field, .dot = dot};
        *place = (uint32_t)slots->count;
        cf_dots_use_again(cf_state_dots(state), dot);
    }
    return &slots->at[*place - 1];
}

/* The index of a large item isn't kept: to empty that for each small item would cost its size. */
static void empty(cf_slots *slots)
{
    slots->count = 0;
    if (slots->index_size > INDEX_KEPT) {
        free(slots->index);
        slots->index = NULL;
        slots->index_size = 0;
    } else if (slots->index_size) {
        memset(slots->index, 0, slots->index_size * sizeof *slots->index);
    }
}

void cf_slots_load(const cf_state *state, const cf_item *item, cf_slots *slots)
{
    empty(slots);
    for (uint32_t i = 0; item && i < item->total; i++) {
        const cf_stored_write *write = &item->writes[i];
        cf_slot *slot = cf_slots_of(state, slots, write->field, write->dot);

        if (i < item->live)
            *slot =
                (cf_slot){.field = write->field,
                          .dot = write->dot,
                          .balance = CF_WRITE_LIVES,
                          .weak = write->weak,
                          .value = cf_bytes_of((const uint8_t *)item + write->value, write->size)};
        else
            slot->balance = (int32_t)write->size;
    }
}

/* The write is gone; if it has not come yet, its name is remembered. */
static void replace_write(cf_state *state, cf_slots *slots, uint32_t field, const cf_dot *dot)
{
    uint32_t number = cf_dots_use(cf_state_dots(state), dot);
    cf_slot *slot = cf_slots_of(state, slots, field, number);

    if (slot->balance != CF_NAMES_UNCOUNTED)
        slot->balance++;
    cf_dots_drop(cf_state_dots(state), number);
}

void cf_slots_fold(cf_state *state, cf_slots *slots, const cf_change *change, uint32_t self)
{
    uint32_t field = cf_state_field_number(state, change->field);

    for (size_t i = 0; i < change->over_count; i++)
        replace_write(state, slots, field, &change->over[i]);
    if (!change->value.size)
        return;
    cf_slot *slot = cf_slots_of(state, slots, field, self);
    if (slot->balance == CF_WRITE_LIVES || slot->balance == CF_NAMES_UNCOUNTED)
        return;
    slot->balance--;
    slot->weak = change->weak;
    slot->value = change->value;
}

int cf_state_compare_fields(const cf_state *state, uint32_t a, uint32_t b)
{
    if (a == b)
        return 0;
    if (a < CF_FIELD_NUMBERS || b < CF_FIELD_NUMBERS)
        return a < b ? -1 : 1;
    return cf_bytes_compare(cf_state_field_name(state, a), cf_state_field_name(state, b));
}

/* Living writes come before remembered names; either by field, then by dot. */
static int compare_slots(const void *left, const void *right, void *context)
{
    const cf_slot *a = left, *b = right;
    const cf_state *state = context;
    bool a_lives = a->balance == CF_WRITE_LIVES, b_lives = b->balance == CF_WRITE_LIVES;

    if (a_lives != b_lives)
        return a_lives ? -1 : 1;
    int order = cf_state_compare_fields(state, a->field, b->field);
    return order ? order
                 : cf_dot_compare(cf_dots_at(cf_state_dots(state), a->dot),
                                  cf_dots_at(cf_state_dots(state), b->dot));
}

/* What an item had is in order already, and what came stands behind it: the sort is of that alone.
 *
 *     a c e g | f b      sorted: b f      merged: a b c e f g */
static void sort_slots(cf_state *state, cf_slots *slots)
{
    size_t count = slots->count, sorted = count > 0, from = 0, kept = 0;

    while (sorted < count && compare_slots(&slots->at[sorted - 1], &slots->at[sorted], state) < 0)
        sorted++;
    if (sorted == count)
        return;
    qsort_r(slots->at + sorted, count - sorted, sizeof(cf_slot), compare_slots, state);
    cf_slot *merged = cf_allocate(count, sizeof *merged);
    for (size_t i = sorted; i < count; i++) {
        while (from < sorted && compare_slots(&slots->at[from], &slots->at[i], state) < 0)
            merged[kept++] = slots->at[from++];
        merged[kept++] = slots->at[i];
    }
    memcpy(merged + kept, slots->at + from, (sorted - from) * sizeof *merged);
    free(slots->at);
    slots->at = merged;
    slots->capacity = count;
}

/* Slots of which nothing is kept go. Returns the size of the values of those that stay. */
static size_t drop_balanced(cf_state *state, cf_slots *slots)
{
    size_t kept = 0, size = 0;

    for (size_t i = 0; i < slots->count; i++) {
        if (slots->at[i].balance == 0) {
            cf_dots_drop(cf_state_dots(state), slots->at[i].dot);
            continue;
        }
        if (slots->at[i].balance == CF_WRITE_LIVES)
            size += slots->at[i].value.size;
        slots->at[kept++] = slots->at[i];
    }
    slots->count = kept;
    return size;
}

cf_item *cf_slots_store(cf_state *state, cf_slots *slots, const cf_id *id)
{
    size_t values = drop_balanced(state, slots);
    size_t used = sizeof(cf_item) + slots->count * sizeof(cf_stored_write), size = used + values;

    if (slots->count == 0)
        return NULL;
    sort_slots(state, slots);
    assert(size < UINT32_MAX);
    cf_item *item = cf_allocate(1, size);
    item->id = *id;
    item->total = (uint32_t)slots->count;
    for (size_t i = 0; i < slots->count; i++) {
        const cf_slot *slot = &slots->at[i];
        cf_stored_write *write = &item->writes[i];

        *write = (cf_stored_write){.dot = slot->dot,
                                   .size = (uint32_t)slot->balance,
                                   .field = slot->field & (CF_FIELD_NUMBER_LIMIT - 1)};
        if (slot->balance != CF_WRITE_LIVES)
            continue;
        item->live++;
        write->weak = slot->weak;
        write->value = (uint32_t)used;
        write->size = (uint32_t)slot->value.size;
        memcpy((uint8_t *)item + used, slot->value.data, slot->value.size);
        used += slot->value.size;
    }
    empty(slots);
    return item;
}

void cf_slots_release(cf_slots *slots)
{
    free(slots->at);
    free(slots->index);
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

/* The first of its living writes that is not before this field and dot; NULL: any dot of it. */
static uint32_t first_at(const cf_state *state, const cf_item *item, uint32_t field,
                         const cf_dot *dot)
{
    const cf_dots *dots = cf_state_dots(state);
    uint32_t low = 0, high = item->live;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const cf_stored_write *write = &item->writes[middle];
        int order = cf_state_compare_fields(state, write->field, field);

        if (order == 0 && dot)
            order = cf_dot_compare(cf_dots_at(dots, write->dot), dot);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool cf_item_has_field(const cf_state *state, const cf_item *item, uint32_t field)
{
    uint32_t first = item ? first_at(state, item, field, NULL) : 0;

    return item && first < item->live && item->writes[first].field == field;
}

bool cf_state_find_write(const cf_state *state, const cf_item *item, uint32_t field,
                         const cf_dot *dot, cf_write *out)
{
    uint32_t number, at;

    if (!cf_dots_find(cf_state_dots(state), dot, &number))
        return false;
    at = first_at(state, item, field, dot);
    if (at == item->live || item->writes[at].field != field || item->writes[at].dot != number)
        return false;
    *out = cf_state_write(state, item, at);
    return true;
}

bool cf_state_find_write_of(const cf_state *state, const cf_item *item, cf_bytes field,
                            const cf_dot *dot, cf_write *out)
{
    uint32_t number;

    return cf_state_find_field(state, field, &number) &&
           cf_state_find_write(state, item, number, dot, out);
}
