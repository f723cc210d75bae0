/* SPDX-License-Identifier: Apache-2.0 */
/* Where items were when they were last heard of, for the history: an entry names the item only, and
 * what it writes of its place. */
#ifndef CF_PEER_LOG_HISTORY_PLACES_H
#define CF_PEER_LOG_HISTORY_PLACES_H
#include "peer/log/peer.h"

typedef struct cf_last_place {
    cf_id collection, item;
    cf_id parent;
    cf_id from; /* of a directory that was moved: in which it was before; else the root's */
    cf_bytes name;
    cf_time time; /* when it came to this name, */
    cf_dot dot;   /* and by which entry; sequence 0: a conflict copy without a place of its own */
    const struct cf_last_place *original; /* whose copy that is */
    uint64_t content;                     /* a hash of what a file has; 0: that isn't known */
    cf_hash_link by_name;                 /* while it is known, among what lies in folders */
    bool is_known;
    bool is_deleted; /* by the last entry that told of it; */
    cf_id deleter;   /* its writer */
    bool is_asked;   /* the state, for what it says now */
    bool moves;      /* in what is read: what the state says now is not what it said before */
    bool dies;       /* in what is read; */
    struct cf_last_place *next_dying;
} cf_last_place;

typedef struct {
    cf_peer *peer;
    cf_arena *arena;
    void *tree;            /* of places, which lie in the arena */
    cf_hash_table by_name; /* hash of collection, parent and name */
    bool is_tail;          /* there are older entries */
    bool lacks;            /* something that only these tell, for the event in hand */
} cf_last_places;

/* The item's, which may not be known yet. */
cf_last_place *cf_last_place_of(cf_last_places *self, const cf_id *collection, const cf_id *item);
/* From a field's value, which is somebody's: false when it says nothing. Whoever takes a name or a
 * parent then says by which entry. */
bool cf_last_place_take_name(cf_last_places *self, cf_last_place *at, cf_bytes value);
bool cf_last_place_take_parent(cf_last_place *at, cf_bytes value);
void cf_last_place_take_from(cf_last_place *at, cf_bytes value);
void cf_last_place_came(cf_last_places *self, cf_last_place *at, cf_time time, const cf_dot *dot);
bool cf_last_place_take_key(cf_last_places *self, cf_last_place *at, cf_bytes value);
/* A pin says where something is shown that stays; false where it is not about this place. */
bool cf_last_place_take_pin(cf_last_places *self, cf_last_place *at, cf_bytes value);
/* From a value as the state has it, or an entry. */
void cf_last_place_take_content(cf_last_place *at, cf_bytes value);
/* A record has a key and no place in the tree of directories. */
bool cf_last_place_is_record(const cf_last_place *at);

/* As it is known, one way or the other; NULL when it isn't. */
cf_last_place *cf_last_place_known(cf_last_places *self, const cf_id *collection,
                                   const cf_id *item);
/* Makes known what has the name of this file, of what older entries put there. */
void cf_last_place_ask_namesakes(cf_last_places *self, const cf_last_place *at);
uint64_t cf_last_place_hash(const cf_last_place *at);
void cf_last_places_release(cf_last_places *self);

/* ---- history_paths.c: what that is for people ---- */

/* As entries wrote it, from as far up as places are known. */
cf_bytes cf_last_place_path(cf_last_places *self, const cf_last_place *at);
/* As it was shown: of a conflict copy under its own name, and `original` is the path of the file
 * whose name that is made of; else nothing. */
cf_bytes cf_last_place_shown(cf_last_places *self, const cf_last_place *at, cf_bytes *original);

#endif
