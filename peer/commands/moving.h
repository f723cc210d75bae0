/* SPDX-License-Identifier: Apache-2.0 */
/* A move to another broker, and what comes along: before the user leaves, this device catches up
 * with the broker where it was, so that what others wrote is not left behind; afterwards the blobs
 * that only that one has are hauled. Who can't be reached is left all the same, and the user told.
 */
#ifndef CF_PEER_COMMANDS_MOVING_H
#define CF_PEER_COMMANDS_MOVING_H
#include "peer/program/verb.h"

typedef struct cf_moving cf_moving;

typedef struct {
    cf_run *run;
    cf_address from, to;
    uint64_t timeout_ms; /* without any progress */
} cf_moving_options;

/* Brings the engine's link into connection with the broker before. */
cf_moving *cf_moving_new(const cf_moving_options *options);
void cf_moving_destroy(cf_moving **moving);

/* The user may go. */
bool cf_moving_is_packed(cf_moving *moving, uint64_t now_ms);
/* Once the engine's session with the new broker has told what that lacks: brings it, and goes on.
 * True when it has come to an end. */
bool cf_moving_over(cf_moving *moving, uint64_t now_ms);
/* Says what is left behind. */
cf_status cf_moving_tell(const cf_moving *moving, cf_error *error);

#endif
