/* SPDX-License-Identifier: Apache-2.0 */
/* The door of a gateway: guests whose key an owner registered (GUEST) or an invitation names, their
 * KNOCK, and the ADMIT that answers it. codec/PROTOCOL.md, "Leases, quotas and guests". */
#ifndef CF_BROKER_MANAGEMENT_ENROLMENT_H
#define CF_BROKER_MANAGEMENT_ENROLMENT_H
#include "broker/gateway/session.h"
#include "broker/management/management.h"

typedef struct cf_enrolment cf_enrolment;

/* Without a management nobody was invited; without quotas nobody has any. */
cf_enrolment *cf_enrolment_new(cf_service *service, const cf_management *management,
                               cf_quotas *quotas);
/* Appends of its own that aren't answered must be drained before. */
void cf_enrolment_destroy(cf_enrolment **enrolment);

/* GUEST and ADMIT of a session. */
void cf_enrolment_guest(cf_enrolment *enrolment, cf_session *session, const cf_message *message);
void cf_enrolment_admit(cf_enrolment *enrolment, cf_session *session, const cf_message *message);
/* KNOCK of a connection without a session; `key` is its CURVE key. */
void cf_enrolment_knock(cf_enrolment *enrolment, cf_bytes routing_id, const cf_hash *key,
                        const cf_message *message);
/* Shuts out whom this user expects. */
void cf_enrolment_forget(cf_enrolment *enrolment, const cf_hash *user);
/* Shuts out whom an owner of this user expects who is none any more. */
void cf_enrolment_members_changed(cf_enrolment *enrolment, const cf_hash *user);
/* Shuts out who has expired. Returns when to call again, UINT64_MAX for never. */
uint64_t cf_enrolment_tick(cf_enrolment *enrolment, uint64_t now_ms);

#endif
