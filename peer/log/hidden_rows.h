/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that the view holds back, and what people call them. Nobody gave such a row a key that it
 * could be shown with, so the one that it wishes for may be another row's; its name says, too,
 * which device made it:
 *
 *     covers/1            the laptop's, which is shown
 *     covers/1~desktop    the desktop's, of the same list: each list has one cover
 *     covers/1~desktop~2  another one that the desktop made and gave that key
 *
 * One that is held back for another reason, in a table whose keys nobody counts, is called by its
 * key alone: no other row can have that. */
#ifndef CF_PEER_LOG_HIDDEN_ROWS_H
#define CF_PEER_LOG_HIDDEN_ROWS_H
#include "peer/log/peer.h"
#include "peer/records/record_view.h"

typedef struct {
    const cf_row_held *held;
    cf_bytes path;   /* as above */
    cf_bytes suffix; /* of it what stands behind the key: "~desktop"; may be nothing */
    cf_dot made;     /* the first write of it that is known, */
    cf_time time;
    cf_hash device; /* and who wrote that */
} cf_hidden_row;

typedef struct {
    const cf_hidden_row *at; /* ascending by item */
    size_t count;
} cf_hidden_rows; /* {0} has none */

/* All that the view holds back; it is borrowed, the rest lies in the arena. */
cf_hidden_rows cf_hidden_rows_of(cf_peer *peer, const cf_collection *collection,
                                 const cf_schema *schema, const cf_row_view *view, cf_arena *arena);
/* NULL: the row is none of them. */
const cf_hidden_row *cf_hidden_row_of_item(const cf_hidden_rows *rows, const cf_id *item);
const cf_hidden_row *cf_hidden_row_named(const cf_hidden_rows *rows, cf_bytes path);

/* The first write of the row that the state has; false: it has none. */
bool cf_row_made(const cf_state *state, const cf_id *item, cf_dot *dot, cf_time *time);
/* What stands behind the key of a row that is not shown and was made so: "~desktop". In the arena.
 */
cf_bytes cf_hidden_row_suffix(cf_peer *peer, const cf_dot *made, cf_arena *arena);

#endif
