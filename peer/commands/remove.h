/* SPDX-License-Identifier: Apache-2.0 */
/* A source that is to be none any more: by `remove`, and by `add` where its collection was taken
 * off the list. */
#ifndef CF_PEER_COMMANDS_REMOVE_H
#define CF_PEER_COMMANDS_REMOVE_H
#include "peer/program/verb.h"

enum { CF_SOURCE_STOPS_MS = 100 }; /* after which to ask again */

/* What lies in the source stays. `*waits`: it is in use, and nothing was done yet. `tells`: says
 * that it is no longer synced. */
cf_status cf_source_stop(const cf_run *run, cf_binding *binding, bool tells, bool *waits,
                         cf_error *error);

#endif
