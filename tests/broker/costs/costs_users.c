/* SPDX-License-Identifier: Apache-2.0 */
/* What one act of a user costs the broker beside other users who have something under way: it is
 * the same beside few of them and beside many. A suite of its own beside costs.c, where what grows
 * is the user's own. */
#include "broker/door/connection_limits.h"
#include "broker/gateway/replay_lock.h"
#include "tests/broker/people/broker_world.h"
#include "tests/broker/costs/tally.h"

#include <stdlib.h>

enum { TEN_MINUTES = 600000 };

/* Another user, with a device that is connected. */
typedef struct {
    household at;
    cf_exclusion *exclusion; /* or NULL */
} other;

/* What all of them do. */
typedef void doing(broker_world *world, other *user);

static tally counted;

static void other_end(other *user)
{
    cf_exclusion_end(&user->exclusion);
    household_leave(&user->at);
}

typedef struct {
    doing *others;
    void (*act)(household *of, other *others, size_t count);
} scene;

/* Users are dear to make: the short form makes half of them, 640 in the end, of whom a pass still
 * takes more stretches of code than may be taken beside 1,280. */
static tally cost_beside(void *context, size_t beside)
{
    const scene *it = context;
    const size_t count = getenv("CF_ALL_CASES") ? beside : beside / 2;
    household a = a_greeted_household();
    other *others = cf_allocate(count, sizeof *others);

    subscribe(a.world, a.at_lap, NULL, 0, CF_MIB);
    for (int entries = 0; entries < 3; entries++)
        hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    household_saves(&a);
    for (size_t i = 0; i < count; i++) {
        others[i] = (other){.at = another_household(a.world, (uint16_t)(100 + 3 * i))};
        it->others(a.world, &others[i]);
    }
    broker_world_settle(a.world);
    tally_begin(&counted);
    it->act(&a, others, count);
    tally_end(&counted);
    for (size_t i = 0; i < count; i++)
        other_end(&others[i]);
    free(others);
    household_end(&a);
    return counted;
}

static void save_once(household *a, other *others, size_t count)
{
    (void)others, (void)count;
    household_saves(a);
}

#define BESIDE(name)                                                                               \
    static void name(broker_world *world, other *user);                                            \
    Test(costs_users, of_a_save_beside_others_who_##name)                                          \
    {                                                                                              \
        scene it = {name, save_once};                                                              \
                                                                                                   \
        tally_expect(#name, cost_beside, &it, (const char *[]){"", "", ""});                       \
    }                                                                                              \
    static void name(broker_world *world, other *user)

BESIDE(are_connected)
{
    (void)world, (void)user;
}

BESIDE(expect_a_newcomer)
{
    const cf_hash key = user->at.lap.id; /* any */

    say(world, user->at.at_desk,
        &(cf_message){.command = CF_COMMAND_GUEST,
                      .guest = {.key = key, .expires_ms = world->now_ms + TEN_MINUTES}});
    hear(world, user->at.at_desk, CF_COMMAND_GUEST);
}

static void take_lease(broker_world *world, other *user)
{
    write_change(&user->at.desk, "some body", NULL, 0);
    publish(world, user->at.at_desk, &user->at.desk);
    hear(world, user->at.at_desk, CF_COMMAND_ACCEPTED);
    say(world, user->at.at_desk,
        &(cf_message){.command = CF_COMMAND_LOCK,
                      .lock = {.collection = papers, .for_ms = TEN_MINUTES}});
    hear(world, user->at.at_desk, CF_COMMAND_LEASE);
}

BESIDE(have_a_lease)
{
    take_lease(world, user);
}

BESIDE(communicate_alone)
{
    take_lease(world, user);
    say(world, user->at.at_desk,
        &(cf_message){.command = CF_COMMAND_ALONE,
                      .alone = {.collection = papers, .begins = true}});
}

static void ignore(void *context)
{
    (void)context;
}

/* Its replay stops after one entry, for want of credit. */
BESIDE(hold_up_what_removes)
{
    subscribe(world, user->at.at_desk, NULL, 0, 1);
    hear(world, user->at.at_desk, CF_COMMAND_ENTRY);
    user->exclusion = cf_exclusion_begin(cf_users_replay_lock(world->broker.users),
                                         &user->at.account.user, world->now_ms, ignore, NULL);
    cr_assert_not(cf_exclusion_is_ready(user->exclusion));
}

/* ---- What all do ---- */

static void ask_all(household *a, other *others, size_t count)
{
    const cf_message clock = {
        .command = CF_COMMAND_CLOCK,
        .clock = {.version = CF_PROTOCOL_VERSION, .now_ms = a->world->now_ms}};

    for (size_t i = 0; i < count; i++)
        say(a->world, others[i].at.at_desk, &clock);
    broker_world_settle(a->world);
}

/* Answers that are sent in one round. */
Test(costs_users, of_a_question_of_each)
{
    scene it = {are_connected, ask_all};

    tally_expect_linear("a question of each", cost_beside, &it, (const char *[]){"", "", ""});
}

/* ---- At the door ---- */

static void open_from(cf_connection_limits *keeper, size_t number)
{
    const uint8_t address[16] = {0x20, 1, [6] = (uint8_t)(number >> 8), (uint8_t)number};

    cr_assert(cf_connection_limits_opened(keeper, (int)number, address, 0));
}

static void expect_nobody_overdue(cf_connection_limits *keeper)
{
    const char *why;

    cr_expect_eq(cf_connection_limits_overdue(keeper, 1, &why), -1);
}

/* It comes, speaks, has a session and has none, and goes. */
static tally cost_of_a_connection(void *context, size_t beside)
{
    const cf_allowances allowances = {.strangers_per_address = 4, .strangers = 5000, .silence = 60};
    cf_connection_limits *keeper = cf_connection_limits_new(&allowances);
    const int number = (int)beside / 2; /* among the addresses of the others */

    (void)context;
    for (size_t i = 0; i <= beside; i++)
        open_from(keeper, i);
    cf_connection_limits_closed(keeper, number, 0);
    tally_begin(&counted);
    open_from(keeper, (size_t)number);
    cf_connection_limits_said(keeper, number, 1);
    expect_nobody_overdue(keeper);
    cf_connection_limits_settled(keeper, number, true, 1);
    cf_connection_limits_settled(keeper, number, false, 1);
    expect_nobody_overdue(keeper);
    cf_connection_limits_closed(keeper, number, 1);
    tally_end(&counted);
    cf_connection_limits_destroy(&keeper);
    return counted;
}

Test(costs_users, of_a_connection_beside_others_without_a_session)
{
    tally_expect("a connection", cost_of_a_connection, NULL, (const char *[]){"", "", ""});
}
