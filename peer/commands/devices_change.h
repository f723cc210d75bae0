/* SPDX-License-Identifier: Apache-2.0 */
/* `devices revoke`, `devices annul` and `devices role`: what the verb `devices` does by an entry of
 * the member log. */
#ifndef CF_PEER_COMMANDS_DEVICES_CHANGE_H
#define CF_PEER_COMMANDS_DEVICES_CHANGE_H
#include "peer/program/verb.h"

/* Whether the subverb of this name is one of these; the others then belong to them. */
bool cf_devices_change_is(const char *name);
cf_status cf_devices_change_prepare(cf_run *run, cf_error *error);
cf_status cf_devices_change_start(cf_run *run, cf_error *error);
cf_status cf_devices_change_step(cf_run *run, uint64_t now_ms, cf_progress *progress,
                                 cf_error *error);
void cf_devices_change_end(cf_run *run);

#endif
