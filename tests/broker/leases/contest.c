/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/leases/contest.h"
#include "tests/support/frames.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/quiet.h"

void contest_id(contest *self, cf_id *out)
{
    chance_fill(&self->chance, out->bytes, CF_ID_SIZE);
}

static void start(contest *self)
{
    memory_broker_start(&self->broker, &(memory_broker_options){.env = &self->env}, self->now_ms);
}

void contest_restart(contest *self)
{
    memory_broker_stop(&self->broker);
    self->crashes++;
    start(self);
}

void contest_say(contest *self, contender *from, const cf_message *message)
{
    cf_gateway_peer peer = {cf_bytes_of(&from->session, sizeof from->session), {{0}}, "contender"};

    memcpy(peer.key.bytes, cf_keys_public(from->who.keys)->curve, CF_HASH_SIZE);
    gateway_hears(self->broker.gateway, &peer, message, self->now_ms);
}

static void seat(contest *self, cf_log *log, person *author)
{
    cf_error error;

    append_entry(log, author);
    expect_ok(self->broker.store->commit(self->broker.store, &error), error);
}

static void let_all_in(contest *self)
{
    cf_error error;
    cf_log *log;

    expect_ok(cf_users_add(self->broker.users, &self->account.user, &log, &error), error);
    first_entry(&self->account);
    seat(self, log, &self->account);
    for (size_t i = 0; i < CONTENDERS; i++) {
        contender *who = &self->all[i];

        who->who = a_device((uint8_t)(i + 2), &self->account.user);
        learn(&who->who, &self->account);
        let_in(&self->account, &who->who, CF_ROLE_MEMBER);
        seat(self, log, &self->account);
        learn(&who->who, &self->account);
    }
    write_change(&self->account, "what there is to lock", NULL, 0);
    seat(self, log, &self->account);
    cf_users_refresh(self->broker.users, &self->account.user);
    expect_ok(
        self->broker.store->last(self->broker.store, &self->account.user, &self->position, &error),
        error);
}

contest *a_contest(uint64_t seed)
{
    static const uint8_t instance[16] = "a contest";
    contest *self = cf_allocate(1, sizeof *self);

    self->chance = (chance){seed};
    self->env = (cf_env){.context = &self->chance, .random = chance_random, .report = no_report};
    self->now_ms = 1700000000000;
    memory_broker_make_disks(&self->broker, instance);
    self->account = an_account(1);
    start(self);
    let_all_in(self);
    return self;
}

void contest_end(contest **self)
{
    contest *ended = *self;

    memory_broker_stop(&ended->broker);
    for (size_t i = 0; i < CONTENDERS; i++)
        person_end(&ended->all[i].who);
    person_end(&ended->account);
    memory_broker_drop_disks(&ended->broker);
    cf_buffer_release(&ended->record);
    free(ended);
    *self = NULL;
}
