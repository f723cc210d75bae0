/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a collection: entries of it that are held and are not in the state. */
#ifndef CF_PEER_LOG_COLLECTION_INSIDE_H
#define CF_PEER_LOG_COLLECTION_INSIDE_H
#include "peer/log/collection.h"

/* One that waits for its key or a newer program; or, with a number, for the other parts. */
typedef struct {
    cf_head head;
    uint64_t part, parts;
} cf_waiting;

typedef struct {
    cf_waiting *at;
    size_t count, capacity;
} cf_waiting_list;
/* How long the value of such a record is: a part has its number and how many there are; one that is
 * void, and that nobody misses, one byte; any other nothing. */
enum { CF_WAITING_PART = 16, CF_WAITING_VOID = 1 };
/* From a record of CF_TABLE_WAITING; one that is none is left out. */
void cf_waiting_add(cf_waiting_list *list, cf_bytes key, cf_bytes value);

#endif
