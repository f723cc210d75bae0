/* SPDX-License-Identifier: Apache-2.0 */
/* The user moves to another broker, and what comes along.
 *
 * Before the user leaves, this device catches up with the broker where it was, so that what others
 * wrote is not left behind; afterwards what only that one has is taken along, or will be. Who can't
 * be reached is left all the same, and the user told; but not by a device that doesn't keep all:
 * there it would leave whole collections behind. All that travels goes through such a device, too.
 */
#ifndef CF_PEER_COMMANDS_USER_MOVE_H
#define CF_PEER_COMMANDS_USER_MOVE_H
#include "codec/address.h"
#include "peer/commands/catching_up.h"

typedef struct {
    cf_run *run;
    cf_address from;
    cf_catching_up catching_up;
    bool has_caught_up; /* or never will, */
    bool is_lost;       /* as it is then */
} cf_user_move;

/* Brings the engine's link into connection with the broker before. `timeout_ms`: without any
 * progress. */
cf_user_move *cf_user_move_begin(cf_run *run, const cf_address *from, uint64_t timeout_ms);
/* Wherever the user is then. */
void cf_user_move_end(cf_user_move **move);

/* Goes on catching up; true: the user may go. */
bool cf_user_move_is_packed(cf_user_move *self, uint64_t now_ms);
/* The user goes: from now on it is kept what is to be brought. */
cf_status cf_user_move_leave(const cf_user_move *self, cf_error *error);
/* `*over`: it was brought, or tried in vain. */
cf_status cf_user_move_is_over(const cf_user_move *self, bool *over, cf_error *error);
/* Says what is left behind. */
cf_status cf_user_move_tell(const cf_user_move *self, cf_error *error);

#endif
