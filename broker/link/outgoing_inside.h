/* SPDX-License-Identifier: Apache-2.0 */
/* What outgoing.c (what goes out) and outgoing_answers.c (what is said of it) share. Nobody else
 * includes this. */
#ifndef CF_BROKER_LINK_OUTGOING_INSIDE_H
#define CF_BROKER_LINK_OUTGOING_INSIDE_H
#include "broker/link/outgoing.h"
#include "broker/platform/hash_set.h"

typedef enum {
    CF_FLIGHT_READY, /* goes out when the window allows */
    CF_FLIGHT_SENT,
    CF_FLIGHT_HELD, /* until retry_ms */
} cf_flight_state;

typedef struct {
    cf_head head;
    uint64_t position;
    size_t size;
    cf_flight_state state;
    bool waits_for_entry; /* refused for a gap, or behind one that is held */
    bool waits_for_blobs;
    bool waits_for_lock;
    bool waits_for_room; /* on the other's disk, or of its user's quota */
    bool had_token;      /* when it was last sent */
    cf_id collection;
    uint64_t retry_ms;
    uint64_t delay_ms; /* 0: never refused */
} cf_flight;

/* A lease that the own side has. */
typedef struct {
    cf_id collection;
    cf_lease_token token;
} cf_leased;

struct cf_outgoing {
    cf_store *store;
    cf_hash user;
    cf_sends sends;
    bool is_confined; /* to the member log */
    cf_replay *replay;
    uint64_t window;    /* that the other grants, */
    uint64_t carried;   /* and what the line takes at once; 0: all of that */
    cf_flight *flights; /* ascending by position */
    size_t count, capacity;
    size_t sent;      /* flights in CF_FLIGHT_SENT */
    size_t sent_size; /* their bytes */
    bool drained;     /* the replay had nothing more */
    cf_hash_set came, without;
    cf_leased *leases;
    size_t lease_count, lease_capacity;
    cf_id *ended; /* writers of whom an entry was refused for good */
    size_t ended_count, ended_capacity;
    cf_arena arena; /* of the entry in hand */
};

/* Those that were held for this go out again. */
void cf_outgoing_release(cf_outgoing *outgoing, bool waits_for_entry, bool waits_for_blobs);

#endif
