/* SPDX-License-Identifier: Apache-2.0 */
/* A broker in one piece, on a store and blobs in memory, and clients that talk to its gateway as if
 * by ROUTER and CURVE. */
#ifndef CF_TESTS_BROKER_WORLD_H
#define CF_TESTS_BROKER_WORLD_H
#include "tests/broker/people/people.h"
#include "tests/support/chance.h"
#include "tests/support/memory_broker.h"

enum { CLIENTS_MAX = 1500, LETTERS_MAX = 4096 };

/* A connection. */
typedef struct {
    char routing_id[8];
    cf_hash key;
    bool is_stuck; /* takes nothing off its pipe */
    bool is_gone;
    bool is_shut;       /* as the gateway wants it; it may go on all the same */
    cf_frames *letters; /* what came and wasn't looked at */
    size_t first, count;
} client;

typedef struct {
    memory_broker broker;
    memory_broker_options options; /* in effect after a crash */
    size_t absent; /* blobs that were asked for, and that are neither here nor wanted */
    chance chance;
    cf_env env;
    uint64_t now_ms;
    int64_t set_ms; /* by how much that was set: broker_world_set_clock */
    client *clients[CLIENTS_MAX];
    size_t client_count;
    size_t allowed;  /* CURVE keys that may connect */
    bool is_doubted; /* whether an unknown one may be a member's */
    cf_arena arena;  /* of the last letter */
} broker_world;

#define BROKER_ADDRESS                                                                             \
    "tcp://broker.example:7817#aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qa"

broker_world *a_broker_world(void);
/* Drops everything that wasn't committed, and starts again. */
void broker_world_crash(broker_world *self);
void broker_world_end(broker_world *self);
/* What it has of the user can't be read when it is opened next. */
void broker_world_damage(broker_world *self, const cf_hash *user);
/* So, of an entry of the user's member log, the first of which is 0. */
void broker_world_damage_member(broker_world *self, const cf_hash *user, uint64_t ordinal);

/* Connects with a key. */
client *connect_client(broker_world *self, const uint8_t curve[32]);
void say(broker_world *self, client *from, const cf_message *message);
void say_bytes(broker_world *self, client *from, const cf_bytes *frames, size_t count);
/* Somebody sets its clock to a later time, or an earlier one; the one by which deadlines run goes
 * on. */
void broker_world_set_clock(broker_world *self, int64_t later_ms);
/* Lets the broker work until nothing is to be done any more. */
void broker_world_settle(broker_world *self);
/* The next letter; it must be this command. Borrowed until the next call. */
cf_message hear(broker_world *self, client *by, cf_command command);
/* The next letter refuses with that code. */
void hear_refusal(broker_world *self, client *by, const char *code);
void hear_nothing(broker_world *self, client *by);

/* Brings the account's entries and those of its devices into the broker without a session, as if
 * enrolled long ago. */
void settle_in(broker_world *self, person *account, person *first, person *second);
/* Of this version, with no heads: more can be set in it. */
cf_message hello_of(const cf_hash *user);
/* HELLO with these heads; hears WELCOME. */
void greet(broker_world *self, client *from, const cf_hash *user, const cf_head *heads,
           size_t count);
void subscribe(broker_world *self, client *from, const cf_head *rungs, size_t count,
               uint64_t credit);
/* PUBLISH of somebody's last entry; what comes back is not heard yet. */
void publish(broker_world *self, client *from, const person *author);

/* A user's desk (an owner) and lap (a member), each with a connection that has said nothing yet. */
typedef struct {
    broker_world *world;
    person account, desk, lap;
    client *at_desk, *at_lap;
} household;
household a_household(void);
/* They have said HELLO and know nothing of the log. */
household a_greeted_household(void);
void household_end(household *self);

/* The desk publishes a change, and both hear of that. */
void household_saves(household *self);
/* What came is not looked at. */
void client_forgets(client *at);

/* One more user of the same broker; only the desk has a connection, that said HELLO. Other seeds,
 * three apart, are other people. */
household another_household(broker_world *world, uint16_t seed);
void household_leave(household *self); /* the broker stays */

#endif
