/* SPDX-License-Identifier: Apache-2.0 */
/* What this device has said of a broker's log (codec/checkpoint.h), by which it finds that the
 * broker shows another device a different one. Kept in the home for the log that was met last.
 * Decides; who holds the link says and hears. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_CHECKPOINTS_H
#define CF_PEER_LOG_CHECKPOINTS_H
#include "peer/log/acknowledged.h"
#include "peer/log/peer.h"

enum {
    CF_CHECKPOINTS_KEPT = 64,        /* positions */
    CF_CHECKPOINT_AGAIN_MS = 600000, /* the same one is not said again before */
    CF_TWO_LOGS_MAX = 8,             /* devices of whom it is kept in mind */
};

typedef struct {
    uint64_t position;
    cf_hash digest;
} cf_checkpoint_own;

typedef struct {
    uint8_t instance[16];
    cf_checkpoint_own at[CF_CHECKPOINTS_KEPT]; /* the latest last */
    size_t count;
    uint64_t said_ms; /* when, by the time of day, the last one was said */
} cf_checkpoints;     /* {0} is empty */

/* What can't be read is forgotten. */
void cf_checkpoints_load(const cf_peer *peer, cf_checkpoints *out);
/* The broker's log of this instance was set back: positions may mean something else by now. */
cf_status cf_checkpoints_forget(cf_checkpoints *self, const cf_peer *peer, cf_error *error);

/* An entry came that was not here, and stands at this position of the broker's log. Where this
 * device had been shown all up to there before, the log was set back since, and what it was shown
 * from there on is no word against another's: forgotten. */
cf_status cf_checkpoints_came(cf_checkpoints *self, const cf_peer *peer, const uint8_t instance[16],
                              uint64_t position, cf_error *error);

/* The broker has just said how far its log goes. True: this device has exactly that, and
 * `*out` says so, signed; it is to be said. `acknowledged` is what it is known to have. */
cf_status cf_checkpoints_here(cf_checkpoints *self, const cf_peer *peer,
                              const cf_acknowledged *acknowledged, const uint8_t instance[16],
                              uint64_t position, uint64_t now_ms, bool *is_new, cf_checkpoint *out,
                              cf_error *error);
/* Whether another device's is of a log that differs from what this device was shown. */
bool cf_checkpoints_differ(const cf_checkpoints *self, const cf_peer *peer,
                           const cf_checkpoint *other);

/* ---- For people ---- */

typedef struct {
    cf_hash device;
    uint64_t time_ms, position;
    const char *broker; /* its endpoint; in the arena */
} cf_two_logs;

/* Durable at return. `*is_new`: it was not known of this device and broker. */
cf_status cf_two_logs_keep(const cf_peer *peer, const cf_two_logs *found, bool *is_new,
                           cf_error *error);
/* The latest last; `out` has room for CF_TWO_LOGS_MAX. */
cf_status cf_two_logs_recall(const cf_peer *peer, cf_arena *arena, cf_two_logs *out, size_t *count,
                             cf_error *error);

#endif
