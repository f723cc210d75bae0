/* SPDX-License-Identifier: Apache-2.0 */
/* A broker's management of a gateway (broker/gateway/policy.h): leases, enrolment, quotas, what
 * work for nothing costs, reports, and the audit log. A handler, like the gateway, and in its
 * thread: as an actor of its own it would be asked by messages, and a turn to another thread and
 * back, through a pipe as zap.h's, takes 12 us (the median of 40,000 on two cores) for each PUBLISH
 * before it is judged, where a hook is a call. */
#ifndef CF_BROKER_MANAGEMENT_AUTHORITY_H
#define CF_BROKER_MANAGEMENT_AUTHORITY_H
#include "broker/gateway/gateway.h"
#include "broker/management/audit.h"
#include "broker/management/management.h"
#include "broker/management/quotas.h"

typedef struct cf_authority cf_authority;

/* All are borrowed and outlive the authority. */
typedef struct {
    cf_gateway *gateway;
    cf_management *management; /* NULL: nobody can be invited */
    cf_quotas *quotas;         /* NULL: nobody has any */
    cf_audit *audit;           /* NULL: nobody reads it */
    uint64_t waste_per_second; /* of a user, in points of prices.h; 0: any number */
} cf_authority_options;

/* The gateway asks it from now on. Leases that were kept begin to run. */
cf_authority *cf_authority_new(const cf_authority_options *options);
/* Before the gateway, which is a device's own then. What its users brought, and what was appended
 * for newcomers, is to be answered before. */
void cf_authority_destroy(cf_authority **authority);

/* Another bound of users from now on. */
void cf_authority_set_allowance(cf_authority *authority, uint64_t waste_per_second);
/* What the user's messages cost for nothing, as far as it isn't paid back; see work_budget.h. */
uint64_t cf_authority_owed(cf_authority *authority, const cf_hash *user, uint64_t steady_ms);

#endif
