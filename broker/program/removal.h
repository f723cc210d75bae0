/* SPDX-License-Identifier: Apache-2.0 */
/* Removing a user from a broker: nothing is left of it in any file, and everything of the others.
 */
#ifndef CF_BROKER_PROGRAM_REMOVAL_H
#define CF_BROKER_PROGRAM_REMOVAL_H
#include "broker/gateway/gateway.h"
#include "broker/program/premises.h"

/* Finishes what a stop in the middle of a removal left: which that was is kept in the store until
 * nothing is left of the user. Before anybody can connect. */
cf_status cf_removal_resume(cf_premises *premises, cf_error *error);

/* Ends the user's sessions and takes it off the books, durably: from now on the broker does not
 * know it. In the gateway's thread, with no replay of the user under way. `gateway` NULL: none
 * runs. Where it fails, `*begun` says whether cf_removal_resume will finish it; if not, nothing was
 * done, and the user is here as before. */
cf_status cf_removal_begin(cf_premises *premises, cf_gateway *gateway, const cf_hash *user,
                           bool *begun, cf_error *error);
/* Removes what lies in files. Takes long; on any thread. */
cf_status cf_removal_work(cf_premises *premises, const cf_hash *user, cf_error *error);
/* In the gateway's thread again: it may come back as a new user, unless that failed, which is
 * told, and finished later. Removed, for the audit, is who nothing is left of. */
void cf_removal_end(cf_premises *premises, const cf_hash *user, const cf_error *failed);

#endif
