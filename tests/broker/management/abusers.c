/* SPDX-License-Identifier: Apache-2.0 */
/* A member among others who abuse the broker without an end: they ask for what isn't there, bring
 * what is forged, greet again and again. As a ROUTER does, it takes a message of each connection
 * in turn. Each save of the member takes one round trip, among 100 of them as among one, and what
 * the broker looks up for them is what their patience allows by the clock, not what they ask. */
#include "broker/gateway/prices.h"
#include "broker/management/work_budget.h"
#include "tests/broker/people/broker_world.h"

#include <stdlib.h>

enum {
    SAVES = 200,
    ROUND_MS = 20,
    ASKED = 500,
    POINTS = 1000,
    MOST = POINTS * CF_WORK_BUDGET_S,
    ALLOWED = MOST + POINTS * SAVES * ROUND_MS / 1000, /* points of one user in all that time */
    WAYS = 4,
};

static size_t blobs_looked_up;
static cf_status (*inner_held)(cf_blobs *, const cf_hash *, const cf_hash *, cf_blob_held *,
                               cf_error *);

static cf_status count_held(cf_blobs *blobs, const cf_hash *of, const cf_hash *id,
                            cf_blob_held *out, cf_error *error)
{
    blobs_looked_up++;
    return inner_held(blobs, of, id, out, error);
}

/* Whoever was put out greets first, as a program does. */
static void abuse(broker_world *world, household *by, size_t round)
{
    static cf_hash ids[ASKED];
    const cf_message hello = hello_of(&by->account.user),
                     have = {.command = CF_COMMAND_HAVE, .have = {.ids = ids, .id_count = ASKED}},
                     subscribe = {.command = CF_COMMAND_SUBSCRIBE, .subscribe = {.credit = 1}};
    const cf_bytes garbage = cf_bytes_of_text("\xff\xff\xff");

    client_forgets(by->at_desk);
    if (!cf_gateway_knows(world->broker.gateway, cf_bytes_of_text(by->at_desk->routing_id))) {
        say(world, by->at_desk, &hello);
        return;
    }
    switch (round % WAYS) {
    case 0:
        say(world, by->at_desk, &have);
        return;
    case 1:
        publish(world, by->at_desk, &by->desk);
        return;
    case 2:
        say(world, by->at_desk, &subscribe);
        return;
    default:
        say_bytes(world, by->at_desk, &garbage, 1);
    }
}

static void expect_one_round_trip_among(size_t abusers)
{
    broker_world *world = a_broker_world();
    household *bad = cf_allocate(abusers, sizeof *bad);

    world->options.waste_per_second = POINTS;
    broker_world_crash(world);
    household good = another_household(world, 1);
    for (size_t i = 0; i < abusers; i++) {
        bad[i] = another_household(world, (uint16_t)(1 + 3 * (i + 1)));
        write_change(&bad[i].desk, "some body", NULL, 0);
        bad[i].desk.wire.data[bad[i].desk.wire.size - 10 - sizeof "some body"] ^= 1;
    }
    inner_held = world->broker.blobs->held;
    world->broker.blobs->held = count_held;
    blobs_looked_up = 0;
    for (size_t round = 0; round < SAVES; round++) {
        for (size_t i = 0; i < abusers; i++)
            abuse(world, &bad[i], round + i);
        write_change(&good.desk, "a save", NULL, 0);
        publish(world, good.at_desk, &good.desk);
        hear(world, good.at_desk, CF_COMMAND_ACCEPTED);
        world->now_ms += ROUND_MS;
    }
    hear_nothing(world, good.at_desk);
    cr_expect_leq(blobs_looked_up, abusers * (ALLOWED / CF_PRICE_BLOB + ASKED),
                  "%zu blobs were looked up for %zu", blobs_looked_up, abusers);
    cr_expect_lt(blobs_looked_up, abusers * ASKED * SAVES / WAYS, "nobody was refused");
    for (size_t i = 0; i < abusers; i++)
        household_leave(&bad[i]);
    free(bad);
    household_leave(&good);
    broker_world_end(world);
}

TestSuite(abusers, .timeout = 240);

Test(abusers, one)
{
    expect_one_round_trip_among(1);
}

Test(abusers, ten)
{
    expect_one_round_trip_among(10);
}

Test(abusers, a_hundred)
{
    expect_one_round_trip_among(100);
}
