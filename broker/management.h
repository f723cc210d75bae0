/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator of a broker decides: who is invited, and how things stand. A handler; it lives
 * in the gateway's thread. */
#ifndef CF_BROKER_MANAGEMENT_H
#define CF_BROKER_MANAGEMENT_H
#include "broker/blobs.h"
#include "broker/users.h"

typedef struct cf_management cf_management;

typedef struct {
    const cf_env *env;
    cf_store *store;
    cf_blobs *blobs;
    cf_users *users;
} cf_management_options;

/* Reads the invitations that are open, and lets their guests in. */
cf_status cf_management_open(const cf_management_options *options, uint64_t now_ms,
                             cf_management **out, cf_error *error);
void cf_management_destroy(cf_management **management);

/* A new one-time invitation for one user, durable at return: `code` is what codec/pairing.h packs
 * into the line together with the broker's `address`, which is appended to `line` (no newline). */
cf_status cf_management_invite(cf_management *management, const char *address, uint64_t now_ms,
                               uint64_t expires_ms, uint64_t quota, cf_buffer *line,
                               cf_error *error);

/* The same without a running broker: writes to the store alone. */
cf_status cf_invitation_make(const cf_env *env, cf_store *store, const char *address,
                             uint64_t expires_ms, uint64_t quota, cf_buffer *line, cf_error *error);

typedef struct {
    cf_hash user;
    uint64_t devices;
    uint64_t entries; /* position of the last one */
    uint64_t blobs;
    uint64_t blob_bytes;
} cf_user_figures;

typedef void cf_user_figures_visit(void *context, const cf_user_figures *figures);
cf_status cf_management_users(cf_management *management, cf_user_figures_visit *visit,
                              void *context, cf_error *error);

#endif
