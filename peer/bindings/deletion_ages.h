/* SPDX-License-Identifier: Apache-2.0 */
/* How old what vanishes from a source is, by the log. Young is what who deletes it made himself
 * within the hour before: that is his own affair.
 *
 *     a folder of 200 new notes is added, and emptied but for one:   they were there, older
 *     200 notes are made in it, and deleted half an hour later:      young
 *     200 links are moved into it from where they lay for a year:    brought, older */
#ifndef CF_PEER_BINDINGS_DELETION_AGES_H
#define CF_PEER_BINDINGS_DELETION_AGES_H
#include "peer/bindings/binding.h"

enum { CF_DELETERS_MAX = 64 }; /* what more devices deleted at once counts as older */

/* Who deletes, and until when. */
typedef struct {
    cf_id writer;
    uint64_t at_ms;
} cf_deleter;

typedef struct {
    const cf_state *state; /* NULL: nobody knows, all is older */
    uint64_t met_ms;       /* what was born by then came with the source here, and is older */
    cf_deleter at[CF_DELETERS_MAX];
    size_t count;
} cf_deleters;

/* Where they are deleted here, that is this device; else those are noted by cf_deletion_age. */
void cf_deleters_know(cf_deleters *self, cf_peer *peer, const cf_binding *binding,
                      const cf_vanishing *vanishing);

typedef struct {
    cf_time born; /* the state's first write of it that stands; {0}: nobody knows */
    bool young;
} cf_age;
/* Of an item that vanishes. */
cf_age cf_deletion_age(cf_deleters *self, const cf_id *item, cf_guard_side side);

/* The log has none of the node's items any more, though it had them: they were deleted elsewhere,
 * and that was held here. */
bool cf_deletion_is_known(cf_view *view, const cf_node *node, cf_arena *arena);

/* How many items of the source are not young for any of those who delete, up to `enough`. */
uint64_t cf_deleters_count_older(const cf_deleters *self, const cf_binding *binding,
                                 bool with_dependants, uint64_t enough);

#endif
