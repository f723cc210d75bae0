/* SPDX-License-Identifier: Apache-2.0 */
/* Checking everything that a home keeps, by reading it: the store's own checks, what is recorded of
 * the log against the log, the bases, the cache of their bytes. Changes nothing. */
#ifndef CF_PEER_BINDINGS_INSPECTION_H
#define CF_PEER_BINDINGS_INSPECTION_H
#include "peer/bindings/base_place.h"
#include "peer/log/peer.h"

typedef enum {
    CF_DAMAGE_STORE, /* the log, or what only a new home makes good */
    CF_DAMAGE_ENDED, /* of the store, and mended by who looked */
    CF_DAMAGE_STATE, /* made again from the log */
    CF_DAMAGE_BASE,  /* found again by looking at the source */
    CF_DAMAGE_CACHE, /* of no consequence */
    CF_DAMAGE_AWAY,  /* none is known: what could not be looked at */
} cf_damage_kind;

typedef struct {
    cf_damage_kind kind;
    const char *what;
    cf_bytes key;               /* of a damaged base's record, or the name of a copy; none else */
    const cf_base_place *place; /* of that copy */
} cf_damage;

typedef void cf_damage_found(void *context, const cf_damage *damage);

/* CF_OK also when damage was found. The first looks at the store alone, for a home whose log can't
 * even be opened; the second at all else. */
cf_status cf_inspect_store(cf_home *home, cf_damage_found *found, void *context, cf_error *error);
cf_status cf_inspect(cf_peer *peer, cf_damage_found *found, void *context, cf_error *error);
/* Opens the peer for an inspection; what prevents it is told as damage, and `*out` is NULL then. */
cf_status cf_inspect_open(const cf_env *env, cf_home *home, cf_damage_found *found, void *context,
                          cf_peer **out, cf_error *error);

#endif
