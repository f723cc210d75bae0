/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator of a broker decides: who is invited, and how things stand. A handler; it lives
 * in the gateway's thread. */
#ifndef CF_BROKER_MANAGEMENT_MANAGEMENT_H
#define CF_BROKER_MANAGEMENT_MANAGEMENT_H
#include "broker/blobs/blobs.h"
#include "broker/gateway/users.h"
#include "broker/management/audit.h"
#include "broker/management/invitation.h"
#include "broker/management/quotas.h"

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

/* Invitations that are kept at the same time, used ones among them until they end. */
enum { CF_INVITATIONS_MAX = 4096 };

/* A new invitation, in effect and durable at return: its one line (no newline) is appended. Its
 * number, and when it was made, are not taken from the terms. CF_DENIED when the broker is closed;
 * CF_USAGE when a user, or an invitation that was not used, has this name; CF_BROKEN as of
 * cf_management_find; CF_FULL. */
cf_status cf_management_invite(cf_management *management, const cf_invitation_terms *terms,
                               uint64_t now_ms, cf_buffer *line, cf_error *error);

/* All that are kept, by their numbers; `*out` is the caller's to free. */
cf_status cf_management_invitations(cf_management *management, cf_invitation_info **out,
                                    size_t *count, cf_error *error);
/* Takes an invitation back that was not used: its number, its name, or at least CF_USER_DIGITS
 * digits of its key. Durable at return. CF_MISSING; CF_USAGE when there are several; CF_CHANGED
 * when it was used, with by whom. */
cf_status cf_management_revoke(cf_management *management, const char *which, uint64_t now_ms,
                               cf_invitation_info *out, cf_error *error);

bool cf_management_is_closed(const cf_management *management);
void cf_management_close(cf_management *management, bool closed);

/* Drops what has expired. Returns when to call again, UINT64_MAX for never. */
uint64_t cf_management_tick(cf_management *management, uint64_t now_ms);

typedef struct {
    cf_hash user;
    cf_user_name name;
    bool is_damaged;  /* its log can't be read: nothing else is known of it */
    uint64_t devices; /* the account's own keys aside */
    uint64_t entries; /* position of the last one */
    uint64_t blobs;
    cf_quota_figures bytes;
} cf_user_figures;

/* The user who has this name, or whose id begins so, with CF_USER_DIGITS digits at least:
 *   "bob", "6f1c20a9be47" → the user; "6f1c" → CF_USAGE
 * CF_MISSING; CF_USAGE also when there are several, with who they are; CF_BROKEN where it is one
 * whose log can't be read, or may be: a name that can't be read is nobody else's, either. */
#define CF_USER_DAMAGED_FORMAT                                                                     \
    "user %s can't be served, its log is damaged: `counterfoild verify --repair` mends it"
cf_status cf_management_find(cf_management *management, const char *which, cf_hash *user,
                             cf_error *error);
cf_status cf_management_figures(cf_management *management, const cf_hash *user,
                                cf_user_figures *out, cf_error *error);
/* In bytes; 0: none. Durable at return. */
cf_status cf_management_quota(cf_management *management, const cf_hash *user, uint64_t bytes,
                              uint64_t now_ms, cf_error *error);
/* What the user is called from now on, durable at return. CF_USAGE when another one, or an
 * invitation that was not used, has this name; CF_BROKEN as of cf_management_find. */
cf_status cf_management_name(cf_management *management, const cf_hash *user,
                             const cf_user_name *name, uint64_t now_ms, cf_error *error);
/* Drops the invitation that the user came in with. */
cf_status cf_management_forget(cf_management *management, const cf_hash *user, cf_error *error);

typedef void cf_user_figures_visit(void *context, const cf_user_figures *figures);
cf_status cf_management_users(cf_management *management, cf_user_figures_visit *visit,
                              void *context, cf_error *error);

#endif
