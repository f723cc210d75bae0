/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of the state a base row shows: exactly these a later change of the user's replaces
 * (model, rule B); and those that it doesn't show, since others came before them. */
#ifndef CF_PEER_RECORDS_ROW_REFS_H
#define CF_PEER_RECORDS_ROW_REFS_H
#include "peer/records/record.h"

typedef enum {
    CF_WRITE_SHOWN,
    CF_WRITE_LISTED, /* another user's value: a conflict */
    CF_WRITE_HIDDEN, /* no conflict: weak, or deleted */
} cf_write_standing;

typedef struct {
    cf_bytes field; /* of the state: of a value in a set NAME/ENTRY */
    cf_dot dot;
    cf_bytes value; /* as in the state: a reference is cf_reference_item or _nothing */
    cf_write_standing standing;
} cf_row_ref;

/* In the order given; a value that the row's own fields show takes no room again. */
void cf_row_refs_pack(cf_buffer *out, const cf_row *row, const cf_row_ref *refs, size_t count);
/* Borrows from the row and the arena. No bytes are no refs. */
cf_status cf_row_refs_read(const cf_row *row, cf_arena *arena, cf_row_ref **out, size_t *count,
                           cf_error *error);

/* What a reference is in the state: ["@", item], or ["?", key] of a row that there is not. */
void cf_reference_pack_item(cf_buffer *out, const cf_id *item);
void cf_reference_pack_nothing(cf_buffer *out, cf_bytes key);
bool cf_reference_item(cf_bytes value, cf_id *item);
bool cf_reference_nothing(cf_bytes value, cf_bytes *key);

#endif
