/* SPDX-License-Identifier: Apache-2.0 */
/* The past of a collection: every write that counts or ever counted, by item, and which items were
 * ever at a place. The state holds only what nobody has replaced; what a folder or a table shows
 * that has no base yet is compared with all of it. One pass over the log; kept only meanwhile. */
#ifndef CF_PEER_LOG_PAST_H
#define CF_PEER_LOG_PAST_H
#include "peer/log/peer.h"

typedef struct {
    cf_bytes field;
    cf_bytes value; /* as in the state: of a content its identity; none: it took away others' */
    cf_dot dot;
} cf_past_write;

/* A place is (directory, name) of a file, (table, key) of a record; both as values. */
typedef struct {
    cf_bytes within, name;
    cf_dot within_dot, name_dot;
} cf_past_place;

typedef struct {
    cf_id id;
    const cf_past_write *writes; /* in the log's order, deletions are not among them */
    size_t count;
} cf_past_item;

typedef struct cf_past cf_past;

/* What can't be read says nothing. */
cf_status cf_past_read(cf_peer *peer, const cf_id *collection, cf_past **out, cf_error *error);
void cf_past_destroy(cf_past **past);

/* NULL: nobody ever wrote it. */
const cf_past_item *cf_past_find(const cf_past *past, const cf_id *item);
/* The latest write of the field with this value, or the latest of any; NULL: there was none. */
const cf_past_write *cf_past_wrote(const cf_past_item *item, cf_bytes field, cf_bytes value);
const cf_past_write *cf_past_last(const cf_past_item *item, cf_bytes field);

/* Calls `visit` with each item that was ever at this place, the latest first, until that says
 * false.
 */
typedef bool cf_past_visit(void *context, const cf_past_item *item, const cf_past_place *place);
void cf_past_at(const cf_past *past, cf_bytes within, cf_bytes name, cf_past_visit *visit,
                void *context);
/* The same for one item's stay there; NULL: it never was. */
const cf_past_place *cf_past_stay(const cf_past *past, const cf_past_item *item, cf_bytes within,
                                  cf_bytes name);

#endif
