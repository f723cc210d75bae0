/* SPDX-License-Identifier: Apache-2.0 */
/* A small world in one process and one thread: a broker and some devices of one user, each with a
 * folder. Handlers, engine and folders are the real ones; transport, stores and jobs are in memory
 * and take their order from a seed. */
#ifndef CF_TESTS_SMALL_WORLD_H
#define CF_TESTS_SMALL_WORLD_H
#include "codec/keys.h"
#include "peer/engine/engine.h"
#include "tests/support/chance.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/memory_broker.h"

enum { SMALL_DEVICES_MAX = 4, SMALL_TURN_MS = 3, SMALL_TURNS_MAX = 3000 };

typedef struct small_world small_world;

typedef struct {
    small_world *in;
    int number;
    char home_path[128], folder[128];
    cf_store_memory_disk *disk;
    cf_home *home;
    cf_engine *engine;
    cf_outbox *outbox;
    cf_hash curve;
    uint64_t session;
    uint8_t routing_id[8];
    bool serves; /* watches its folder */
    bool offline;
    bool deaf;       /* what is sent to it is lost */
    uint64_t dead;   /* the session in which everything is lost, and nobody notices; 0: none */
    bool hears_late; /* of what happened while its jobs ran: after it knows what these did */
    bool is_cut;     /* a message to it was lost with its connection */
    cf_env env;
    disk_faults faults;
    cf_status trouble; /* why its engine could not go on */
} small_device;

struct small_world {
    char path[64];
    chance chance; /* of its seed */
    uint64_t now_ms;
    uint64_t steady_ms, seen_ms; /* see small_world_steady */
    int64_t skew_ms;             /* of the devices' time of day */
    cf_env env;
    cf_files files;
    memory_broker broker;
    memory_broker_options options; /* of the broker, from its next start on */
    cf_id collection;
    uint8_t phrase[CF_PHRASE_SECRET];
    small_device devices[SMALL_DEVICES_MAX];
    int count;
    uint64_t connections;
    unsigned loss;   /* of 1,000 messages that many cut their connection */
    bool is_old;     /* its broker is from before there was FETCH */
    bool guarded;    /* nobody says --yes */
    cf_reserve room; /* on the broker's disk; whole 0: any */
    bool loud;
};

small_world *small_world_new(uint64_t seed, int devices);
void small_world_destroy(small_world **self);
/* By the devices' time of day. */
uint64_t small_world_time(const small_world *self);
/* On the clock that nobody sets. */
uint64_t small_world_steady(small_world *self);

/* Everything that can go on does, for this device alone; true when nothing is left to do. An engine
 * that can't go on is begun again. */
bool small_device_sync(small_device *self);
/* The same for so many turns at most, and as it is asked. False: it has not come to its end; why,
 * `trouble` says. */
bool small_device_round(small_device *self, const cf_round_options *options, unsigned turns);
/* Its process begins again, and serves from now on. */
void small_device_serves(small_device *self);
/* So much time passes, in which it does what it does by itself. */
void small_device_passes(small_device *self, uint64_t ms);
/* The same of all devices, turn by turn. */
void small_world_passes(small_world *self, uint64_t ms);
/* The process ends, with all that was not made durable, and begins again, its disk well. */
void small_device_crash(small_device *self);
/* How many things of its folder, or of this source, are listed like that. */
size_t small_device_pending(const small_device *self, const cf_binding *source,
                            cf_pending_kind kind);
/* Pulls its cable: the connection ends, and none can be made while `offline`. */
void small_device_unplug(small_device *self);
void small_broker_crash(small_world *self);

/* All devices, until nothing changes any more, on disks and in the log; false when that takes too
 * long. */
bool small_world_settle(small_world *self);
/* How many entries the broker has. */
uint64_t small_world_entries(small_world *self);
/* How many the broker has. */
size_t small_world_blobs(small_world *self);
/* It has all entries still, but none of the blobs that they name, and knows that. */
void small_world_loses_blobs(small_world *self);

#endif
