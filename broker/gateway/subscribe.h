/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a gateway that gives entries: HELLO's heads, SUBSCRIBE, CREDIT, and ENTRY as credit
 * allows. */
#ifndef CF_BROKER_GATEWAY_SUBSCRIBE_H
#define CF_BROKER_GATEWAY_SUBSCRIBE_H
#include "broker/gateway/session.h"

/* Notes heads or rungs that the other named, page after page. False: there were too many, or the
 * log can't be read, and the session has ended. */
bool cf_subscribe_heads(cf_service *service, cf_session *session, const cf_head *heads,
                        size_t count);
void cf_subscribe(cf_service *service, cf_session *session, const cf_message *message);
void cf_subscribe_credit(const cf_service *service, cf_session *session, uint64_t bytes);
/* Sends entries to a session that was due, and makes it due again if it has to wait or there is
 * more. True when that may be at once. */
bool cf_subscribe_pump(cf_service *service, cf_session *session);
/* Ends its replay, if one is under way: the session is about to end. */
void cf_subscribe_leave(const cf_service *service, cf_session *session);

#endif
