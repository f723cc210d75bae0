/* SPDX-License-Identifier: Apache-2.0 */
/* A draft: the changes of one changeset as the scan of records collects them, at most one for each
 * item and field. Values and names are borrowed. */
#ifndef CF_PEER_RECORDS_ROW_DRAFT_H
#define CF_PEER_RECORDS_ROW_DRAFT_H
#include "codec/change.h"
#include "peer/merge/table.h"

typedef struct cf_row_drafted cf_row_drafted;

typedef struct {
    cf_arena *arena;
    cf_table table;
    cf_change *changes; /* as they were last asked for */
    size_t change_count;
    bool changed; /* since then */
} cf_row_draft;   /* {arena} is empty */

/* A new write, in place of one drafted before. */
void cf_row_draft_write(cf_row_draft *draft, const cf_id *item, cf_bytes field, cf_bytes value,
                        bool weak);
/* The change, if only this, replaces the write `dot`. */
void cf_row_draft_over(cf_row_draft *draft, const cf_id *item, cf_bytes field, const cf_dot *dot);
bool cf_row_draft_has(const cf_row_draft *draft, const cf_id *item, cf_bytes field);
/* Ascending by (item, field); in the draft's arena. */
cf_change *cf_row_draft_changes(cf_row_draft *draft, size_t *count);
/* Frees the table; what lies in the arena stays. */
void cf_row_draft_release(cf_row_draft *draft);

#endif
