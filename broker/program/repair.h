/* SPDX-License-Identifier: Apache-2.0 */
/* Mending a damaged store: each user's log is taken over, entry by entry as if a device brought it,
 * into a new one, as far as it is whole; the rest comes from the user's devices, who find a log
 * that they don't know, as at a broker that was emptied. */
#ifndef CF_BROKER_PROGRAM_REPAIR_H
#define CF_BROKER_PROGRAM_REPAIR_H
#include "broker/platform/env.h"
#include "codec/error.h"

/* Of what the operator decided, in a store that was mended. */
#define CF_REPAIR_OLDER_TEXT                                                                       \
    "where a log was damaged or lost users who were removed may be back, invitations that were "   \
    "revoked or used good again, and quotas the old ones, which no device changes: look at "       \
    "`users` and `invitations`, and type `users remove`, `invitations revoke`, `users quota` "     \
    "again"

/* Says what it does to the operator. Nothing is done to a store that is whole. The damaged one is
 * kept beside the new one, as store.damaged or store.damaged.2 and so on. CF_LOCKED while a broker
 * runs; CF_BROKEN: nothing of it can be read, or a part of the broker is gone that can't be made
 * anew; CF_IO: the disk failed once, and read it whole the second time, or it
 * doesn't give a file of which a repair has to know what is in it; CF_FULL: no room, or there
 * are 99 damaged ones. Until the new one is whole nothing has changed. */
cf_status cf_repair(const cf_env *env, const char *data, cf_error *error);

#endif
