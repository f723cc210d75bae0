/* SPDX-License-Identifier: Apache-2.0 */
/* Rows found by those that are tied to them (cf_row_tie in peer/records/schema.h).
 *
 *     orders.mail refers to people.mail, which compares without case (NOCASE):
 *     the order of "ANN@x" is tied to the person of "ann@x"; an order without mail to none */
#ifndef CF_PEER_RECORDS_ROW_TIES_H
#define CF_PEER_RECORDS_ROW_TIES_H
#include "codec/hash_table.h"
#include "peer/records/schema.h"

typedef struct {
    const cf_row_format *format;
    cf_hash_table rows;
} cf_tied_rows; /* of a format; no rows yet */

/* Borrows the row; the rest is in the arena. */
void cf_tied_rows_add(cf_tied_rows *tied, const cf_row *row, cf_arena *arena);
void cf_tied_rows_release(cf_tied_rows *tied);
/* What the row refers to; NULL: nothing, or nothing among these. */
const cf_row *cf_tied_rows_find(const cf_tied_rows *tied, const cf_row_tie *tie,
                                const cf_row *child);

/* Whether the child says, in the columns that its tie or bond `field` is named by, what the parent
 * says nowhere: so the child refers to another row by now, or to none. What can't be told from the
 * names is no.
 *
 *     /bond/people/mail: the order's mail is "eve@x", no column of Ann's is      outdated
 *     … "ANN@x", and a column of Ann's is "ann@x"                                not outdated */
bool cf_tie_is_outdated(const cf_row *child, cf_bytes field, const cf_row *parent);

#endif
