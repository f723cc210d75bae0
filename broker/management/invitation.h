/* SPDX-License-Identifier: Apache-2.0 */
/* Invitations: one-time codes for a new user, kept in the store under no user, named by the guest
 * key that comes from their secret. A used one stays until it expires, so that who comes second
 * hears why, and who comes again with the same KNOCK gets the same answer. */
#ifndef CF_BROKER_MANAGEMENT_INVITATION_H
#define CF_BROKER_MANAGEMENT_INVITATION_H
#include "broker/management/user_name.h"
#include "broker/platform/env.h"
#include "broker/store/store.h"

typedef struct {
    uint8_t secret[32];  /* cf_wipe it */
    uint64_t expires_ms; /* 0: never */
    uint64_t quota;      /* bytes; 0: none set */
    bool is_used;
    cf_hash knock; /* once used: of what opened it */
    cf_hash user;  /* once used: who came in with it; zero if an earlier version noted it */
    uint64_t
        number; /* that no other has which is kept; 0, as the next two: of an earlier version */
    uint64_t made_ms;
    cf_user_name name; /* of who comes in with it, unless that one has another */
} cf_invitation;

typedef struct {
    const char *address; /* the broker's, as `counterfoild address` prints it */
    uint64_t expires_ms;
    uint64_t quota;
    uint64_t number, made_ms;
    cf_user_name name;
} cf_invitation_terms;

/* A new one, durable at return. Appends the one line that `init` takes (no newline) to `line`;
 * `guest` gets the CURVE key that it lets in. CF_USAGE: the address is none. */
cf_status cf_invitation_make(const cf_env *env, cf_store *store, const cf_invitation_terms *terms,
                             cf_buffer *line, cf_hash *guest, cf_error *error);
/* CF_MISSING when there is none. */
cf_status cf_invitation_find(cf_store *store, const cf_hash *guest, cf_invitation *out,
                             cf_error *error);
/* Durable at return. */
cf_status cf_invitation_keep(cf_store *store, const cf_hash *guest, const cf_invitation *invitation,
                             cf_error *error);
cf_status cf_invitation_drop(cf_store *store, const cf_hash *guest, cf_error *error);

typedef struct {
    cf_hash guest;
    uint64_t number, made_ms, expires_ms, quota;
    bool is_used;
    cf_hash user; /* zero: not used, or an earlier version noted it */
    cf_user_name name;
} cf_invitation_info;
/* All there are; those that can't be read are passed over. `*out` is the caller's to free. */
cf_status cf_invitations_list(cf_store *store, cf_invitation_info **out, size_t *count,
                              cf_error *error);

#endif
