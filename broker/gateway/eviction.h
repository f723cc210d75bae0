/* SPDX-License-Identifier: Apache-2.0 */
/* Eviction: a session lasts no longer than its device is a member. */
#ifndef CF_BROKER_GATEWAY_EVICTION_H
#define CF_BROKER_GATEWAY_EVICTION_H
#include "broker/gateway/session.h"

/* By what the log holds now. */
bool cf_session_is_member(const cf_session *session);
/* Tells the client that it is a member no more, sends nothing else, and ends the session. */
void cf_session_evict(const cf_service *service, cf_session *session);
/* Looks at the sessions of all users whose members changed since it last did, however that came,
 * and lets in and shuts out the keys that this changed. */
void cf_sessions_evict(const cf_service *service);

#endif
