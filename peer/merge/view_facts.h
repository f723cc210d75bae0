/* SPDX-License-Identifier: Apache-2.0 */
/* What the state says of one item by itself: which writes count, whether it lives, where it is
 * placed, what it contains (model, rules W, D, P, C, H). */
#ifndef CF_PEER_MERGE_VIEW_FACTS_H
#define CF_PEER_MERGE_VIEW_FACTS_H
#include "peer/merge/view_inside.h"

typedef struct {
    cf_id holder;
    cf_write write;
    bool live;   /* no deletion covers the write */
    bool counts; /* no deletion that counts does (model, rule G) */
} cf_fact;

/* Everything borrows from the state and the arena. */
typedef struct {
    cf_id id;
    uint8_t kind;
    const cf_fact *facts; /* deletions are not among them */
    size_t count;
} cf_facts;

cf_facts cf_facts_of(const cf_view *view, const cf_seen *seen, cf_arena *arena);

/* Less than, equal to or greater than zero: not covered, then a user's, then the latest wins (W).
 *
 *     A moves a to b at 5 and deletes b; B, who saw neither, moved a to c at 4: c, since the
 *     deletion covers the name b, though b is later */
int cf_fact_compare(const cf_fact *a, const cf_fact *b);
/* The fact that wins, NULL when the field has none. */
const cf_fact *cf_facts_best(const cf_facts *facts, uint32_t field);
/* The value that wins, else `none`. */
cf_bytes cf_facts_value(const cf_facts *facts, uint32_t field, cf_bytes none);
/* A user's write is there that no deletion which counts covers (D).
 *
 *     a is deleted here || edited there: lives     || chmod there, which is weak: doesn't */
bool cf_facts_live(const cf_facts *facts);

/* The directory and the name that the item should have; a lost or unusable one is made up: the
 * root, and "lost-" with eight digits of the id. */
typedef struct {
    cf_id parent;
    cf_bytes name;
    bool is_pinned_copy; /* the name is a conflict name, by a pin, as cf_shown.pinned_copy says */
} cf_wish;
cf_wish cf_facts_wish(const cf_facts *facts, cf_arena *arena);

/* The directory that a directory was in before it was moved, as its mover says; the root where
 * nobody says any. */
cf_id cf_facts_former(const cf_facts *facts);

/* When the item came to its name and by which entry; orders items, by id in the end. */
typedef struct {
    cf_time time;
    cf_dot dot;
    cf_id id;
} cf_placed;
cf_placed cf_facts_placed(const cf_facts *facts);
int cf_placed_compare(const cf_placed *a, const cf_placed *b);

/* One of the contents that count, with the facts that gave it. */
typedef struct {
    cf_bytes value;
    const cf_fact **facts;
    size_t count;
} cf_version;
/* The first is the item's, the others are shown as conflict copies (C).
 *
 *     a was 1; 2 is written here, 3 there, later     3, and a copy with 2
 *     2 here and there                               2, one version with two facts
 *     2 here, then a is deleted here; 3 there        3 alone */
cf_version *cf_facts_versions(const cf_facts *facts, cf_arena *arena, size_t *count);

#endif
