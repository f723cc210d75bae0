/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: what a broker decided, of whom, and why, never what was said. One line each,
 * through cf_report as a notice, keys always in this order and left out when there is nothing to
 * say:
 *
 *     audit what=publish-refused user=6f1c20a9be47 device=abcd-efgh-ijkl-mnop address=192.0.2.7
 *         why="role: the device's role doesn't allow it"
 *
 * Time and level are the log's; what every session brings, even one in which nothing happens, is
 * a detail, but for its beginning. What others can bring about as often as they like has a line
 * each only a few times a minute; what goes beyond, of the same user or address, is counted and
 * written as one line with count=N when the minute is over. May be called from any thread. */
#ifndef CF_BROKER_MANAGEMENT_AUDIT_H
#define CF_BROKER_MANAGEMENT_AUDIT_H
#include "broker/gateway/audit_event.h"
#include "broker/platform/env.h"

typedef struct cf_audit cf_audit;

cf_audit *cf_audit_new(const cf_env *env);
/* Writes what is counted, first. */
void cf_audit_destroy(cf_audit **audit);

/* Nothing happens when `audit` is NULL: most tests have none. */
void cf_audit_note(cf_audit *audit, const cf_audit_event *event, uint64_t now_ms);
/* Writes what was counted in a minute that is over. Returns when to call again, UINT64_MAX for
 * never. */
uint64_t cf_audit_tick(cf_audit *audit, uint64_t now_ms);

/* "publish-refused" */
const char *cf_audit_name(cf_audit_decision decision);

#endif
