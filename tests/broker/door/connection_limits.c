/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/door/connection_limits.h"

#include "broker/door/door_members.h"
#include "codec/pack.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
    MINUTE_MS = 60000,
    DAY_MS = 24 * 60 * MINUTE_MS,
    COST_OF_FAILURE = 10,
    COST_OF_SILENCE = 3,
    ADDRESSES_MAX = 16384
};

typedef struct {
    uint8_t bytes[16];
} place;

static place ipv4(uint8_t last)
{
    return (place){{[10] = 0xff, 0xff, 192, 0, 2, last}};
}

static place ipv6(uint8_t network, uint8_t host)
{
    return (place){{0x20, 0x01, [7] = network, [15] = host}};
}

static cf_connection_limits *some_limits(void)
{
    cf_allowances allowances = {
        .connections_per_minute = 60, .strangers_per_address = 3, .strangers = 10, .silence = 20};

    return cf_connection_limits_new(&allowances);
}

static bool opened(cf_connection_limits *keeper, int connection, place from, uint64_t now_ms)
{
    return cf_connection_limits_opened(keeper, connection, from.bytes, now_ms);
}

static void expect_overdue(cf_connection_limits *keeper, int connection, uint64_t now_ms)
{
    const char *why = NULL;

    cr_assert_eq(cf_connection_limits_overdue(keeper, now_ms, &why), connection);
    cr_assert_eq(why != NULL, connection >= 0);
}

Test(connection_limits, ends_who_is_silent_too_long)
{
    cf_connection_limits *keeper = some_limits();

    opened(keeper, 7, ipv4(1), 0);
    opened(keeper, 8, ipv4(1), 0);
    cf_connection_limits_settled(keeper, 8, true, 10);
    expect_overdue(keeper, -1, 19999);
    expect_overdue(keeper, 7, 20000);
    expect_overdue(keeper, -1, 20000);
    cf_connection_limits_settled(keeper, 8, false, 30000); /* its session ended */
    expect_overdue(keeper, -1, 49999);
    expect_overdue(keeper, 8, 50000);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, ends_the_longest_silent_of_an_address_with_too_many)
{
    cf_connection_limits *keeper = some_limits();

    opened(keeper, 9, ipv4(2), 0);
    for (int i = 0; i < 3; i++)
        opened(keeper, i, ipv4(1), 100 + (uint64_t)i);
    expect_overdue(keeper, -1, 200);
    cf_connection_limits_said(keeper, 0, 150);
    opened(keeper, 3, ipv4(1), 200);
    expect_overdue(keeper, 1, 200);
    expect_overdue(keeper, -1, 200);
    cf_connection_limits_settled(keeper, 3, true, 201);
    opened(keeper, 4, ipv4(1), 202);
    expect_overdue(keeper, -1, 202);
    cf_connection_limits_destroy(&keeper);
}

/* A broker under load heard of a member's connection in the same ms as of the strangers' before it,
 * and ended hers: she had the lowest number. */
Test(connection_limits, ends_who_came_first_of_those_that_came_in_one_ms)
{
    cf_connection_limits *keeper = some_limits();

    for (int i = 9; i > 5; i--)
        opened(keeper, i, ipv4(1), 100);
    opened(keeper, 0, ipv4(1), 100);
    expect_overdue(keeper, 9, 100);
    expect_overdue(keeper, 8, 100);
    expect_overdue(keeper, -1, 100);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, ends_the_longest_silent_when_there_are_too_many_in_all)
{
    cf_connection_limits *keeper = some_limits();

    for (int i = 0; i < 11; i++) {
        expect_overdue(keeper, -1, (uint64_t)i);
        opened(keeper, i, ipv4((uint8_t)i), (uint64_t)i);
    }
    expect_overdue(keeper, 0, 11);
    expect_overdue(keeper, -1, 11);
    cf_connection_limits_destroy(&keeper);
}

/* Of connections that stay and say nothing. */
static int let_in(cf_connection_limits *keeper, place from, uint64_t now_ms)
{
    static int first = 100;
    int count = 0;

    while (opened(keeper, first + count, from, now_ms))
        count++;
    first += count + 1;
    return count;
}

