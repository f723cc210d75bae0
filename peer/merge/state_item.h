/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the state: its fields by name and number, and one item's writes in one piece of memory,
 * and how it is made anew. */
#ifndef CF_PEER_MERGE_STATE_ITEM_H
#define CF_PEER_MERGE_STATE_ITEM_H
#include "codec/hash_table.h"
#include "peer/merge/dots.h"
#include "peer/merge/state.h"

#define CF_FIELD_NUMBER_LIMIT (UINT32_C(1) << 31)

/* How many entries name a write in `over`, less one if the write is here: CF_WRITE_LIVES for a
 * write that nobody has replaced, 0 for one of which nothing is kept, more for a name that is
 * remembered. Counted up and down, it is the same for the same entries in whatever order they come:
 *
 *     the write, then a name      -1  0        nothing is kept
 *     a name, then the write       1  0        the same
 *     the write, two names        -1  0  1     the second name is remembered
 *     two names, then the write    1  2  1     the same
 */
enum {
    CF_WRITE_LIVES = -1,
    /* Of a name in a record that an older program wrote, which counted nothing. It replaces the
     * write like any other and is kept for good, the write be here already or not. */
    CF_NAMES_UNCOUNTED = INT32_MAX
};

/* A write, or (behind all writes) the name of one that is remembered. */
typedef struct {
    uint32_t dot;
    uint32_t value; /* where the value begins, counted from the item's start */
    uint32_t size;  /* of the value; of a remembered name its count */
    uint32_t field : 31;
    uint32_t weak : 1;
} cf_stored_write;

struct cf_item {
    cf_hash_link link;
    cf_id id;
    uint32_t live, total; /* writes, and all with the names remembered */
    bool tried;           /* made during the trial that is under way */
    cf_stored_write writes[];
};

/* A write or a remembered name, open for changes. A slot counts as a use of its dot. */
typedef struct {
    uint32_t field, dot;
    int32_t balance; /* names less writes */
    bool weak;
    cf_bytes value;
} cf_slot;

typedef struct {
    cf_slot *at;
    size_t count, capacity;
    uint32_t *index; /* where in `at` a slot is, from 1 on, by a hash of its field and dot */
    size_t index_size;
} cf_slots; /* {0} is empty */

/* What a trial is to put back. */
typedef struct {
    cf_id id;
    cf_item *old; /* NULL: there was none */
} cf_state_undo;

typedef struct {
    cf_hash_link link;
    cf_bytes name;
    uint32_t number;
} cf_state_field;

struct cf_state {
    cf_hash_table items;
    uint64_t most; /* writes of an item that is shown */
    size_t shown;  /* items that have a write, but for those */
    size_t overfull, contested;
    cf_dots *dots;
    cf_hash_table fields;
    cf_state_field **names;
    size_t name_count, name_capacity;
    bool trying;
    cf_state_undo *undos;
    size_t undo_count, undo_capacity;
};

/* The slot of this field and dot: one with a balance of 0 is added if there is none, which uses the
 * dot. It stays where it is until the next is asked for. */
cf_slot *cf_slots_of(const cf_state *state, cf_slots *slots, uint32_t field, uint32_t dot);
void cf_slots_load(const cf_state *state, const cf_item *item, cf_slots *slots);
/* Rule S for one change of the entry whose dot has the number `self`. */
void cf_slots_fold(cf_state *state, cf_slots *slots, const cf_change *change, uint32_t self);
/* A new item with what the slots hold; NULL when that is nothing. Each use of a dot is the new
 * item's, those of the slots end. */
cf_item *cf_slots_store(cf_state *state, cf_slots *slots, const cf_id *id);
void cf_slots_release(cf_slots *slots);
void cf_item_free(cf_state *state, cf_item *item);

bool cf_item_has_field(const cf_state *state, const cf_item *item, uint32_t field);
uint32_t cf_state_field_number(cf_state *state, cf_bytes name);
/* False: no item has ever had the field. */
bool cf_state_find_field(const cf_state *state, cf_bytes name, uint32_t *number);
cf_dots *cf_state_dots(const cf_state *state);
/* What is held of an item, if only remembered names; overfull or not. */
const cf_item *cf_state_record(const cf_state *state, const cf_id *id);
/* Calls `visit` for every item of which anything is held. */
void cf_state_each_record(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                          void *context);
/* Drops the names of the item that `older` has uncounted from both: what the other says of them,
 * worked out from the entries, is as good. */
void cf_state_drop_uncounted(cf_state *state, cf_state *older, const cf_id *item);
void cf_state_take_item(cf_state *state, const cf_id *id, cf_item *fresh);

#endif
