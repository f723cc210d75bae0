/* SPDX-License-Identifier: Apache-2.0 */
/* A draft: the changes of one entry, or of one changeset, as a scan collects them, at most one for
 * each item and field. Values and names are borrowed. */
#ifndef CF_PEER_MERGE_CHANGE_DRAFT_H
#define CF_PEER_MERGE_CHANGE_DRAFT_H
#include "codec/change.h"
#include "codec/hash_table.h"

typedef struct {
    cf_arena *arena;
    cf_hash_table table;
    cf_change *changes; /* as they were last asked for */
    size_t change_count;
    bool changed;  /* since then */
} cf_change_draft; /* {arena} is empty */

/* A new write, in place of one drafted before. */
void cf_change_draft_write(cf_change_draft *draft, const cf_id *item, cf_bytes field,
                           cf_bytes value, bool weak);
/* The change, if only this, replaces the write `dot`. */
void cf_change_draft_over(cf_change_draft *draft, const cf_id *item, cf_bytes field,
                          const cf_dot *dot);
bool cf_change_draft_has(const cf_change_draft *draft, const cf_id *item, cf_bytes field);
/* What is written; none where nothing is. */
cf_bytes cf_change_draft_value(const cf_change_draft *draft, const cf_id *item, cf_bytes field);
/* Ascending by (item, field); in the draft's arena. */
cf_change *cf_change_draft_changes(cf_change_draft *draft, size_t *count);
/* Frees the table; what lies in the arena stays. */
void cf_change_draft_release(cf_change_draft *draft);

#endif
