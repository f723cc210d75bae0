/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/leases/contest.h"

void contender_connects(contest *self, contender *who)
{
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION, .user = self->account.user}};

    who->session = ++self->sessions;
    contest_say(self, who, &hello);
}

void contender_asks(contest *self, contender *who, bool anew)
{
    cf_message lock = {.command = CF_COMMAND_LOCK,
                       .lock = {.collection = papers, .for_ms = LEASE_MS}};

    if (anew)
        contest_id(self, &who->request);
    lock.lock.request = who->request;
    lock.lock.wait = chance_below(&self->chance, 4) > 0;
    who->state = ASKED;
    contest_say(self, who, &lock);
}

void contender_publishes(contest *self, contender *who, bool with_token)
{
    cf_message message = {.command = CF_COMMAND_PUBLISH};

    if (!who->owes) {
        write_change(&who->who, "some body", NULL, 0);
        who->owes = true;
        who->written++;
    }
    who->sent_before |= !who->has_given_back;
    if (with_token)
        message.publish.token = &who->token;
    message.publish.entry = cf_buffer_view(&who->who.wire);
    contest_say(self, who, &message);
}

static void give_back(contest *self, contender *who)
{
    cf_message unlock = {
        .command = CF_COMMAND_UNLOCK,
        .unlock = {
            .request = who->request, .collection = papers, .name = {{0}}, .token = &who->token}};

    who->has_given_back = true;
    contest_say(self, who, &unlock);
    if (chance_below(&self->chance, 8) == 0)
        contender_publishes(self, who, true); /* too late */
    who->state = IDLE;
}

static void renew(contest *self, contender *who)
{
    cf_message message = {
        .command = CF_COMMAND_RENEW,
        .renew = {.request = who->request, .token = who->token, .for_ms = LEASE_MS}};

    contest_say(self, who, &message);
}

static void use(contest *self, contender *who)
{
    switch (chance_below(&self->chance, 8)) {
    case 0:
        renew(self, who);
        break;
    case 1: /* it forgets it */
        who->state = IDLE;
        break;
    case 2:
    case 3:
        give_back(self, who);
        break;
    default:
        contender_publishes(self, who, true);
        break;
    }
}

void contender_acts(contest *self, contender *who)
{
    bool has_token = who->token.counter > 0;

    if (!who->session)
        contender_connects(self, who);
    if (who->state == ASKED && chance_below(&self->chance, 16) == 0)
        contender_asks(self, who, false);
    else if (who->state == IDLE && has_token && chance_below(&self->chance, 64) == 0)
        contender_publishes(self, who, true); /* what it had once */
    else if (who->state == IDLE)
        contender_asks(self, who, true);
    else if (who->state == HOLDS && self->now_ms >= who->wakes_ms)
        use(self, who);
}
