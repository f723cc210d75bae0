/* SPDX-License-Identifier: Apache-2.0 */
/* Which writes of the state a base row shows: exactly these a later change of the user's replaces
 * (model, rule B); and those that the row doesn't show, since others came before them.
 *
 *     A wrote name Anna (A2), B Anne (B2), which is later: /columns/name has two refs,
 *     B2 Anne SHOWN and A2 Anna LISTED. Who edits the name replaces B2; who clears it both (r) */
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

/* The refs of a row, to look in; of no row there are none. */
typedef struct {
    cf_row_ref *at;
    size_t count;
    size_t *by_field; /* where they are, ascending by field; NULL: they are few */
} cf_row_refs;
cf_row_refs cf_row_refs_of(const cf_row *base, cf_arena *arena);
/* The next ref of the field, in their order; `at` is 0 for the first. NULL: there is no more. */
const cf_row_ref *cf_row_refs_next(const cf_row_refs *refs, cf_bytes field, size_t *at);
/* The value shown of a field that is none of a set, as in the state; or nothing. */
cf_bytes cf_row_refs_shown(const cf_row_refs *refs, cf_bytes field);

/* What a reference is in the state: ["@", item], or ["?", key] of a row that there is not. */
void cf_reference_pack_item(cf_buffer *out, const cf_id *item);
void cf_reference_pack_nothing(cf_buffer *out, cf_bytes key);
/* The former of these two values or, without an item, the latter; in the arena. */
cf_bytes cf_reference_to(const cf_id *item, cf_bytes key, cf_arena *arena);
bool cf_reference_item(cf_bytes value, cf_id *item);
bool cf_reference_nothing(cf_bytes value, cf_bytes *key);

#endif
