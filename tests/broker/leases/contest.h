/* SPDX-License-Identifier: Apache-2.0 */
/* A contest for one lease: devices of one user, and a broker that is killed. */
#ifndef CF_TESTS_CONTEST_H
#define CF_TESTS_CONTEST_H
#include "broker/members/registry.h"
#include "tests/broker/people/people.h"
#include "tests/support/chance.h"
#include "tests/support/memory_broker.h"

enum { CONTENDERS = 50, LEASE_MS = 2000, PAUSE_MS = 3 * LEASE_MS };

typedef enum { IDLE, ASKED, HOLDS } contender_state;

/* A device, and what it believes. */
typedef struct {
    person who;
    uint64_t session; /* number of its connection; 0: none */
    contender_state state;
    cf_id request;
    cf_lease_token token; /* the last that it was given */
    uint64_t until_ms;    /* till when it has it for sure */
    uint64_t wakes_ms;
    bool has_given_back;
    bool sent_before; /* in this step, before it gave back */
    bool owes;        /* its last entry is not accepted */
    size_t written;
} contender;

typedef struct {
    memory_broker broker;
    cf_env env;
    chance chance;
    uint64_t now_ms, sessions;
    person account;
    contender all[CONTENDERS];
    cf_lease_token highest; /* of all that were granted */
    contender *holder;      /* who was given that one; NULL: nobody yet */
    uint64_t position;      /* of the log as far as it was looked at */
    cf_buffer record;       /* of the lease, as it was on the disk before */
    size_t cycles, crashes, entered, refused;
} contest;

/* A broker that runs, and all of them let in by its user; nobody has connected. */
contest *a_contest(uint64_t seed);
void contest_end(contest **self);
void contest_id(contest *self, cf_id *out);
/* What isn't committed is lost, and what isn't sent. */
void contest_restart(contest *self);
void contest_say(contest *self, contender *from, const cf_message *message);

/* ---- What they do ---- */

void contender_connects(contest *self, contender *who);
void contender_asks(contest *self, contender *who, bool anew);
/* With the token that it was given, however long ago, or with none. */
void contender_publishes(contest *self, contender *who, bool with_token);
/* Whatever it is about to do. */
void contender_acts(contest *self, contender *who);

/* ---- What they hear, and what must hold ---- */

/* Whom the disk had as the holder, and under this token. */
bool contest_was_on_disk(const contest *self, const contender *who);
void contest_check_entries(contest *self);
/* What the disk says of the lease now. */
void contest_note_record(contest *self);
/* Commits, and lets everybody hear what came of it. */
void contest_settle(contest *self);

#endif
