/* SPDX-License-Identifier: Apache-2.0 */
/* A haul: what a user leaves behind when it moves, the blobs that no device can make again, is
 * fetched from the broker where it was and brought to the one where it is now, a few at a time. By
 * two links of its own; the session with the broker before has to begin before that hears of the
 * move. A handler. */
#ifndef CF_PEER_ACCOUNT_HAUL_H
#define CF_PEER_ACCOUNT_HAUL_H
#include "peer/log/peer.h"

typedef struct cf_haul cf_haul;

typedef struct {
    const cf_env *env;
    cf_peer *peer;
    uint64_t timeout_ms; /* without any progress */
} cf_haul_options;

cf_haul *cf_haul_new(const cf_haul_options *options, uint64_t now_ms);
void cf_haul_destroy(cf_haul **haul);

/* For their connections: with the broker before, and with the one where the user is now (NULL: it
 * is not needed yet, or never). */
cf_link *cf_haul_from(const cf_haul *haul);
cf_link *cf_haul_to(const cf_haul *haul);

/* There is a session, or there will be none. */
bool cf_haul_is_settled(const cf_haul *haul, uint64_t now_ms);
/* Brings what is lacking when this is called first, and goes on; true when it has come to an end.
 * What is lacking still can't be had. */
bool cf_haul_over(cf_haul *haul, uint64_t now_ms);
/* Why it could not bring all of it; "" when the broker before doesn't have it either. */
const char *cf_haul_trouble(const cf_haul *haul);

#endif
