/* SPDX-License-Identifier: Apache-2.0 */
/* A move to another broker, and what comes along: before the user leaves, this device catches up
 * with the broker where it was, so that what others wrote is not left behind; afterwards what only
 * that one has is hauled, or will be. Who can't be reached is left all the same, and the user told.
 */
#ifndef CF_PEER_COMMANDS_MOVING_H
#define CF_PEER_COMMANDS_MOVING_H
#include "peer/program/verb.h"

typedef struct cf_moving cf_moving;

typedef struct {
    cf_run *run;
    cf_address from;
    uint64_t timeout_ms; /* without any progress */
} cf_moving_options;

/* Brings the engine's link into connection with the broker before. */
cf_moving *cf_moving_new(const cf_moving_options *options);
void cf_moving_destroy(cf_moving **moving);

/* The user may go. */
bool cf_moving_is_packed(cf_moving *moving, uint64_t now_ms);
/* The user goes: from now on it is kept what is to be brought. */
cf_status cf_moving_leave(const cf_moving *moving, cf_error *error);
/* True when it was brought, or tried in vain. */
cf_status cf_moving_over(const cf_moving *moving, bool *over, cf_error *error);
/* Says what is left behind. */
cf_status cf_moving_tell(const cf_moving *moving, cf_error *error);

#endif
