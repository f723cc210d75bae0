/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that wait for the broker first. Catching up: until this home has all that the broker had
 * when the session began. */
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
cf_connection_state cf_catching_up_step(cf_catching_up *self, const cf_run *run, uint64_t now_ms);

/* ---- Asking the broker first ---- */

/* For a verb whose answer depends on what other devices did. Nothing is looked at or applied
 * meanwhile. */
typedef struct cf_learning cf_learning;

/* With the time that --timeout gives. `*out` is NULL when no broker is set: there is nobody to ask.
 */
cf_status cf_learning_begin(cf_run *run, cf_learning **out, cf_error *error);
void cf_learning_destroy(cf_learning **learning);

/* True when it has ended. `*why` is CF_OK when all that the broker has is here now, else why it
 * could not be asked. */
bool cf_learning_over(cf_learning *learning, uint64_t now_ms, uint64_t *deadline_ms, cf_error *why);
/* Of that `why`: CF_DENIED where the broker answered, and refused this device. What the verb does
 * would reach nobody. */
cf_status cf_learning_refused(const cf_error *why, cf_error *error);

#endif
