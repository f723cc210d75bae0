/* SPDX-License-Identifier: Apache-2.0 */
/* The copies of a source's contents on their way to another place, made by a job: what is there
 * already stays, what has no room is left out, since they are a cache. The old place keeps its own
 * until the source's record speaks of the new one. Owned by the engine's thread. */
#ifndef CF_PEER_BINDINGS_BASE_MOVING_H
#define CF_PEER_BINDINGS_BASE_MOVING_H
#include "peer/bindings/base.h"

typedef struct cf_base_moving cf_base_moving;

typedef struct {
    size_t moved, left_out;
    bool was_away; /* the old place: nothing of it could be moved */
} cf_base_moved;

/* From where the binding's base lies to `to`. CF_CHANGED: that is away. */
cf_status cf_base_moving_start(cf_peer *peer, const cf_binding *binding, const cf_base_place *to,
                               cf_base_moving **out, cf_error *error);
bool cf_base_moving_over(const cf_base_moving *moving);
/* After it is over. Fails where nothing can be written to the new place. */
cf_status cf_base_moving_result(const cf_base_moving *moving, cf_base_moved *out, cf_error *error);
/* Breaks it off; waits if it must. */
void cf_base_moving_destroy(cf_base_moving **moving);

#endif
