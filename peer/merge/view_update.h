/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the view: one update. It looks at the items that changed and the directories above. */
#ifndef CF_PEER_MERGE_VIEW_UPDATE_H
#define CF_PEER_MERGE_VIEW_UPDATE_H
#include "peer/merge/view_facts.h"

/* What becomes of one item whose facts may have changed. */
typedef struct {
    cf_seen *seen;
    bool anchored;
    cf_seen *wished;
    cf_bytes name;
    bool is_several, is_pinned_copy;
} cf_judged;

/* What becomes of one item on the way from a changed one to the root. */
typedef struct {
    cf_seen *seen;
    bool was_visible, was_cut, moves;
    cf_seen *parent; /* from now on */
} cf_affected;

typedef struct {
    cf_view *view;
    cf_arena arena; /* the new names */
    cf_seen_list touched;
    cf_judged *verdicts; /* one for each touched */
    cf_affected *passages;
    size_t passage_count, passage_capacity;
    bool regrouped; /* the places of what is cut hang on what happened */
} cf_renewal;

/* Brings all that is affected where the verdicts put it (model, rules O and Y), and marks the
 * groups it leaves and enters. */
void cf_renewal_place(cf_renewal *update);
/* Gives a directory its name. */
void cf_seen_name(cf_seen *seen, cf_bytes name);

#endif
