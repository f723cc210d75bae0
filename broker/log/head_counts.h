/* SPDX-License-Identifier: Apache-2.0 */
/* How many heads, ends of branches, a log holds of each device, and whether there is room for one
 * more. Forks of one writer count each, in collections that anybody invents as in others. Kept as
 * entries come, so that a question costs the same however many there are. Decides, reads nothing.
 * Owned by a log. */
#ifndef CF_BROKER_LOG_HEAD_COUNTS_H
#define CF_BROKER_LOG_HEAD_COUNTS_H
#include "codec/entry.h"

typedef struct cf_head_bounds {
    uint64_t of_device_in_collection; /* what its own sessions may bring it to, */
    uint64_t of_device;               /* and in all collections but the member log */
    uint64_t of_user;                 /* whoever brings them; without the member log */
    uint64_t of_member_log;           /* twice as many where the operation counts */
} cf_head_bounds;

extern const cf_head_bounds cf_head_bounds_default;
/* Of a peer's log: a broker has counted what it sends, and what is not sent yet comes on top. */
extern const cf_head_bounds cf_head_bounds_of_peer;

typedef struct cf_head_counts cf_head_counts;

cf_head_counts *cf_head_counts_new(void);
void cf_head_counts_destroy(cf_head_counts **counts);

/* A head that the log holds. */
void cf_head_counts_add(cf_head_counts *counts, const cf_entry *head);
/* An entry that the log did not have is held from now on: it takes the place of its predecessor
 * where that is a head. */
void cf_head_counts_take(cf_head_counts *counts, const cf_entry *entry);

/* Whose it is, and in which collection. */
typedef struct {
    cf_hash device;
    cf_id collection;
} cf_head_place;
/* False: it is no head. */
bool cf_head_counts_place(const cf_head_counts *counts, const cf_hash *entry, cf_head_place *out);

/* Whether any entry of it is held. */
bool cf_head_counts_has(const cf_head_counts *counts, const cf_id *collection);

typedef enum {
    CF_HEAD_ROOM,
    CF_HEAD_ROOM_NOT_IN_COLLECTION, /* of the device */
    CF_HEAD_ROOM_NOT_OF_DEVICE,
    CF_HEAD_ROOM_NOT_OF_USER, /* or in the member log */
} cf_head_room;

typedef struct {
    bool is_by_author; /* who brings it */
    bool is_void;
} cf_head_claim;

/* Whether the log has room for the head that this entry is. What goes on where a branch ended takes
 * none. */
cf_head_room cf_head_counts_room(const cf_head_counts *counts, const cf_head_bounds *bounds,
                                 const cf_entry *entry, cf_head_claim claim);

#endif
