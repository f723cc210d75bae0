/* SPDX-License-Identifier: Apache-2.0 */
/* Where items were when they were last heard of, for the history: an entry names the item only, and
 * what it writes of its place. */
#ifndef CF_PEER_LOG_HISTORY_PLACES_H
#define CF_PEER_LOG_HISTORY_PLACES_H
#include "peer/log/peer.h"

typedef struct {
    cf_id collection, item;
    cf_id parent;
    cf_bytes name;
    bool is_known;
    bool is_asked; /* the state, for what it says now */
    bool moves;    /* in what is read: what the state says now is not what it said before */
} cf_last_place;

typedef struct {
    cf_peer *peer;
    cf_arena *arena;
    void *tree;   /* of places, which lie in the arena */
    bool is_tail; /* there are older entries */
    bool lacks;   /* something that only these tell, for the event in hand */
} cf_last_places;

/* The item's, which may not be known yet. */
cf_last_place *cf_last_place_of(cf_last_places *self, const cf_id *collection, const cf_id *item);
/* From a field's value, which is somebody's: false when it says nothing. */
bool cf_last_place_take_name(cf_last_places *self, cf_last_place *at, cf_bytes value);
bool cf_last_place_take_parent(cf_last_place *at, cf_bytes value);
bool cf_last_place_take_key(cf_last_places *self, cf_last_place *at, cf_bytes value);
/* A record has a key and no place in the tree of directories. */
bool cf_last_place_is_record(const cf_last_place *at);

/* As it is known, one way or the other; NULL when it isn't. */
cf_last_place *cf_last_place_known(cf_last_places *self, const cf_id *collection,
                                   const cf_id *item);
/* From as far up as places are known. */
cf_bytes cf_last_place_path(cf_last_places *self, const cf_last_place *at);
void cf_last_places_release(cf_last_places *self);

#endif
