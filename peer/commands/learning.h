/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the broker first, for a verb whose answer depends on what other devices did. Nothing is
 * looked at or applied meanwhile. */
#ifndef CF_PEER_COMMANDS_LEARNING_H
#define CF_PEER_COMMANDS_LEARNING_H
#include "peer/program/verb.h"

typedef struct cf_learning cf_learning;

/* With the time that --timeout gives. `*out` is NULL when no broker is set: there is nobody to ask.
 */
cf_status cf_learning_begin(cf_run *run, cf_learning **out, cf_error *error);
void cf_learning_destroy(cf_learning **learning);

/* True when it has ended. `*why` is CF_OK when all that the broker has is here now, else why it
 * could not be asked. */
bool cf_learning_over(cf_learning *learning, uint64_t now_ms, uint64_t *deadline_ms, cf_error *why);

#endif
