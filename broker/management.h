/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator of a broker decides: who is invited, and how things stand. A handler; it lives
 * in the gateway's thread. */
#ifndef CF_BROKER_MANAGEMENT_H
#define CF_BROKER_MANAGEMENT_H
#include "broker/audit.h"
#include "broker/blobs.h"
#include "broker/invitation.h"
#include "broker/quotas.h"
#include "broker/users.h"

typedef struct cf_management cf_management;

typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
    cf_quotas *quotas; /* NULL: nobody has any */
    cf_audit *audit;   /* or NULL */
    bool closed;       /* no invitation is made or honoured */
} cf_management_options;

/* Reads the invitations that are there, and lets their guests in. */
cf_status cf_management_open(const cf_management_options *options, uint64_t now_ms,
                             cf_management **out, cf_error *error);
void cf_management_destroy(cf_management **management);

/* A new invitation, in effect and durable at return: its one line (no newline) is appended.
 * CF_DENIED when the broker is closed. */
cf_status cf_management_invite(cf_management *management, const cf_invitation_terms *terms,
                               uint64_t now_ms, cf_buffer *line, cf_error *error);

bool cf_management_is_closed(const cf_management *management);

/* Drops what has expired. Returns when to call again, UINT64_MAX for never. */
uint64_t cf_management_tick(cf_management *management, uint64_t now_ms);

typedef struct {
    cf_hash user;
    uint64_t devices; /* the account's own keys aside */
    uint64_t entries; /* position of the last one */
    uint64_t blobs;
    cf_quota_figures bytes;
} cf_user_figures;

/* The user whose id begins with `prefix`, in hexadecimal. CF_MISSING; CF_USAGE when there are
 * several. */
cf_status cf_management_find(cf_management *management, const char *prefix, cf_hash *user,
                             cf_error *error);
/* In bytes; 0: none. Durable at return. */
cf_status cf_management_quota(cf_management *management, const cf_hash *user, uint64_t bytes,
                              uint64_t now_ms, cf_error *error);
/* Drops the invitation that the user came in with. */
cf_status cf_management_forget(cf_management *management, const cf_hash *user, cf_error *error);

typedef void cf_user_figures_visit(void *context, const cf_user_figures *figures);
cf_status cf_management_users(cf_management *management, cf_user_figures_visit *visit,
                              void *context, cf_error *error);

#endif
