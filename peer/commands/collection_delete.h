/* SPDX-License-Identifier: Apache-2.0 */
/* `collections delete NAME`: takes a collection that no source here has off the user's list. It is
 * synced nowhere any more, and files stay as they are. So who sits at a terminal is asked, by
 * `prepare`, where other devices have it, and elsewhere it is CF_UNSAFE without --yes. */
#ifndef CF_PEER_COMMANDS_COLLECTION_DELETE_H
#define CF_PEER_COMMANDS_COLLECTION_DELETE_H
#include "peer/program/verb.h"

cf_status cf_collection_ask_delete(cf_run *run, cf_error *error);
cf_status cf_collection_delete(cf_run *run, cf_error *error);

#endif
