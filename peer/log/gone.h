/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of files that the history tells of and that can't be had, any more or as yet: the broker
 * lacks them, and no device that was there since brought them back. Kept in the home for people,
 * from one session to the next. */
#ifndef CF_PEER_LOG_GONE_H
#define CF_PEER_LOG_GONE_H
#include "peer/log/peer.h"

enum { CF_GONE_NAMED = 8 }; /* the latest ones have their names kept */

typedef struct {
    uint64_t count;
    struct {
        uint64_t time_ms;
        cf_bytes path;
    } at[CF_GONE_NAMED];
    size_t named;
} cf_gone;

/* Works it out anew, by what is lacking now, and keeps it. Reads all of the log if anything is. */
cf_status cf_gone_keep(cf_peer *peer, cf_error *error);
/* What was kept last; in the arena. A count of 0: nothing is gone. */
cf_status cf_gone_recall(cf_peer *peer, cf_arena *arena, cf_gone *out, cf_error *error);

#endif
