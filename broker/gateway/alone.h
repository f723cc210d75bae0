/* SPDX-License-Identifier: Apache-2.0 */
/* Who communicates alone: while a device does, in a collection that it has the lease of, the
 * sessions of others get no entries and no blobs of that, and go on where they were when it has
 * ended. Nothing of it is kept: a gateway that starts knows of nobody. codec/PROTOCOL.md, "Alone",
 * is normative. */
#ifndef CF_BROKER_GATEWAY_ALONE_H
#define CF_BROKER_GATEWAY_ALONE_H
#include "broker/gateway/session.h"
#include "broker/link/link.h"

enum {
    CF_ALONE_MS = 600000,       /* in all */
    CF_ALONE_GONE_MS = 60000,   /* after the last session of its device */
    CF_ALONE_BLOBS_MAX = 262144 /* of a user */
};
static_assert(CF_ALONE_GONE_MS <= CF_ALONE_MS, "who is gone is waited for no longer than all");
static_assert(CF_ALONE_MS + CF_LINK_PATIENCE_MS < CF_LINK_PAUSED_MS,
              "a device that waits for who is alone outlasts that");

/* `service` is borrowed. */
cf_alones *cf_alones_new(cf_service *service);
void cf_alones_destroy(cf_alones **alones);

/* The session's device, which has this lease of the whole collection as the only one, begins.
 * False: it had, or may not. */
bool cf_alones_begin(cf_alones *alones, const cf_session *session, const cf_lease_held *held);
/* The session's device says that it communicates alone no more. */
void cf_alones_end(cf_alones *alones, const cf_session *session, const cf_id *collection);
/* A session has been greeted. */
void cf_alones_greet(cf_alones *alones, cf_session *session);
/* The session is about to end. */
void cf_alones_forget(cf_alones *alones, const cf_session *session);

/* A session that was told of leases is told what is kept from it. */
void cf_alones_tell(const cf_alones *alones, cf_session *session);
/* GET or FETCH of a session that something is kept from: true when that is refused, or is answered
 * once it is known which collection the blob belongs to. */
bool cf_alones_keep_back(cf_alones *alones, cf_session *session, const cf_message *message);

/* Leases of this user may have ended. */
void cf_alones_leases_changed(cf_alones *alones, const cf_hash *user);
/* Ends what is over, after leases that are over have ended. Returns when to call again, by the
 * clock that nobody sets; `steady_ms` of the service: sessions are to be looked after now. */
uint64_t cf_alones_tick(cf_alones *alones);

#endif
