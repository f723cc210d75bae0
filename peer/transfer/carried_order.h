/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs a relay is to have, from the newest to the oldest, and what became of each. For
 * carried.c alone, which fetches and brings them, and asks whether the broker still has them. */
#ifndef CF_PEER_TRANSFER_CARRIED_ORDER_H
#define CF_PEER_TRANSFER_CARRIED_ORDER_H
#include "codec/hash_table.h"
#include "peer/transfer/carried.h"

typedef enum {
    CF_CARRIED_LACKING,  /* to be fetched */
    CF_CARRIED_FETCHING, /* the link was asked for it */
    CF_CARRIED_HELD,
    CF_CARRIED_ABSENT,    /* the broker does not have it, as far as is known */
    CF_CARRIED_TOO_LARGE, /* for all the room that there is: never begun */
    CF_CARRIED_STATES,
} cf_carried_state;

typedef struct cf_carried_blob cf_carried_blob;

struct cf_carried_blob {
    cf_hash_link link;
    cf_carried_blob *newer, *older;
    cf_hash id;
    cf_carried_state state;
    uint64_t
        size; /* counted in `used`; 0: nobody knows as yet; the broker's word until it is held */
    uint64_t from; /* of one that is lacking: so much of its beginning is here */
};

/* What entries name, and was not looked at yet. */
typedef struct {
    cf_hash *at; /* as the entries name them, in the order of these */
    size_t count, capacity;
    size_t done; /* of new ones: from the beginning on; old ones are taken off the end */
} cf_carried_named;

struct cf_carried {
    cf_carried_options options;
    cf_hash_table table;
    cf_carried_blob *newest, *oldest;
    cf_carried_blob *next; /* no newer one is lacking; NULL: nobody knows */
    uint64_t counts[CF_CARRIED_STATES];
    uint64_t held_size;
    uint64_t used; /* bytes of what is here, and of what is fetched */
    bool begun;    /* `low` and `high` say which entries were looked at */
    bool grew;
    uint64_t low, high; /* positions: of the oldest of them, and after the newest */
    cf_carried_named old, new;
    bool is_closed; /* there is no room for older ones */
    bool drops_older;
    cf_hash end;          /* the newest that was dropped; all zero: none. Kept in the home, */
    bool ends_new;        /* when the step is over */
    bool is_swept;        /* nothing else lies there */
    bool may_ask;         /* at the last step */
    bool is_crowded;      /* before more is asked for, something in hand has to end */
    cf_hash compared;     /* the last of which the broker was asked whether it has it, and when: */
    uint64_t compared_ms; /* by the clock of users, 0: never. Kept in the home */
    cf_error trouble;
    uint64_t retry_ms; /* after that, by the clock that nobody sets */
    uint64_t again_ms; /* when the broker is asked again for what it did not have; 0: never */
};

cf_carried_blob *cf_carried_find(const cf_carried *self, const cf_hash *id);
void cf_carried_become(cf_carried *self, cf_carried_blob *blob, cf_carried_state state);
/* How large it is, or that this is not known any more (0). */
void cf_carried_set_size(cf_carried *self, cf_carried_blob *blob, uint64_t size);
/* The oldest are dropped until those that are held have room: no size counts that is only said. */
void cf_carried_make_room(cf_carried *self);
/* The disk, not the broker, keeps it from going on. */
void cf_carried_in_trouble(cf_carried *self, const cf_error *why);
/* Looks at entries that came, and at some that were there before. */
cf_status cf_carried_look(cf_carried *self, cf_error *error);
/* Whether entries are to be looked at that were there before. */
bool cf_carried_looks(const cf_carried *self);
/* All for which there is room were looked for. */
bool cf_carried_is_through(const cf_carried *self);
void cf_carried_forget_all(cf_carried *self);
/* Without that each start would fetch, only to drop it, what is next. */
void cf_carried_recall_end(cf_carried *self);
void cf_carried_keep_end(cf_carried *self);

#endif
