/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan of files drafts. What its changes replace is what the base showed (model, rules B and
 * T). */
#ifndef CF_PEER_MERGE_DRAFT_H
#define CF_PEER_MERGE_DRAFT_H
#include "peer/merge/change_draft.h"
#include "peer/merge/fields.h"
#include "peer/merge/node.h"

/* What a base node shows; none for what is new. */
typedef struct {
    const cf_ref *at;
    size_t count;
} cf_refs;

/* A new write of `item`'s field, over all that the refs show of it. */
void cf_draft_set(cf_change_draft *draft, cf_refs refs, const cf_id *item, uint32_t field,
                  cf_bytes value, bool weak);
/* A deletion of `item` that covers all that the refs show of it. */
void cf_draft_delete(cf_change_draft *draft, cf_refs refs, const cf_id *item);
bool cf_draft_has(const cf_change_draft *draft, const cf_id *item, uint32_t field);
/* Not by a deletion that only tells which others were seen. */
bool cf_draft_deletes(const cf_change_draft *draft, const cf_id *item);

#endif