Test(connection_limits, turns_an_address_away_that_comes_too_often)
{
    cf_connection_limits *keeper = some_limits();

    cr_assert_eq(let_in(keeper, ipv4(1), 0), 60);
    cr_assert(opened(keeper, 98, ipv4(2), 0), "another address");
    cr_assert_not(opened(keeper, 99, ipv4(1), 999));
    cr_assert(opened(keeper, 99, ipv4(1), 1000));
    cr_assert_not(opened(keeper, 97, ipv4(1), 1000));
    cf_connection_limits_destroy(&keeper);
}

static void has_a_session(cf_connection_limits *keeper, int connection, uint8_t from,
                          uint64_t now_ms)
{
    cr_assert(opened(keeper, connection, ipv4(from), now_ms));
    cf_connection_limits_said(keeper, connection, now_ms);
    cf_connection_limits_settled(keeper, connection, true, now_ms);
    cf_connection_limits_closed(keeper, connection, now_ms);
}

Test(connection_limits, takes_nothing_for_a_session)
{
    cf_connection_limits *keeper = some_limits();

    for (int i = 0; i < 1000; i++)
        has_a_session(keeper, 99, 1, 1);
    cr_expect_eq(let_in(keeper, ipv4(1), 1), 8 * 60);
    cf_connection_limits_destroy(&keeper);
}

