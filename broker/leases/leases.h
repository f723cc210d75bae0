/* SPDX-License-Identifier: Apache-2.0 */
/* The leases of one user: who may have what, until when, and who is next. Decides only: no store,
 * no session, no clock. codec/PROTOCOL.md, "Leases", is normative.
 *
 * What is leased is a *thing*: a collection, or something in it by its hidden name. One lease of it
 * is in force, or several shared ones. Who comes first is served first, so a shared one does not
 * pass by an exclusive one that waits. The token rises with each grant to another request and with
 * each end, for ever. */
#ifndef CF_BROKER_LEASES_LEASES_H
#define CF_BROKER_LEASES_LEASES_H
#include "codec/bytes.h"
#include "codec/limits.h"
#include "codec/message.h"

/* A user has at most CF_LEASES_MAX, as many as LEASES can name. */
enum {
    CF_LEASE_FOR_MS_MIN = 1000,
    CF_LEASE_FOR_MS_MAX = 86400000,
    CF_LEASES_OF_DEVICE_MAX = 1024,
    CF_LEASE_WAITERS_MAX = 1024, /* of a user */
    CF_LEASE_WAITERS_OF_SESSION_MAX = 64,
};
static_assert(CF_LEASES_OF_DEVICE_MAX <= CF_LEASES_MAX, "no device has all that a user has");
static_assert(CF_LEASE_WAITERS_OF_SESSION_MAX <= CF_LEASE_WAITERS_MAX, "nor waits for all");

typedef struct cf_leases cf_leases;

cf_leases *cf_leases_new(void);
void cf_leases_destroy(cf_leases **leases);

/* The change of home broker in force: no token is of an earlier one, and what was granted under one
 * has ended. How many leases there were. */
size_t cf_leases_raise(cf_leases *leases, uint64_t generation);
cf_lease_token cf_leases_token(const cf_leases *leases);

/* A lease in force. */
typedef struct {
    cf_id request; /* which got it */
    cf_id collection;
    cf_id name;
    cf_hash holder; /* device */
    cf_lease_token token;
    uint64_t for_ms;
    uint64_t since_ms;
    uint64_t until_ms;
    bool shared;
} cf_lease_held;

typedef struct {
    cf_id request;
    cf_id collection;
    cf_id name;
    cf_hash device;
    uint64_t session; /* it waits as long as this lives */
    uint64_t for_ms;
    bool shared, wait;
} cf_lease_ask;

typedef enum {
    CF_LEASE_GRANTED, /* now, or before: to the same request, or to the same device, which asks anew
                       * without waiting and makes it last from now */
    CF_LEASE_BUSY,    /* `held` is in its way */
    CF_LEASE_WAITS,   /* cf_leases_next grants it some day */
    CF_LEASE_FULL,    /* too many leases, or too many wait */
} cf_lease_answer;

/* What has ended by `now_ms` has ended. `held`: what was granted, or is in the way. */
cf_lease_answer cf_leases_lock(cf_leases *leases, const cf_lease_ask *ask, uint64_t now_ms,
                               cf_lease_held *held);
/* False: it is over. */
bool cf_leases_renew(cf_leases *leases, const cf_hash *device, const cf_lease_token *token,
                     uint64_t for_ms, uint64_t now_ms, cf_lease_held *held);
/* Ends the device's lease of the thing under this token, and its request if it waits. False: there
 * is neither. */
bool cf_leases_unlock(cf_leases *leases, const cf_lease_ask *ask, const cf_lease_token *token);
/* Ends all leases of the thing, whoever holds them. How many there were. */
size_t cf_leases_break(cf_leases *leases, const cf_id *collection, const cf_id *name);
/* Nobody waits in this session any more; what it was granted stays. */
void cf_leases_forget_session(cf_leases *leases, uint64_t session);
/* Ends what this device has and waits for: it was shut out. How many leases there were. */
size_t cf_leases_forget_device(cf_leases *leases, const cf_hash *device);

/* Ends what is over; how many. */
size_t cf_leases_expire(cf_leases *leases, uint64_t now_ms);
/* Grants the next one that waits and can have it, and says to whom; false: nobody. */
bool cf_leases_next(cf_leases *leases, uint64_t now_ms, cf_lease_ask *ask, cf_lease_held *held);
/* The clock by which they end was set, and is so much later than it would be: each has as long left
 * as before. */
void cf_leases_clock_set(cf_leases *leases, int64_t later_ms);
/* When a lease ends by itself; UINT64_MAX: none. */
uint64_t cf_leases_deadline(const cf_leases *leases);

/* Nobody has one, nobody waits. */
bool cf_leases_is_idle(const cf_leases *leases);
/* Those in force, in no order: `*count` of them, borrowed until the next call. */
const cf_lease_held *cf_leases_all(const cf_leases *leases, size_t *count);

bool cf_lease_token_is(const cf_lease_token *one, const cf_lease_token *other);

/* Whether something may be published to a collection. */
typedef enum {
    CF_FENCE_OPEN,   /* it isn't leased, and no token was named; or a holder names its own */
    CF_FENCE_LOCKED, /* leased, and not to this one; `*by` is a holder's */
    CF_FENCE_STALE,  /* the token named is overtaken */
} cf_fence;
cf_fence cf_leases_fence(const cf_leases *leases, const cf_id *collection, const cf_hash *device,
                         const cf_lease_token *token, cf_lease_held *by);

/* ---- For who keeps them ---- */

/* Those of one thing, in the order of granting: `*count` of them, borrowed until the next call. */
const cf_lease_held *cf_leases_of(const cf_leases *leases, const cf_id *collection,
                                  const cf_id *name, size_t *count);
/* Puts one in behind the others of its thing. */
void cf_leases_put(cf_leases *leases, const cf_lease_held *lease);
void cf_leases_put_token(cf_leases *leases, const cf_lease_token *token);
/* Those who wait in `from` wait here. */
void cf_leases_move_waiters(cf_leases *leases, cf_leases *from);
/* Things whose record is another since they were last asked for; false: none. */
bool cf_leases_changed(cf_leases *leases, cf_id *collection, cf_id *name);

#endif
