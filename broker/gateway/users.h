/* SPDX-License-Identifier: Apache-2.0 */
/* The users of a broker: their open logs, and with them who may connect at all. Owned by the
 * gateway's thread. */
#ifndef CF_BROKER_GATEWAY_USERS_H
#define CF_BROKER_GATEWAY_USERS_H
#include "broker/gateway/replay_lock.h"
#include "broker/log/log.h"
#include "broker/platform/env.h"

typedef struct cf_users cf_users;

/* Told of every CURVE key that may connect from now on, or no longer; for cf_zap_allow and _deny. A
 * key that was allowed twice is denied twice. */
typedef void cf_users_access(void *context, const uint8_t key[32], bool allowed);
/* Told whether a key that is unknown may be a member's: not even all devices that a user has could
 * be read; for cf_zap_doubt. */
typedef void cf_users_doubt(void *context, bool doubted);

typedef struct {
    const cf_env *env;
    cf_store *store;
    const cf_keys *keys;     /* the broker's, for cf_log_open; or NULL */
    cf_users_access *access; /* NULL: nobody asks */
    cf_users_doubt *doubt;   /* the same */
    void *context;
} cf_users_options;

/* Opens the logs of all users that the store has. One whose log can't be read holds up nobody else:
 * it is unknown here, and told as damaged. */
cf_status cf_users_open(const cf_users_options *options, cf_users **out, cf_error *error);
void cf_users_destroy(cf_users **users);

/* "6f1c20a9be47": a user in a message, which begins with "user " and this, so that what concerns
 * one user is counted together. */
typedef struct {
    char text[13];
} cf_short_user;
cf_short_user cf_user_shorten(const cf_hash *user);

/* NULL when unknown. */
cf_log *cf_users_find(cf_users *users, const cf_hash *user);
/* The log of a new user; without members until its first entry is appended. CF_LOCKED while it is
 * being removed. */
cf_status cf_users_add(cf_users *users, const cf_hash *user, cf_log **out, cf_error *error);
/* After an entry of the member log: those of the user's devices that are valid may connect, and no
 * others. */
void cf_users_refresh(cf_users *users, const cf_hash *user);
/* The next user whose registry, or whose leases in the store, may say something else than when it
 * was last told here; false: no more. */
bool cf_users_next_changed(cf_users *users, cf_hash *user);
/* Closes the log, if it is open, of a user who has no session, and lets nobody in for it. It can't
 * be added until cf_users_gone says that nothing is left of it. */
void cf_users_remove(cf_users *users, const cf_hash *user);
void cf_users_gone(cf_users *users, const cf_hash *user);
/* Whether this user's log could not be read. */
bool cf_users_is_damaged(const cf_users *users, const cf_hash *user);
/* All of these, `*count` of them. Valid until the next call that adds or removes any. */
const cf_hash *cf_users_damaged(const cf_users *users, size_t *count);
size_t cf_users_count(const cf_users *users);
typedef void cf_users_visit(void *context, cf_log *log);
void cf_users_each(cf_users *users, cf_users_visit *visit, void *context);

/* A device asked for a blob of this user that is neither here nor wanted: either no entry names it,
 * or its file was removed. */
typedef void cf_blob_absent(void *context, const cf_hash *user);

/* What locks replays and whatever removes from a log out of each other. */
cf_replay_lock *cf_users_replay_lock(const cf_users *users);

/* For guests and invitations. */
void cf_users_allow(cf_users *users, const uint8_t key[32]);
void cf_users_deny(cf_users *users, const uint8_t key[32]);

#endif