/* Strangers behind the address of a member, as in one house, took all that it had. */
Test(connection_limits, lets_more_come_from_where_a_member_came_within_a_day)
{
    cf_connection_limits *keeper = some_limits();

    has_a_session(keeper, 99, 1, 1);
    cr_expect_eq(let_in(keeper, ipv4(1), DAY_MS), 8 * 60);
    cf_connection_limits_destroy(&keeper);
    keeper = some_limits();
    has_a_session(keeper, 99, 1, 1);
    cr_expect_eq(let_in(keeper, ipv4(1), DAY_MS + 1), 60);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, remembers_where_members_came_from_among_many_strangers)
{
    cf_connection_limits *keeper = some_limits();

    has_a_session(keeper, 99, 1, 1);
    for (int i = 0; i < 3 * ADDRESSES_MAX; i++) {
        const place from = {
            {[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

        opened(keeper, 1, from, 0);
        cf_connection_limits_closed(keeper, 1, 0);
    }
    cr_expect_eq(let_in(keeper, ipv4(1), 1), 8 * 60);
    cf_connection_limits_destroy(&keeper);
}

/* ---- After a restart ---- */

static uint64_t time_now, steady_now;

static uint64_t time_of(void *context)
{
    (void)context;
    return time_now;
}

static uint64_t steady_of(void *context)
{
    (void)context;
    return steady_now;
}

static const cf_env clocks = {.now_ms = time_of, .steady_ms = steady_of};

/* What the limits of one broker had kept, and what is recalled of it after so long by another,
 * whose machine was started in between. */
typedef struct {
    cf_store_memory_disk *disk;
    cf_store *store;
    cf_connection_limits *keeper;
} restarted;

static restarted kept_by(cf_connection_limits *keeper, uint64_t at_ms)
{
    const uint8_t instance[16] = {1};
    restarted r = {.disk = cf_store_memory_disk_new(instance)};

    r.store = cf_store_memory_new(r.disk);
    time_now = 7 * (uint64_t)DAY_MS;
    steady_now = at_ms;
    cf_door_members_keep(&clocks, r.store, keeper);
    cf_connection_limits_destroy(&keeper);
    return r;
}

static cf_connection_limits *recalled(restarted *r, int64_t later_ms)
{
    cf_connection_limits_destroy(&r->keeper);
    r->keeper = some_limits();
    steady_now = 1;
    time_now = (uint64_t)(7 * (int64_t)DAY_MS + later_ms);
    cf_door_members_recall(&clocks, r->store, r->keeper);
    return r->keeper;
}

static void end(restarted *r)
{
    cf_connection_limits_destroy(&r->keeper);
    r->store->destroy(r->store);
    cf_store_memory_disk_destroy(&r->disk);
}

Test(connection_limits, remembers_where_members_came_from_over_a_restart)
{
    cf_connection_limits *keeper = some_limits();

    opened(keeper, 1, ipv4(2), 5000);
    has_a_session(keeper, 99, 1, 5000);
    cr_expect_eq(cf_connection_limits_news(keeper), 1);
    has_a_session(keeper, 99, 1, 6000);
    cr_expect_eq(cf_connection_limits_news(keeper), 1, "nothing that is worth a write");
    has_a_session(keeper, 99, 1, 5000 + DAY_MS / 2);
    cr_expect_eq(cf_connection_limits_news(keeper), 2);
    restarted r = kept_by(keeper, 5000 + DAY_MS / 2 + 1000);
    cr_expect_eq(let_in(recalled(&r, 0), ipv4(1), 1), 8 * 60);
    cr_expect_eq(let_in(recalled(&r, 0), ipv4(2), 1), 60, "no member came from there");
    cr_expect_eq(let_in(recalled(&r, DAY_MS - 1001), ipv4(1), 1), 8 * 60);
    cr_expect_eq(let_in(recalled(&r, DAY_MS - 1001), ipv4(1), 2), 60, "its day is over");
    cr_expect_eq(let_in(recalled(&r, DAY_MS - 1000), ipv4(1), 1), 60);
    cr_expect_eq(let_in(recalled(&r, -1000), ipv4(1), 1), 8 * 60);
    cr_expect_eq(let_in(recalled(&r, -1001), ipv4(1), 1), 60, "the clock was set back");
    end(&r);
}

Test(connection_limits, remembers_a_bounded_number_of_addresses_over_a_restart)
{
    cf_door_member *members = cf_allocate(CF_DOOR_MEMBERS_MAX, sizeof *members);
    cf_connection_limits *keeper = some_limits();

    for (uint32_t i = 0; i < CF_DOOR_MEMBERS_MAX + 1; i++) {
        const place from = {{[10] = 0xff, 0xff, 10, 1, (uint8_t)(i >> 8), (uint8_t)i}};

        opened(keeper, 1, from, i);
        cf_connection_limits_settled(keeper, 1, true, i);
        cf_connection_limits_closed(keeper, 1, i);
    }
    restarted r = kept_by(keeper, CF_DOOR_MEMBERS_MAX);
    cr_expect_eq(cf_connection_limits_members(recalled(&r, 0), 1, members), CF_DOOR_MEMBERS_MAX);
    cr_expect_eq(let_in(r.keeper, (place){{[10] = 0xff, 0xff, 10, 1, 0, 0}}, 1), 60, "the first");
    cr_expect_eq(let_in(r.keeper, (place){{[10] = 0xff, 0xff, 10, 1, 0, 1}}, 1), 8 * 60);
    free(members);
    end(&r);
}

static void spoil(restarted *r, cf_bytes value)
{
    const cf_hash nobody = {{0}};
    const cf_kv record = {cf_bytes_of_text("w"), value};
    cf_error error;

    cr_assert_eq(r->store->write(r->store, &nobody, &record, 1, false, &error), CF_OK);
}

Test(connection_limits, expects_nobody_by_what_is_damaged)
{
    cf_connection_limits *keeper = some_limits();
    const cf_hash nobody = {{0}};
    cf_buffer value = {0}, many = {0};
    cf_error error;

    has_a_session(keeper, 99, 1, 1);
    restarted r = kept_by(keeper, 1);
    cr_assert_eq(r.store->get(r.store, &nobody, cf_bytes_of_text("w"), &value, &error), CF_OK);
    for (size_t size = 1; size < value.size; size++) {
        spoil(&r, cf_bytes_of(value.data, size));
        cr_expect_eq(let_in(recalled(&r, 0), ipv4(1), 1), 60, "cut to %zu bytes", size);
    }
    for (size_t at = 0; at < value.size; at++) {
        value.data[at] ^= 0x55;
        spoil(&r, cf_buffer_view(&value));
        recalled(&r, 0); /* whoever it is now */
        value.data[at] ^= 0x55;
    }
    cf_pack_array(&many, CF_DOOR_MEMBERS_MAX + 1);
    for (size_t i = 0; i <= CF_DOOR_MEMBERS_MAX; i++)
        cf_buffer_append(&many, value.data + 1, value.size - 1);
    spoil(&r, cf_buffer_view(&many));
    cr_expect_eq(let_in(recalled(&r, 0), ipv4(1), 1), 60, "more than anybody writes");
    cf_buffer_release(&value);
    cf_buffer_release(&many);
    end(&r);
}

/* Who only waits there holds one of few places for long. */
Test(connection_limits, takes_less_for_silence_than_for_what_failed)
{
    cf_connection_limits *keeper = some_limits();
    uint64_t now_ms = 0;

    for (int i = 0; i < 3; i++) {
        opened(keeper, 1, ipv4(1), now_ms);
        expect_overdue(keeper, 1, now_ms += 20000);
        cf_connection_limits_closed(keeper, 1, now_ms);
    }
    cr_expect_eq(let_in(keeper, ipv4(1), now_ms), 60 - COST_OF_SILENCE);
    cf_connection_limits_destroy(&keeper);
}

/* How many come to nothing until none is let in. */
static int fail(cf_connection_limits *keeper, uint8_t from)
{
    int came = 0;

    for (; opened(keeper, 1, ipv4(from), 0); came++)
        cf_connection_limits_closed(keeper, 1, 0);
    return came;
}

Test(connection_limits, counts_connections_that_came_to_nothing_as_several)
{
    cf_connection_limits *keeper = some_limits();

    cr_assert_eq(fail(keeper, 1), 60 / (COST_OF_FAILURE + 1) + 1);
    cr_assert_not(opened(keeper, 1, ipv4(1), 4000));
    cr_assert(opened(keeper, 1, ipv4(1), MINUTE_MS + 10000));
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, lets_more_fail_where_a_member_came_from)
{
    cf_connection_limits *keeper = some_limits();

    has_a_session(keeper, 99, 1, 0);
    cr_assert_eq(fail(keeper, 1), 8 * 60 / (COST_OF_FAILURE + 1) + 1);
    cr_assert_eq(fail(keeper, 2), 60 / (COST_OF_FAILURE + 1) + 1);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, lets_nobody_talk_on_without_a_session)
{
    cf_connection_limits *keeper = some_limits();
    int said = 0;

    opened(keeper, 1, ipv4(1), 0);
    while (cf_connection_limits_said(keeper, 1, 0))
        said++;
    cr_assert_eq(said, 59);
    cf_connection_limits_settled(keeper, 1, true, 0);
    cr_assert(cf_connection_limits_said(keeper, 1, 0));
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, counts_greetings_in_vain_as_connections_that_came_to_nothing)
{
    cf_connection_limits *keeper = some_limits();
    int greeted = 0;

    opened(keeper, 1, ipv4(1), 0);
    for (; cf_connection_limits_said(keeper, 1, 0); greeted++)
        cf_connection_limits_greeting_refused(keeper, 1, 0);
    cr_assert_leq(greeted, 60 / (COST_OF_FAILURE + 1) + 1);
    cf_connection_limits_closed(keeper, 1, 0);
    cr_assert(opened(keeper, 1, ipv4(1), 10000), "its end costs nothing more");

    opened(keeper, 2, ipv4(2), 0); /* with a session it pays otherwise */
    cf_connection_limits_settled(keeper, 2, true, 0);
    for (int i = 0; i < 100; i++)
        cf_connection_limits_greeting_refused(keeper, 2, 0);
    cr_assert(opened(keeper, 3, ipv4(2), 0));
    cf_connection_limits_destroy(&keeper);
}

/* The most that an honest device says: 28 pages of heads at once, tried again after 0.5 s, twice as
 * long each time, a minute in the end, as cf_link does. The broker's bounds are those that it has
 * when nobody sets any. */
Test(connection_limits, lets_a_device_of_another_version_try_with_its_backoff)
{
    enum { PAGES = 28, TRIES = 100 };
    cf_connection_limits *keeper = cf_connection_limits_new(&cf_allowances_default);
    uint64_t now_ms = 0, delay_ms = 500;

    for (int i = 0; i < TRIES; i++) {
        cr_assert(opened(keeper, 1, ipv4(1), now_ms), "try %d", i);
        for (int page = 0; page < PAGES; page++) {
            cr_assert(cf_connection_limits_said(keeper, 1, now_ms), "try %d, page %d", i, page);
            cf_connection_limits_greeting_refused(keeper, 1, now_ms);
        }
        cf_connection_limits_closed(keeper, 1, now_ms);
        now_ms += delay_ms;
        delay_ms = 2 * delay_ms < MINUTE_MS ? 2 * delay_ms : MINUTE_MS;
    }
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, takes_a_network_of_ipv6_for_one_address)
{
    cf_connection_limits *keeper = some_limits();

    for (int i = 0; i < 4; i++)
        opened(keeper, i, ipv6(1, (uint8_t)i), (uint64_t)i);
    opened(keeper, 5, ipv6(2, 1), 0);
    expect_overdue(keeper, 0, 10);
    expect_overdue(keeper, -1, 10);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, remembers_a_bounded_number_of_addresses)
{
    cf_connection_limits *keeper = some_limits();

    for (uint32_t i = 0; i < 40000; i++) {
        place from = {{[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

        cr_assert(opened(keeper, 1, from, 0));
        cf_connection_limits_closed(keeper, 1, 0);
    }
    cr_assert(opened(keeper, 1, ipv4(1), 0));
    cf_connection_limits_destroy(&keeper);
}

static void come_from_many(cf_connection_limits *keeper, uint32_t count, uint64_t now_ms)
{
    for (uint32_t i = 0; i < count; i++) {
        place from = {{[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

        cr_assert(opened(keeper, 1, from, now_ms));
        cf_connection_limits_closed(keeper, 1, now_ms);
    }
}

/* Whose session ended after its address was forgotten was no stranger of that address. */
Test(connection_limits, counts_who_lost_a_session_also_when_its_address_was_forgotten)
{
    cf_connection_limits *keeper = some_limits();

    opened(keeper, 10, ipv4(1), 0);
    cf_connection_limits_settled(keeper, 10, true, 0);
    come_from_many(keeper, ADDRESSES_MAX, DAY_MS);
    cf_connection_limits_settled(keeper, 10, false, DAY_MS);
    for (int i = 11; i < 14; i++)
        cr_assert(opened(keeper, i, ipv4(1), DAY_MS));
    expect_overdue(keeper, 10, DAY_MS);
    expect_overdue(keeper, -1, DAY_MS);
    cf_connection_limits_destroy(&keeper);
}

/* Who came once is forgotten when there are too many, who owes more is not. */
Test(connection_limits, forgets_who_owes_least_when_there_are_too_many)
{
    enum { MOST = 16384 };
    cf_connection_limits *keeper = some_limits();

    for (uint32_t i = 0; i < MOST; i++) {
        place from = {{[10] = 0xff, 0xff, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};

        cr_assert(opened(keeper, 1, from, 0));
        cf_connection_limits_closed(keeper, 1, 0);
        if (i == 7)
            let_in(keeper, from, 0);
    }
    cr_expect_eq(let_in(keeper, (place){{[10] = 0xff, 0xff, 10, 0, 0, 8}}, 0),
                 60 - 1 - COST_OF_FAILURE);
    cr_assert(opened(keeper, 1, ipv4(1), 0));
    cr_expect_eq(let_in(keeper, (place){{[10] = 0xff, 0xff, 10, 0, 0, 9}}, 0), 60);
    cr_expect_eq(let_in(keeper, (place){{[10] = 0xff, 0xff, 10, 0, 0, 7}}, 0), 0);
    cf_connection_limits_destroy(&keeper);
}

Test(connection_limits, reads_bounds_by_name)
{
    cf_allowances allowances = cf_allowances_default;
    cf_error error;

    cr_assert_eq(cf_allowances_read("silence=5", &allowances, &error), CF_OK);
    cr_assert_eq(allowances.silence, 5);
    cr_assert_eq(allowances.strangers, cf_allowances_default.strangers);
    cr_assert_eq(cf_allowances_read("strangers-per-address=0", &allowances, &error), CF_OK);
    cr_assert_eq(allowances.strangers_per_address, 0);
    cr_assert_eq(cf_allowances_read("silence", &allowances, &error), CF_USAGE);
    cr_assert_eq(cf_allowances_read("silence=", &allowances, &error), CF_USAGE);
    cr_assert_eq(cf_allowances_read("silence=-1", &allowances, &error), CF_USAGE);
    cr_assert_eq(cf_allowances_read("silence=99999999999", &allowances, &error), CF_USAGE);
    cr_assert_eq(cf_allowances_read("sil=5", &allowances, &error), CF_USAGE);
}
