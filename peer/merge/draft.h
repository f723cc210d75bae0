/* SPDX-License-Identifier: Apache-2.0 */
/* A draft: the changes of one entry as a scan collects them, at most one for each item and field.
 * What they replace is what the base showed (model, rules B and T). */
#ifndef CF_PEER_MERGE_DRAFT_H
#define CF_PEER_MERGE_DRAFT_H
#include "codec/change.h"
#include "peer/merge/fields.h"
#include "peer/merge/node.h"
#include "peer/merge/table.h"

/* What a base node shows; none for what is new. */
typedef struct {
    const cf_ref *at;
    size_t count;
} cf_refs;

typedef struct {
    cf_arena *arena;
    cf_table table;
} cf_draft;

/* A new write of `item`'s field, over all that the refs show of it. */
void cf_draft_set(cf_draft *draft, cf_refs refs, const cf_id *item, uint32_t field, cf_bytes value,
                  bool weak);
/* A deletion of `item` that covers all that the refs show of it. */
void cf_draft_delete(cf_draft *draft, cf_refs refs, const cf_id *item);
bool cf_draft_has(const cf_draft *draft, const cf_id *item, uint32_t field);
/* Ascending by (item, field). The list lives in `arena`, what it names in the draft's. */
void cf_draft_changes(const cf_draft *draft, cf_arena *arena, cf_change **out, size_t *count);
/* Frees the table; what lies in the arena stays. */
void cf_draft_release(cf_draft *draft);

#endif
