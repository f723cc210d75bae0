/* SPDX-License-Identifier: Apache-2.0 */
/* `collections delete NAME`: takes a collection that no source here has off the user's list. It is
 * synced nowhere any more, and files stay as they are. So who sits at a terminal is asked, by
 * `prepare`, where other devices have it, and elsewhere it is CF_UNSAFE without --yes. The broker
 * is asked first what they have said of that; where it can't be, what is known here decides. */
#ifndef CF_PEER_COMMANDS_COLLECTION_DELETE_H
#define CF_PEER_COMMANDS_COLLECTION_DELETE_H
#include "peer/program/verb.h"

cf_status cf_collection_ask_delete(cf_run *run, cf_error *error);
cf_status cf_collection_delete(cf_run *run, cf_error *error);
/* Of the run that began so; a run of another subverb has no state. */
cf_status cf_collection_delete_step(cf_run *run, uint64_t now_ms, cf_progress *progress,
                                    cf_error *error);
void cf_collection_delete_end(cf_run *run);

#endif
