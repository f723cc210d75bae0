/* SPDX-License-Identifier: Apache-2.0 */
/* What one session costs the gateway doesn't grow with the sessions of others that say nothing.
 * What is counted is how many stretches of its code are run: these sources are compiled for this
 * test so that each stretch calls __sanitizer_cov_trace_pc. */
#include "tests/broker/people/broker_world.h"

#include <stdlib.h>

enum { SMALL = 15, SIZES = 3 };

static uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

/* Of another user, connected, and up to date. */
static household a_silent_one(broker_world *world, uint8_t seed)
{
    household made = another_household(world, seed);

    subscribe(world, made.at_desk, NULL, 0, CF_MIB);
    for (int entries = 0; entries < 3; entries++)
        hear(world, made.at_desk, CF_COMMAND_ENTRY);
    return made;
}

typedef void act(household *of);

static uint64_t count_beside(size_t crowd, act *done)
{
    household a = a_greeted_household();
    household *others = cf_allocate(crowd, sizeof *others);

    for (size_t i = 0; i < crowd; i++)
        others[i] = a_silent_one(a.world, (uint8_t)(10 + 3 * i));
    subscribe(a.world, a.at_lap, NULL, 0, CF_MIB);
    for (int entries = 0; entries < 3; entries++)
        hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    stretches = 0;
    done(&a);
    uint64_t counted = stretches;
    for (size_t i = 0; i < crowd; i++)
        household_leave(&others[i]);
    free(others);
    household_end(&a);
    return counted;
}

/* Looking for one among twice as many takes a step or two more. */
static void expect_the_same_beside_any(act *done)
{
    uint64_t alone = count_beside(SMALL, done);

    cr_expect_gt(alone, 50, "nothing is counted");
    for (size_t i = 1; i < SIZES; i++) {
        size_t crowd = (size_t)SMALL << i;
        uint64_t counted = count_beside(crowd, done);

        cr_expect_lt(counted, alone + 20 * (i + 1), "%llu beside %d, %llu beside %zu",
                     (unsigned long long)alone, SMALL, (unsigned long long)counted, crowd);
    }
}

static void wake(household *of)
{
    cf_gateway_tick(of->world->broker.gateway, of->world->now_ms);
}

static void wake_often(household *of)
{
    for (int i = 0; i < 10; i++)
        wake(of);
}

Test(gateway_crowd, costs_nothing_when_nothing_happens)
{
    expect_the_same_beside_any(wake_often);
}

Test(gateway_crowd, costs_a_save_the_same_beside_any)
{
    expect_the_same_beside_any(household_saves);
}

static void come_again(household *of)
{
    client *again = connect_client(of->world, cf_keys_public(of->lap.keys)->curve);

    greet(of->world, again, &of->account.user, NULL, 0);
    subscribe(of->world, again, NULL, 0, CF_MIB);
}

Test(gateway_crowd, costs_a_greeting_the_same_beside_any)
{
    expect_the_same_beside_any(come_again);
}

static void let_somebody_in(household *of)
{
    person phone = a_device(5, &of->account.user);
    cf_message message = {.command = CF_COMMAND_PUBLISH};

    learn(&of->desk, &of->account);
    let_in(&of->desk, &phone, CF_ROLE_MEMBER);
    message.publish.entry = cf_buffer_view(&of->desk.wire);
    say(of->world, of->at_desk, &message);
    hear(of->world, of->at_desk, CF_COMMAND_ACCEPTED);
    person_end(&phone);
}

Test(gateway_crowd, costs_a_new_member_the_same_beside_any)
{
    expect_the_same_beside_any(let_somebody_in);
}

static void count_often(household *of)
{
    for (int i = 0; i < 100; i++)
        cf_gateway_count(of->world->broker.gateway);
}

Test(gateway_crowd, is_counted_at_the_same_cost_however_many_there_are)
{
    expect_the_same_beside_any(count_often);
}

/* Of a user with so many devices more than two: what an entry of its member log has looked at. */
static uint64_t count_of_devices(size_t devices)
{
    household a = a_greeted_household();
    cf_log *log = cf_users_find(a.world->broker.users, &a.account.user);

    for (size_t i = 0; i < devices; i++) {
        person one = a_device((uint16_t)(100 + i), &a.account.user);

        let_in(&a.account, &one, CF_ROLE_MEMBER);
        append_entry(log, &a.account);
        person_end(&one);
    }
    broker_world_settle(a.world);
    cf_users_refresh(a.world->broker.users, &a.account.user);
    stretches = 0;
    cf_users_refresh(a.world->broker.users, &a.account.user);
    const uint64_t counted = stretches;
    household_end(&a);
    return counted;
}

/* Twice as many devices cost twice as much, and no more. */
Test(gateway_crowd, looks_at_each_key_of_a_user_once)
{
    const uint64_t few = count_of_devices(SMALL);

    cr_expect_gt(few, SMALL, "nothing is counted");
    for (size_t i = 1; i < SIZES; i++) {
        const uint64_t counted = count_of_devices((size_t)SMALL << i);

        cr_expect_leq(counted, few << i, "%llu of %d devices, %llu of %d", (unsigned long long)few,
                      SMALL, (unsigned long long)counted, SMALL << i);
    }
}
