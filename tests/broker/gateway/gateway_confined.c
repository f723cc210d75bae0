/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that are told of some collections alone: CONFINE before HELLO. */
#include "broker/gateway/gateway.h"

#include "broker/management/work_budget.h"
#include "tests/broker/people/broker_world.h"

static const cf_id films = {"films"};

/* A household whose desk wrote to the papers and to the films. */
typedef struct {
    household home;
    cf_head member, in_papers, in_films;
} writers;

static cf_head write_in(household *a, const cf_id *collection, const cf_head *member)
{
    begin_chain(&a->desk, collection, member);
    write_change(&a->desk, "an entry", NULL, 0);
    append_entry(cf_users_find(a->world->broker.users, &a->account.user), &a->desk);
    return a->desk.head;
}

static writers two_collections(void)
{
    writers w = {.home = a_household()};

    w.member = w.home.account.head;
    w.in_papers = write_in(&w.home, &papers, &w.member);
    w.in_films = write_in(&w.home, &films, &w.member);
    broker_world_settle(w.home.world);
    return w;
}

static void confine(const writers *w, client *by, const cf_id *collections, size_t count)
{
    say(w->home.world, by,
        &(cf_message){
            .command = CF_COMMAND_CONFINE,
            .confine = {.user = w->home.account.user, .collections = collections, .count = count}});
}

static void say_hello(const writers *w, client *by, bool more)
{
    say(w->home.world, by,
        &(cf_message){
            .command = CF_COMMAND_HELLO,
            .hello = {.version = CF_PROTOCOL_VERSION, .user = w->home.account.user, .more = more}});
}

static bool names(const cf_message *welcome, const cf_head *head)
{
    for (size_t i = 0; i < welcome->welcome.head_count; i++)
        if (cf_head_compare(&welcome->welcome.heads[i], head) == 0)
            return true;
    return false;
}

/* The member log is always among them. */
Test(gateway_confined, names_heads_of_the_collections_that_it_was_confined_to)
{
    writers w = two_collections();

    confine(&w, w.home.at_lap, &films, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_lap, false);
    cf_message welcome = hear(w.home.world, w.home.at_lap, CF_COMMAND_WELCOME);
    cr_expect(names(&welcome, &w.in_films));
    cr_expect(names(&welcome, &w.member));
    cr_expect_not(names(&welcome, &w.in_papers));
    confine(&w, w.home.at_desk, NULL, 0);
    hear(w.home.world, w.home.at_desk, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_desk, false);
    welcome = hear(w.home.world, w.home.at_desk, CF_COMMAND_WELCOME);
    cr_expect_eq(welcome.welcome.head_count, 1, "to none: the member log alone");
    household_end(&w.home);
}

Test(gateway_confined, finds_its_collections_in_whatever_order_they_are_named)
{
    writers w = two_collections();
    const cf_id falling[] = {papers, films}, rising[] = {films, papers};

    cr_assert_gt(cf_id_compare(&papers, &films), 0);
    confine(&w, w.home.at_lap, falling, 2);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_lap, false);
    cr_expect_eq(hear(w.home.world, w.home.at_lap, CF_COMMAND_WELCOME).welcome.head_count, 3);
    confine(&w, w.home.at_desk, rising, 2);
    hear(w.home.world, w.home.at_desk, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_desk, false);
    cr_expect_eq(hear(w.home.world, w.home.at_desk, CF_COMMAND_WELCOME).welcome.head_count, 3);
    household_end(&w.home);
}

/* Another connection of the same device is told of all. */
Test(gateway_confined, names_all_heads_to_who_said_no_confine)
{
    writers w = two_collections();

    confine(&w, w.home.at_lap, &films, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_desk, false);
    const cf_message welcome = hear(w.home.world, w.home.at_desk, CF_COMMAND_WELCOME);
    cr_expect(names(&welcome, &w.in_films));
    cr_expect(names(&welcome, &w.in_papers));
    household_end(&w.home);
}

/* A later version's CONFINE may have any form: its HELLO says so. */
Test(gateway_confined, leaves_the_version_to_hello)
{
    writers w = two_collections();
    cf_message hello = {.command = CF_COMMAND_HELLO,
                        .hello = {.version = CF_PROTOCOL_VERSION + 1, .user = w.home.account.user}};
    cf_buffer other = {0};

    cf_pack_array(&other, 2);
    cf_pack_text(&other, cf_bytes_of_text("CONFINE"));
    cf_pack_uint(&other, CF_PROTOCOL_VERSION + 1);
    const cf_bytes frame = cf_buffer_view(&other);
    say_bytes(w.home.world, w.home.at_lap, &frame, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_AGAIN);
    say(w.home.world, w.home.at_lap, &hello);
    hear_refusal(w.home.world, w.home.at_lap, CF_REFUSED_VERSION);
    confine(&w, w.home.at_desk, &films, 1);
    hear(w.home.world, w.home.at_desk, CF_COMMAND_CONFINED);
    say(w.home.world, w.home.at_desk, &hello);
    hear_refusal(w.home.world, w.home.at_desk, CF_REFUSED_VERSION);
    cf_buffer_release(&other);
    household_end(&w.home);
}

/* The last one counts, between the pages of HELLO, too. */
Test(gateway_confined, is_confined_until_the_last_page_of_hello)
{
    writers w = two_collections();

    confine(&w, w.home.at_lap, &films, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_lap, true);
    confine(&w, w.home.at_lap, &papers, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    say_hello(&w, w.home.at_lap, false);
    const cf_message welcome = hear(w.home.world, w.home.at_lap, CF_COMMAND_WELCOME);
    cr_expect(names(&welcome, &w.in_papers));
    cr_expect_not(names(&welcome, &w.in_films));
    household_end(&w.home);
}

Test(gateway_confined, ends_a_session_that_is_confined_once_it_has_begun)
{
    writers w = two_collections();

    greet(w.home.world, w.home.at_lap, &w.home.account.user, NULL, 0);
    confine(&w, w.home.at_lap, &films, 1);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_AGAIN);
    household_end(&w.home);
}

Test(gateway_confined, refuses_a_stranger_as_hello_does)
{
    writers w = two_collections();
    const uint8_t key[32] = {77};
    client *stranger = connect_client(w.home.world, key);

    confine(&w, stranger, &films, 1);
    hear_refusal(w.home.world, stranger, CF_REFUSED_UNKNOWN);
    hear_nothing(w.home.world, stranger);
    household_end(&w.home);
}

/* An entry that is being appended takes the place of a head, which is named until it is there. */
Test(gateway_confined, knows_the_place_of_a_head_that_is_about_to_be_followed)
{
    writers w = two_collections();
    cf_log *log = cf_users_find(w.home.world->broker.users, &w.home.account.user);

    write_change(&w.home.desk, "under way, in the films", NULL, 0);
    append_entry(log, &w.home.desk);
    confine(&w, w.home.at_lap, &papers, 1);
    say_hello(&w, w.home.at_lap, false);
    hear(w.home.world, w.home.at_lap, CF_COMMAND_CONFINED);
    const cf_message welcome = hear(w.home.world, w.home.at_lap, CF_COMMAND_WELCOME);
    cr_expect_eq(welcome.welcome.head_count, 2);
    cr_expect(names(&welcome, &w.in_papers));
    household_end(&w.home);
}
