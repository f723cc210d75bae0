/* SPDX-License-Identifier: Apache-2.0 */
/* A world: brokers and devices of one user in one process and one thread, with the product's own
 * handlers. Clock, random numbers, network, disks and what stores make durable are simulated, all
 * from one seed, so that a world goes the same way each time. */
#ifndef CF_TESTS_WORLDS_WORLD_H
#define CF_TESTS_WORLDS_WORLD_H
#include "broker/platform/jobs.h"
#include "codec/keys.h"
#include "peer/engine/engine.h"
#include "tests/support/chance.h"
#include "tests/support/faulty_disk.h"
#include "tests/support/memory_broker.h"
#include "tests/support/must.h"
#include "tests/worlds/disk.h"
#include "tests/worlds/intents.h"
#include "tests/worlds/ledger.h"

enum { DEVICES_MAX = 8, BROKERS_MAX = 2, TURN_MS = 3, TURNS_MAX = 4000 };

typedef struct world world;
typedef struct device device;
typedef struct cable cable;

/* ---- The network ---- */

/* One end of connections to a broker: a link with the one it has now. */
typedef struct {
    device *of;
    int broker; /* its number; -1: nobody answers at this address */
    cf_link *link;
    cf_outbox *outbox;
    cf_hash curve;
    uint64_t session;
    cable *wire;
} terminal;

void station_open(terminal *self, device *of, cf_link *link, const uint8_t curve[32], int broker);
void station_close(terminal *self);

/* ---- Brokers ---- */

typedef struct {
    world *in;
    int number;
    cf_address address;
    char line[CF_ADDRESS_TEXT];
    cf_env env;
    cf_jobs *jobs;
    memory_broker broker;
    /* An older copy of its disks. */
    cf_store_memory_disk *old_disk;
    cf_blob_memory_disk *old_blob_disk;
    promises promises;
    uint64_t revoked_ms[DEVICES_MAX]; /* since when it knows that these are; 0: they aren't */
    size_t refusals;                  /* that it sent to devices which it knew to be revoked */
} world_broker;

/* With its durable things gone back (`old`), or none, or as they are. */
typedef enum { BROKER_AS_IT_WAS, BROKER_AS_OF_OLD, BROKER_EMPTY } broker_disk;
void broker_open(world_broker *self);
void broker_close(world_broker *self);
/* The process ends without a word and begins again. */
void broker_crash(world_broker *self, broker_disk with);
void broker_copy(world_broker *self);
bool broker_knows_user(const world_broker *self);

/* ---- Devices ---- */

typedef struct {
    char *path;
    mark token;
    bool is_value; /* of a record */
} acquaintance;

struct device {
    world *in;
    int number;
    char home_path[16], folder[16];
    cf_env env;
    chance chance;
    int64_t skew_ms;   /* of its clock */
    uint64_t clock_ms; /* what it shows */
    disk *drive;
    disk_faults faults;
    cf_store_memory_disk *disk;
    cf_home *home;
    cf_engine *engine;
    cf_round *round;
    terminal station;
    uint64_t broker_number; /* of the engine's broker that the station is for */
    bool serves;            /* its process runs all the time */
    bool offline;
    bool is_out; /* it was revoked, and is not looked at any more */
    bool in_trouble;
    bool claims;         /* status says that everything is in sync */
    uint64_t claimed_of; /* a sum of what it had of the log then */
    bool is_bereft;      /* it waits for what nobody has any more, and for nothing else (lost.h) */
    cf_buffer bereft;    /* the records that wait for that, "KIND KEY\n" each */
    bool is_held_up;     /* by what its user has in the way of what he asks for (held_up.h) */
    /* It is in the middle of something, or was when its process ended: what its user takes away
     * that it has just put there, before it has noted that, it may put there again. */
    bool is_unsure;
    /* Its disk took bytes for written that never will be: a power cut may spoil any file now. */
    bool is_rotten;
    bool is_copy;   /* there was another one of it: an older one, or its clone */
    bool has_cause; /* to publish something, since it last said that it is in sync (causes.h); */
    uint64_t looked_to; /* then its log ended here */
    cf_buffer instead;  /* what stands where its disk was taken out (mounts.h) */
    /* What it asks for and may know of; what its user does with the rest is told to nobody.
     * Kept where devices ask for some only, for all but the first (asking.h). */
    acquaintance *known;
    size_t known_count, known_capacity;
    bool knows_all;  /* it can't be said what of them it knows */
    long counted;    /* the highest number that was given to a row here */
    bool is_share;   /* its disk is a share */
    bool is_hanging; /* its disk: jobs that run alone never return */
    bool touched;    /* by its user since it was last looked at */
    cf_id lock;      /* the request, of the collection; zero: none */
    /* An older copy of it. */
    disk_image *old_drive;
    cf_store_memory_disk *old_disk;
    uint64_t old_at; /* when, in acts */
};

