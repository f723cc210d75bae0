/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the state: one item's writes in one piece of memory, and how it is made anew. */
#ifndef CF_PEER_MERGE_STATE_ITEM_H
#define CF_PEER_MERGE_STATE_ITEM_H
#include "peer/merge/dots.h"
#include "peer/merge/state.h"

#define CF_FIELD_NUMBER_LIMIT (UINT32_C(1) << 31)

/* A write, or (behind all writes) the remembered name of one whose entry is not here. */
typedef struct {
    uint32_t dot;
    uint32_t value, size; /* where the value begins, counted from the item's start */
    uint32_t field : 31;
    uint32_t weak : 1;
} cf_stored_write;

struct cf_item {
    cf_table_link link;
    cf_id id;
    uint32_t live, total; /* writes, and all with the names remembered */
    bool tried;           /* made during the trial that is under way */
    cf_stored_write writes[];
};

/* The same, open for changes. It counts as a use of its dot. */
typedef struct {
    uint32_t field, dot;
    bool weak, remembered;
    cf_bytes value;
} cf_slot;

typedef struct {
    cf_slot *at;
    size_t count, capacity;
} cf_slots;

void cf_slots_add(cf_slots *slots, cf_slot slot);
void cf_slots_load(const cf_state *state, const cf_item *item, cf_slots *slots);
/* Rule S for one change of the entry whose dot has the number `self`. */
void cf_slots_fold(cf_state *state, cf_slots *slots, const cf_change *change, uint32_t self);
/* A new item with what the slots hold; NULL when that is nothing. Each use of a dot is the new
 * item's, those of the slots end. */
cf_item *cf_slots_store(cf_state *state, cf_slots *slots, const cf_id *id);
void cf_slots_release(cf_slots *slots);
void cf_item_free(cf_state *state, cf_item *item);

uint32_t cf_state_field_number(cf_state *state, cf_bytes name);
cf_dots *cf_state_dots(const cf_state *state);
/* What is held of an item, if only remembered names. */
const cf_item *cf_state_record(const cf_state *state, const cf_id *id);
/* Calls `visit` for every item of which anything is held. */
void cf_state_each_record(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                          void *context);
void cf_state_take_item(cf_state *state, const cf_id *id, cf_item *fresh);

#endif
