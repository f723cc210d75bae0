/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting until other devices have applied what this one has published: `sync --wait-for`. */
#ifndef CF_PEER_COMMANDS_WAITING_H
#define CF_PEER_COMMANDS_WAITING_H
#include "peer/program/verb.h"

typedef struct cf_waiting cf_waiting;

/* For the devices that --wait-for names; `*out` is NULL when it was not given. CF_MISSING: there is
 * no such device, or no broker. */
cf_status cf_waiting_new(cf_run *run, cf_waiting **out, cf_error *error);
void cf_waiting_destroy(cf_waiting **waiting);

/* True when it has ended; the first call says what is waited for: all that is published by then.
 * CF_UNREACHABLE in `*status`: some have not, within --timeout. */
bool cf_waiting_over(cf_waiting *waiting, uint64_t now_ms, uint64_t *deadline_ms, cf_status *status,
                     cf_error *error);

#endif
