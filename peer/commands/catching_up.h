/* SPDX-License-Identifier: Apache-2.0 */
/* Catching up: a verb waits until this home has all that the broker had when the session began. */
#ifndef CF_PEER_COMMANDS_CATCHING_UP_H
#define CF_PEER_COMMANDS_CATCHING_UP_H
#include "peer/program/verb.h"

typedef struct {
    uint64_t mark; /* cf_engine_reach */
    uint64_t timeout_ms, deadline_ms;
    uint64_t received; /* bytes so far: as long as it grows, it gets on */
} cf_catching_up;

/* Brings the engine's link, of which there must be one, into connection. */
void cf_catching_up_begin(cf_catching_up *self, cf_run *run, uint64_t timeout_ms);
/* LOST, too, when nothing comes for so long. */
cf_reach cf_catching_up_step(cf_catching_up *self, const cf_run *run, uint64_t now_ms);

#endif
