/* SPDX-License-Identifier: Apache-2.0 */
/* A source whose folder was moved: known by the instance id that lies in it. */
#ifndef CF_PEER_COMMANDS_SOURCE_MOVED_H
#define CF_PEER_COMMANDS_SOURCE_MOVED_H
#include "peer/commands/verbs.h"

/* The source whose folder the one at `path` is, and that is not at its own place any more; NULL:
 * there is none. Owned by the engine. */
cf_binding *cf_source_find_moved(const cf_run *run, const char *path);
/* The source is at `path` (absolute) from now on; says so. */
cf_status cf_source_move(cf_run *run, cf_binding *binding, const char *path, cf_error *error);

#endif
