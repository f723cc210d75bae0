/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs decide while the broker is stopped: there is no log then that an operator would look
 * into later, so the lines are kept in the store, and the broker writes them when it starts, each
 * with the time at which it was decided (`at=2026-11-25T04:00:00Z`). */
#ifndef CF_BROKER_PROGRAM_AUDIT_KEPT_H
#define CF_BROKER_PROGRAM_AUDIT_KEPT_H
#include "broker/management/audit.h"
#include "broker/store/store.h"

/* For the verb that decides. Most that is kept of one verb, and told of all: what goes beyond is
 * dropped, the latest first. */
enum { CF_AUDIT_KEPT_MAX = 1000 };

typedef struct cf_audit_kept cf_audit_kept;

/* `*audit` is an audit log whose lines are kept; it is destroyed first. */
cf_audit_kept *cf_audit_kept_new(const cf_env *env, cf_audit **audit);
/* Writes what was decided. NULL is nothing. */
cf_status cf_audit_kept_write(cf_audit_kept *kept, cf_store *store, cf_error *error);
void cf_audit_kept_destroy(cf_audit_kept **kept);

/* For the broker that starts: reports all of them, in their order, and forgets them. */
cf_status cf_audit_kept_tell(const cf_env *env, cf_store *store, cf_error *error);

#endif
