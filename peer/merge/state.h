/* SPDX-License-Identifier: Apache-2.0 */
/* The state of one collection: item -> field -> the writes nobody has replaced (model, rule S).
 *
 *     A1 writes a's /content; A2 and B1 both replace A1: A2 and B1 live, in whatever order the two
 *     entries came; B2 replaces A2 and B1: B2 alone lives. `after` of an entry removes nothing.
 *
 * The state is the same, and is packed to the same bytes, for the same entries in whatever order
 * they came: a name in `over` whose write is not here is remembered. Not thread-safe. All of it is
 * in memory, about 220 bytes a file; an item is packed by itself, so that the engine saves just
 * those that changed. */
#ifndef CF_PEER_MERGE_STATE_H
#define CF_PEER_MERGE_STATE_H
#include "codec/id_list.h"
#include "codec/change.h"
#include "peer/merge/fields.h"

typedef struct cf_state cf_state;
typedef struct cf_item cf_item; /* what the state holds of one item */

typedef struct {
    uint32_t
        field; /* peer/merge/fields.h has the fixed numbers; others are numbered as they come */
    bool weak;
    cf_dot dot;
    cf_time time;
    cf_bytes value; /* borrowed from the item */
} cf_write;

cf_state *cf_state_new(void);
void cf_state_destroy(cf_state **state);

/* An item that has more living writes than this is *overfull*: all of them are kept, and none is
 * shown. CF_ITEM_WRITES_MAX where nothing is said; to be called while the state is empty. */
void cf_state_bound_items(cf_state *state, uint64_t most);

/* Folds one entry's changes in; to be called once for each entry that counts. Appends the items
 * which it named to `dirty` (if not NULL), for cf_view_update and to be saved. Ends what was
 * borrowed from these items. */
void cf_state_apply(cf_state *state, const cf_dot *dot, cf_time time, const cf_change *changes,
                    size_t count, cf_ids *dirty);

/* Drops what is held of one item, remembered names too: for one whose entries are applied again
 * because some of them count no longer, or do again. */
void cf_state_forget_item(cf_state *state, const cf_id *item);

/* NULL when the state has no write of this item, or the item is overfull. The item lasts until it
 * is next changed. */
const cf_item *cf_state_item(const cf_state *state, const cf_id *id);
/* Writes in ascending order of (field, dot): fields with a fixed number first, in that order, then
 * the others by name. */
size_t cf_item_write_count(const cf_item *item);
cf_write cf_state_write(const cf_state *state, const cf_item *item, size_t index);
/* One write by its field and dot; false if the item does not have it. */
bool cf_state_find_write(const cf_state *state, const cf_item *item, uint32_t field,
                         const cf_dot *dot, cf_write *out);
bool cf_state_find_write_of(const cf_state *state, const cf_item *item, cf_bytes field,
                            const cf_dot *dot, cf_write *out);
bool cf_state_has_field(const cf_state *state, const cf_id *item, uint32_t field);
cf_bytes cf_state_field_name(const cf_state *state, uint32_t field);
/* Whether the field is below another one that an item has ever had, as /a/b is below /a; whether
 * any is. */
bool cf_state_field_is_nested(const cf_state *state, uint32_t field);
bool cf_state_has_nested_field(const cf_state *state);
/* As qsort wants it: fields with a fixed number come first; the number of any other is only how
 * this state met it. */
int cf_state_compare_fields(const cf_state *state, uint32_t a, uint32_t b);

/* Items that have a write and are not overfull. */
size_t cf_state_item_count(const cf_state *state);
/* Calls `visit` for each of these items, in no order. */
void cf_state_each(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                   void *context);

/* The records among them that have several living writes of one field, other than deletions. */
size_t cf_state_contested_count(const cf_state *state);

bool cf_state_is_overfull(const cf_state *state, const cf_id *item);
size_t cf_state_overfull_count(const cf_state *state);
/* Calls `visit` for every overfull item, in no order. */
void cf_state_each_overfull(const cf_state *state, void (*visit)(void *context, const cf_id *item),
                            void *context);
/* Of an overfull item. */
typedef struct {
    size_t writes, by_one; /* that live; of them, by the writer who has more than half of them, or
                              by any */
    cf_dot one;            /* one of these */
} cf_overfull;
cf_overfull cf_state_overfull_of(const cf_state *state, const cf_id *item);
/* Any write of the item lives, be it overfull or not: no new item takes its id. */
bool cf_state_knows(const cf_state *state, const cf_id *item);
/* Any write of the item's field lives, by the field's name. */
bool cf_state_knows_field(const cf_state *state, const cf_id *item, cf_bytes field);

/* What is kept of an item in the private table 'i': its writes and the names remembered, canonical.
 * False, and nothing appended, when there is nothing to keep: drop the record. */
bool cf_state_item_pack(const cf_state *state, const cf_id *item, cf_buffer *out);
/* Takes a record back into the state, in place of what is held of the item. CF_MALFORMED: the
 * record is damaged, nothing was taken. */
cf_status cf_state_item_read(cf_state *state, const cf_id *item, cf_bytes record, cf_error *error);

/* A trial: what is applied between the two calls is undone by the second. Not nested. */
void cf_state_trial_begin(cf_state *state);
void cf_state_trial_end(cf_state *state);

#endif