uint64_t device_now(const device *self);
void device_set_clock(device *self, int64_t skew_ms);
cf_peer *device_peer(device *self);
/* How a process ends. */
typedef enum {
    END_CALMLY,
    END_KILLED,   /* what is on the disks stays */
    END_POWER_CUT /* what was not synced is gone, or not */
} device_end;
/* Its disk is well when it begins again. */
void device_restart(device *self, device_end how);
void device_mend(device *self);
void device_copy(device *self); /* keeps a copy to go back to */
/* Goes back to that copy: all of it, or the home alone. */
void device_restore(device *self, bool with_folder);
/* Its process ends, its disk holds the image, and it begins again, with what it knows. */
void device_put_disk(device *self, const disk_image *image);
/* Another device with the same home and folder as this one has now. */
void device_clone(device *self, device *of);
/* Its connection breaks. */
void network_cut_device(device *self);
/* All that is the user's on this device, a line for each thing, sorted. */
void device_tree(const device *self, cf_buffer *out);
/* What isn't synced and needn't be keeps nobody from being in sync. */
bool device_waits_for(const cf_pending *one);
/* WHY gets what status says of the broker, and what is pending. */
bool device_status_is_clean(device *self, cf_buffer *why);

/* ---- The world ---- */

typedef struct {
    uint64_t seed;
    int devices, brokers;
    unsigned loss;    /* of 10,000 messages so many end their connection */
    unsigned lag_ms;  /* the longest delay of a message */
    unsigned records; /* beside the folders: one bit for each record_kind */
    bool lessens;     /* some disks keep less: of times, and of the numbers of what is mounted */
} world_plan;

struct world {
    world_plan plan;
    chance chance; /* of network and brokers */
    uint64_t now_ms;
    world_broker brokers[BROKERS_MAX];
    int broker_count, home; /* the broker where the user is */
    device devices[DEVICES_MAX];
    int count;
    cable *wires;
    uint64_t connections;
    cf_id collection;
    uint8_t phrase[CF_PHRASE_SECRET];
    ledger ledger;
    intents intents;
    /* A home went back, and a broker lost something: a revocation may be gone with both, and then
     * who was shut out is in. */
    bool was_restored, was_lost;
    bool modes_vary;           /* some disks keep none: no tree says which there are */
    bool asks;                 /* devices ask for some things only, now and then */
    uint64_t bytes_per_second; /* that its lines carry, each way, while they have a lag; 0: all */
    uint64_t act;              /* the number of the one that is under way, from 1 */
    uint64_t digest;           /* of all that has happened */
    bool traced;
    unsigned still;     /* turns in which nothing moved */
    cf_buffer unmade;   /* who first published what nobody made; empty: nobody */
    cf_buffer trespass; /* the same of changes where another disk stood */
    cf_buffer leaks;    /* what devices got of a broker that knew them to be revoked */
};

world *world_new(const world_plan *plan, bool traced);
void world_destroy(world **self);
/* One event, for the trace and the digest. */
void world_tell(world *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A new device of the user, with a folder of its own. */
device *world_add_device(world *self);
void world_wait(world *self, uint64_t ms);
/* Everything that is due; then time passes. */
void world_turn(world *self);
/* The devices of the set (one bit each) sync, for so many turns at most. True: all have come to
 * their end. */
typedef struct {
    unsigned set;
    unsigned turns;
    bool guarded; /* nobody says --yes */
} world_round;
bool world_sync(world *self, const world_round *round);
/* Everything is well again, and all devices that are in sync, until nothing changes any more. */
bool world_settle(world *self);
void world_heal(world *self);
/* Where logs sent devices to a broker that has lost the user, or to two of them, the user says
 * again where to go. False: there is no need. */
bool world_finds_home(world *self);
uint64_t world_entries(world *self);
/* All devices that are in say that everything is in sync, and have nothing new since. */
bool world_agrees(world *self);
unsigned world_members(const world *self); /* the set of devices that are in */

/* Each hears of what the other has in its log, without a broker: by a stick, or in a network of
 * their own. */
void devices_meet(device *one, device *other);
/* The numbers that one writer has signed twice, as this device's log has them. */
size_t device_doubles(device *of);

/* The user goes to another broker, or back to one that lost everything, with the help of this
 * device. False: it could not. */
bool world_move_home(world *self, device *with, int to);

#endif
