/* SPDX-License-Identifier: Apache-2.0 */
/* Eviction: a session lasts no longer than its device is a member, and its connection hardly longer
 * than it takes to hear why: what the transport still holds for it, behind a slow line minutes of
 * it, is out of the gateway's hands. */
#ifndef CF_BROKER_GATEWAY_EVICTION_H
#define CF_BROKER_GATEWAY_EVICTION_H
#include "broker/gateway/session.h"

enum { CF_EVICTED_MS = 1000 }; /* then the connection is to be cut */

/* The connections whose sessions were ended, in that order. */
cf_evictions *cf_evictions_new(void);
void cf_evictions_destroy(cf_evictions **evictions);
/* This session is being ended: its connection is to be cut. */
void cf_evictions_note(const cf_service *service, const cf_session *session);
/* When the next connection is to be cut; UINT64_MAX: none. */
uint64_t cf_evictions_deadline(const cf_evictions *evictions);
/* Takes the next connection whose time has come. */
bool cf_evictions_take(cf_evictions *evictions, uint64_t steady_ms, cf_routing_id *out);
/* This connection has ended by itself. */
void cf_evictions_forget(cf_evictions *evictions, cf_bytes routing_id);

/* Whether the session's device is a member, by what the log holds now. */
bool cf_session_is_member(const cf_session *session);
/* Tells the client that it is a member no more, sends nothing else, and ends the session. */
void cf_session_evict(const cf_service *service, cf_session *session);
/* The user's members changed: looks at its sessions, and lets in and shuts out the keys that this
 * changed. */
void cf_sessions_evict_nonmembers(const cf_service *service, const cf_hash *user);

#endif
