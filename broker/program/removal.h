/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a user from a broker: nothing is left of it in any file, and everything of the others.
 */
#ifndef CF_BROKER_PROGRAM_REMOVAL_H
#define CF_BROKER_PROGRAM_REMOVAL_H
#include "broker/gateway/gateway.h"
#include "broker/program/broker_data.h"

/* Whom the operator means, and what it is called; statuses of cf_management_find. Of one who is
 * not there any more it says, too, whose removals are not finished. */
cf_status cf_removal_find(cf_broker_data *broker_data, const char *which, cf_hash *user,
                          cf_user_name *name, cf_error *error);

/* `why` it failed last; "": it is under way, or was interrupted. */
typedef void cf_removal_visit(void *context, const cf_hash *user, const char *why);
/* Those that are not finished. */
cf_status cf_removal_each(cf_store *store, cf_removal_visit *visit, void *context, cf_error *error);
#define CF_REMOVAL_UNFINISHED_FORMAT "the removal of user %s is not finished: %s"
/* The same removal in a store that was mended, of which nobody knows yet whether it fails. `record`
 * is any of nobody's. */
void cf_removal_take_over(cf_kv *record);

/* Finishes what a stop in the middle of a removal left: which that was is kept in the store until
 * nothing is left of the user. Before anybody can connect. */
cf_status cf_removal_resume(cf_broker_data *broker_data, cf_error *error);

/* Ends the user's sessions and takes it off the books, durably: from now on the broker does not
 * know it. In the gateway's thread, with no replay of the user under way. `gateway` NULL: none
 * runs. Where it fails, `*begun` says whether cf_removal_resume will finish it; if not, nothing was
 * done, and the user is here as before. */
cf_status cf_removal_begin(cf_broker_data *broker_data, cf_gateway *gateway, const cf_hash *user,
                           bool *begun, cf_error *error);
/* Removes what lies in files. Takes long; on any thread. `*finished`: nothing is left to be tried
 * again; where it fails all the same, stores that repairs kept have something of the user. */
cf_status cf_removal_work(cf_broker_data *broker_data, const cf_hash *user, bool *finished,
                          cf_error *error);
/* In the gateway's thread again: it may come back as a new user, unless it is not finished, which
 * is told, kept for cf_removal_each, and finished later. Removed, for the audit, is who nothing is
 * left of, but in stores that repairs kept. */
void cf_removal_end(cf_broker_data *broker_data, const cf_hash *user, bool finished,
                    const cf_error *failed);

#endif
