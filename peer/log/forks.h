/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of which there were two at once: a backup of the home was restored, or its disk cloned.
 * Each copy of a home goes on as a writer of its own, so several writers of one device in one
 * collection, or several branches of one, tell of it. */
#ifndef CF_PEER_LOG_FORKS_H
#define CF_PEER_LOG_FORKS_H
#include "peer/log/peer.h"

typedef struct {
    cf_hash device;
    /* When the copy that was silent for longer wrote last. Who signs two entries with one sequence
     * number may do so in order to tell one device this and another that, and then not say when it
     * was: of such branches, it is at the earliest when they were seen here first. */
    uint64_t time_ms;
} cf_fork;

/* Those of valid devices, one for each. The list is the caller's, for free(). Keeps in the home
 * what is seen for the first time now. */
cf_status cf_forks_find(cf_peer *peer, uint64_t now_ms, cf_fork **out, size_t *count,
                        cf_error *error);

#endif
