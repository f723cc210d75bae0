/* SPDX-License-Identifier: Apache-2.0 */
/* What enrolment.c (guests of owners, and who knocks) and enrolment_invited.c (new users, and how
 * anybody is turned away) share. Nobody else includes this. */
#ifndef CF_BROKER_MANAGEMENT_ENROLMENT_INSIDE_H
#define CF_BROKER_MANAGEMENT_ENROLMENT_INSIDE_H
#include "broker/management/enrolment.h"

void cf_enrolment_audit(const cf_service *service, cf_audit_decision what, const cf_hash *user,
                        const cf_hash *key, const char *why);
void cf_enrolment_turn_away(const cf_service *service, cf_bytes destination, const cf_hash *key,
                            const cf_refusal *refusal);
void cf_enrolment_refuse_knock(cf_service *service, cf_bytes destination, const cf_hash *key,
                               bool later, const char *code, const char *text);

/* A KNOCK by who has an invitation, or says so. */
void cf_enrolment_knock_invited(cf_service *service, cf_quotas *quotas, cf_bytes routing_id,
                                const cf_hash *key, cf_bytes sealed);

static inline cf_bytes cf_routing_id_bytes(const cf_routing_id *routing_id)
{
    return cf_bytes_of(routing_id->bytes, routing_id->size);
}

#endif
