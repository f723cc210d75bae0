/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a user's log and of its devices without reading either: where the log is, which
 * heads it holds, and what each device last reported as applied. codec/PROTOCOL.md, "Leases, quotas
 * and guests". */
#ifndef CF_BROKER_MANAGEMENT_REPORTS_H
#define CF_BROKER_MANAGEMENT_REPORTS_H
#include "broker/gateway/session.h"

/* REPORT: keeps it when its last page came, not synced: the device says it again. */
void cf_reports_take(cf_service *service, cf_session *session, const cf_message *message);
/* LACKING: keeps it as well. */
void cf_reports_lacking(cf_service *service, cf_session *session, const cf_message *message);
/* When a device of the user said so last, and the greatest count that one said. CF_MISSING: none
 * did. */
typedef struct {
    uint64_t time_ms, count;
} cf_reported_lacking;
cf_status cf_reports_last_lacking(cf_store *store, const cf_hash *user, cf_reported_lacking *out,
                                  cf_error *error);
/* After a check of all there is. */
void cf_reports_forget_lacking(cf_store *store, cf_users *users);
/* QUERY */
void cf_reports_answer(cf_service *service, cf_session *session, const cf_message *message);
/* CHAINS. Costs as much as QUERY, of however many devices is asked. */
void cf_reports_chains(cf_service *service, cf_session *session, const cf_message *message);
/* LOCATE; who asks is told of no endpoint while the gateway was not told its address. */
void cf_reports_locate(cf_service *service, cf_session *session, const cf_message *message);

#endif
