/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a gateway that lets devices in: HELLO, or CONFINE before it, to WELCOME. */
#ifndef CF_BROKER_GATEWAY_GATEWAY_GREETING_H
#define CF_BROKER_GATEWAY_GATEWAY_GREETING_H
#include "broker/gateway/gateway.h"
#include "broker/gateway/session.h"

/* HELLO: begins a session, or goes on with the heads of one that is being begun; welcomes it when
 * all have come. Refusals are audited. `session` is that of the connection, NULL: none. */
void cf_greet(cf_service *service, const cf_gateway_peer *peer, cf_session *session,
              const cf_message *message);
/* CONFINE, before HELLO: begins a session that is told of some collections alone. It is refused as
 * HELLO would be. */
void cf_confine(cf_service *service, const cf_gateway_peer *peer, cf_session *session,
                const cf_message *message);
/* CLOCK of another version, which is answered by the broker's own: the audit log has both.
 * `session` may be NULL. */
void cf_greeting_note_version(const cf_service *service, const cf_gateway_peer *peer,
                              const cf_session *session, uint64_t version);

#endif
