/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of uploads that nobody goes on with: of a file that was edited, or deleted, before all of
 * it had come. No message says so, and a device that was away may go on where it stopped; so they
 * are kept, as long as nobody needs their room (the sweep takes them after seven days). Where a
 * piece of the same user is refused for want of room those go that were left for an hour. */
#ifndef CF_BROKER_MANAGEMENT_ABANDONED_H
#define CF_BROKER_MANAGEMENT_ABANDONED_H
#include "broker/gateway/session.h"
#include "broker/management/quotas.h"

enum { CF_ABANDONED_MS = 3600000, CF_ABANDONED_LOOK_MS = 60000 };

/* Of the session's user, but for the upload of `wanted`; `quotas` (or NULL) are told what went.
 * Looks once a minute in a session. True: some went, so there may be room now. */
bool cf_abandoned_drop(cf_service *service, cf_quotas *quotas, cf_session *session,
                       const cf_hash *wanted);

#endif
