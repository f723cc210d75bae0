/* SPDX-License-Identifier: Apache-2.0 */
/* Contenders for one lease, over a broker that is killed again and again: 50 devices of one user
 * lock, publish, pause for longer than the lease lasts, and use and give back what they think they
 * have. While one has the lock nothing enters by another's session, no overtaken token ever is
 * good, and in the end all that was written is there. 2,000 cycles, or CONTEST_CYCLES of the
 * environment, or as many as CONTEST_SECONDS have room for; with CONTEST_SEED other ones. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/broker/leases/contest.h"

enum { CYCLES = 2000 };

/* Who waited for an answer asks the same again, or thinks of something else. */
static void crash(contest *self)
{
    contest_restart(self);
    contest_check_entries(self);
    contest_note_record(self);
    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        who->session = 0;
        who->has_given_back &= !contest_was_on_disk(self, who); /* nobody heard of it */
        if (who->state != ASKED)
            continue;
        contender_connects(self, who);
        if (chance_below(&self->chance, 2))
            contender_asks(self, who, false);
        else
            who->state = IDLE;
    }
}

static void step(contest *self)
{
    size_t acts = chance_below(&self->chance, 4) ? 1 : 2 + chance_below(&self->chance, 5);

    self->now_ms += chance_below(&self->chance, 300);
    for (size_t i = 0; i < CONTENDERS; i++)
        self->all[i].sent_before = false;
    for (size_t i = 0; i < acts; i++) {
        size_t chosen = chance_below(&self->chance, CONTENDERS);
        bool the_holder = self->holder && chance_below(&self->chance, 2);

        contender_acts(self, the_holder ? self->holder : &self->all[chosen]);
    }
    if (chance_below(&self->chance, 400) == 0) {
        contest_note_record(self);
        crash(self);
    }
    contest_settle(self);
}

/* When all leases are over, everybody publishes what is left, without a token. */
static bool count_only(void *context, uint64_t position, cf_bytes wire)
{
    contest *self = context;

    (void)wire;
    self->position = position;
    self->entered++;
    return true;
}

static void publish_the_rest(contest *self)
{
    cf_error error;
    size_t written = 0;

    self->now_ms += 2 * PAUSE_MS;
    contest_settle(self);
    for (size_t i = 0; i < CONTENDERS; i++) {
        cf_gateway_gone(self->broker.gateway, cf_bytes_of(&self->all[i].session, 8));
        contender_connects(self, &self->all[i]);
    }
    self->now_ms += 2 * PAUSE_MS;
    for (size_t i = 0; i < CONTENDERS; i++) {
        written += self->all[i].written;
        self->all[i].state = IDLE;
        if (self->all[i].owes)
            contender_publishes(self, &self->all[i], false);
    }
    expect_ok(self->broker.store->commit(self->broker.store, &error), error);
    expect_ok(self->broker.store->read(self->broker.store, &self->account.user, self->position + 1,
                                       count_only, self, &error),
              error);
    cr_expect_eq(self->entered, written, "%zu of %zu entries are there", self->entered, written);
}

Test(lease_contest, lets_nothing_in_by_another_and_no_overtaken_token)
{
    const char *seconds = getenv("CONTEST_SECONDS"), *seed = getenv("CONTEST_SEED");
    const char *cycles = getenv("CONTEST_CYCLES");
    size_t most = cycles ? strtoull(cycles, NULL, 10) : CYCLES;
    time_t end = time(NULL) + (seconds ? atoi(seconds) : 0);
    contest *self = a_contest(seed ? strtoull(seed, NULL, 10) : 20261120);

    while (seconds ? time(NULL) < end : self->cycles < most)
        step(self);
    publish_the_rest(self);
    printf("%zu cycles, %zu kills, %zu entries entered, %zu were refused\n", self->cycles,
           self->crashes, self->entered, self->refused);
    cr_expect_gt(self->refused, 0);
    cr_expect_gt(self->crashes, 10);
    contest_end(&self);
}
