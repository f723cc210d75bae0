/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/enrolment.h"

#include <string.h>

#include "tests/broker/management/guests.h"

/* Ann's desk is an owner, her lap a member. */
typedef struct {
    household home;
    guest pad; /* holds a pairing code */
} pairing_scene;

static pairing_scene a_scene(void)
{
    static const uint8_t secret[32] = "the secret of a pairing code";
    pairing_scene s = {.home = a_greeted_household()};

    s.pad = a_guest(s.home.world, secret);
    return s;
}

static void end(pairing_scene *s)
{
    cf_pairing_destroy(&s->pad.pairing);
    household_end(&s->home);
}

static void expect_guest(pairing_scene *s, client *owner, uint64_t expires_ms)
{
    cf_message message = {.command = CF_COMMAND_GUEST, .guest = {.expires_ms = expires_ms}};

    memcpy(message.guest.key.bytes, cf_pairing_guest_public(s->pad.pairing), 32);
    say(s->home.world, owner, &message);
}

Test(pairing, carries_a_knock_to_the_owner_and_the_answer_back)
{
    pairing_scene s = a_scene();
    size_t allowed = s.home.world->allowed;

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    cr_expect_eq(s.home.world->allowed, allowed + 1);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    cf_message heard = hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    cr_expect(cf_bytes_equal(heard.knock.sealed, cf_bytes_of_text("it's me")));

    cf_message admit = {.command = CF_COMMAND_ADMIT,
                        .admit = {.key = heard.knock.key, .sealed = cf_bytes_of_text("come in")}};
    say(s.home.world, s.home.at_lap, &admit); /* not hers to say */
    hear_nothing(s.home.world, s.pad.door);
    say(s.home.world, s.home.at_desk, &admit);
    heard = hear(s.home.world, s.pad.door, CF_COMMAND_ADMIT);
    cr_expect(cf_bytes_equal(heard.admit.sealed, cf_bytes_of_text("come in")));

    expect_guest(&s, s.home.at_desk, 0);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    cr_expect_eq(s.home.world->allowed, allowed);
    end(&s);
}

/* Who knocked with a code that two were given can't be told from who is let in. */
Test(pairing, brings_the_answer_to_each_who_knocked_with_the_code)
{
    static const uint8_t secret[32] = "the secret of a pairing code";
    pairing_scene s = a_scene();
    guest other = a_guest(s.home.world, secret), late = a_guest(s.home.world, secret);

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    cf_message heard = hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    guest_knock(s.home.world, &other, &s.home.account.user, cf_bytes_of_text("me, too"));
    hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    cf_message admit = {.command = CF_COMMAND_ADMIT,
                        .admit = {.key = heard.knock.key, .sealed = cf_bytes_of_text("come in")}};
    say(s.home.world, s.home.at_desk, &admit);
    hear(s.home.world, s.pad.door, CF_COMMAND_ADMIT);
    hear(s.home.world, other.door, CF_COMMAND_ADMIT);

    guest_knock(s.home.world, &late, &s.home.account.user, cf_bytes_of_text("and me"));
    hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    expect_guest(&s, s.home.at_desk, 0);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    hear_refusal(s.home.world, late.door, CF_REFUSED_USED);
    hear_nothing(s.home.world, s.pad.door);
    hear_nothing(s.home.world, other.door);
    cf_pairing_destroy(&other.pairing);
    cf_pairing_destroy(&late.pairing);
    end(&s);
}

Test(pairing, brings_the_answer_to_the_latest_of_many)
{
    enum { DOORS = 6, ANSWERED = 4 };
    static const uint8_t secret[32] = "the secret of a pairing code";
    pairing_scene s = a_scene();
    guest doors[DOORS];

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    for (int i = 0; i < DOORS; i++) {
        doors[i] = a_guest(s.home.world, secret);
        for (int again = 0; again < 2; again++) {
            guest_knock(s.home.world, &doors[i], &s.home.account.user, cf_bytes_of_text("it's me"));
            hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
        }
    }
    cf_message admit = {.command = CF_COMMAND_ADMIT, .admit.sealed = cf_bytes_of_text("come in")};
    memcpy(admit.admit.key.bytes, cf_pairing_guest_public(s.pad.pairing), CF_HASH_SIZE);
    say(s.home.world, s.home.at_desk, &admit);
    for (int i = 0; i < DOORS; i++) {
        if (i >= DOORS - ANSWERED)
            hear(s.home.world, doors[i].door, CF_COMMAND_ADMIT);
        hear_nothing(s.home.world, doors[i].door);
        cf_pairing_destroy(&doors[i].pairing);
    }
    end(&s);
}

Test(pairing, tells_who_waits_that_the_code_is_over)
{
    pairing_scene s = a_scene();

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 1000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    s.home.world->now_ms += 1000;
    broker_world_settle(s.home.world);
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_EXPIRED);
    end(&s);
}

static void change_role(pairing_scene *s, cf_role role)
{
    cf_member change = {
        .kind = CF_MEMBER_ROLE, .time_ms = 1, .device = s->home.desk.id, .role = role};

    write_operation(&s->home.account, &change);
    client *at_account = connect_client(s->home.world, cf_keys_public(s->home.account.keys)->curve);
    greet(s->home.world, at_account, &s->home.account.user, NULL, 0);
    publish(s->home.world, at_account, &s->home.account);
    hear(s->home.world, at_account, CF_COMMAND_ACCEPTED);
}

Test(pairing, keeps_no_guest_of_who_is_no_owner_any_more)
{
    pairing_scene s = a_scene();
    size_t allowed = s.home.world->allowed;

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    change_role(&s, CF_ROLE_MEMBER);
    broker_world_settle(s.home.world);
    cr_expect_eq(s.home.world->allowed, allowed, "its key gets in no more");
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_UNKNOWN);
    hear_nothing(s.home.world, s.home.at_desk);
    end(&s);
}

Test(pairing, lets_only_the_right_guest_knock)
{
    static const uint8_t other_secret[32] = "another code's secret";
    pairing_scene s = a_scene();
    guest stranger = a_guest(s.home.world, other_secret);

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    guest_knock(s.home.world, &stranger, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.home.world, stranger.door, CF_REFUSED_UNKNOWN);
    client *own = stranger.door;
    stranger.door = s.pad.door; /* the other's name over this one's connection */
    guest_knock(s.home.world, &stranger, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_FORGED);
    stranger.door = own;
    guest_knock(s.home.world, &s.pad, &s.home.desk.id,
                cf_bytes_of_text("it's me")); /* no such user */
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_UNKNOWN);
    hear_nothing(s.home.world, s.home.at_desk);
    cf_pairing_destroy(&stranger.pairing);
    end(&s);
}

Test(pairing, is_for_owners_only)
{
    pairing_scene s = a_scene();

    expect_guest(&s, s.home.at_lap, s.home.world->now_ms + 600000);
    hear_refusal(s.home.world, s.home.at_lap, CF_REFUSED_ROLE);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_UNKNOWN);
    end(&s);
}

/* Whoever learns the key of another user's code gets nothing by it. */
Test(pairing, leaves_a_code_to_the_user_who_registered_it)
{
    pairing_scene s = a_scene();
    person other = an_account(11), his_desk = a_device(12, &other.user),
           his_lap = a_device(13, &other.user);

    settle_in(s.home.world, &other, &his_desk, &his_lap);
    client *thief = connect_client(s.home.world, cf_keys_public(his_desk.keys)->curve);
    greet(s.home.world, thief, &other.user, NULL, 0);
    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    expect_guest(&s, thief, s.home.world->now_ms + 600000);
    hear_refusal(s.home.world, thief, CF_REFUSED_USED);
    expect_guest(&s, thief, 0);
    hear_refusal(s.home.world, thief, CF_REFUSED_USED);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    person_end(&other);
    person_end(&his_desk);
    person_end(&his_lap);
    end(&s);
}

Test(pairing, has_sixteen_codes_of_a_user_open_at_once)
{
    pairing_scene s = a_scene();
    cf_message code = {.command = CF_COMMAND_GUEST,
                       .guest = {.expires_ms = s.home.world->now_ms + 600000}};

    for (uint8_t i = 0; i < 16; i++) {
        code.guest.key.bytes[0] = i + 1;
        say(s.home.world, s.home.at_desk, &code);
        hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    }
    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear_refusal(s.home.world, s.home.at_desk, CF_REFUSED_BUSY);
    code.guest.expires_ms = 0;
    say(s.home.world, s.home.at_desk, &code);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    end(&s);
}

Test(pairing, asks_the_guest_to_wait_while_the_owner_is_away)
{
    pairing_scene s = a_scene();

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    cf_gateway_gone(s.home.world->broker.gateway, cf_bytes_of_text(s.home.at_desk->routing_id));
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    cf_message refused = hear(s.home.world, s.pad.door, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);

    greet(s.home.world, s.home.at_desk, &s.home.account.user, NULL, 0);
    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 600000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear(s.home.world, s.home.at_desk, CF_COMMAND_KNOCK);
    end(&s);
}

/* Whatever time the owner named. */
Test(pairing, ends_within_a_year)
{
    pairing_scene s = a_scene();
    size_t allowed = s.home.world->allowed;

    expect_guest(&s, s.home.at_desk, UINT64_MAX);
    cr_expect_eq(hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST).guest.expires_ms, UINT64_MAX);
    s.home.world->now_ms += CF_GUEST_MS_MAX - 1;
    broker_world_settle(s.home.world);
    cr_expect_eq(s.home.world->allowed, allowed + 1);
    s.home.world->now_ms += 1;
    broker_world_settle(s.home.world);
    cr_expect_eq(s.home.world->allowed, allowed);
    end(&s);
}

Test(pairing, ends_when_the_code_expires)
{
    pairing_scene s = a_scene();
    size_t allowed = s.home.world->allowed;

    expect_guest(&s, s.home.at_desk, s.home.world->now_ms + 1000);
    hear(s.home.world, s.home.at_desk, CF_COMMAND_GUEST);
    s.home.world->now_ms += 1000;
    guest_knock(s.home.world, &s.pad, &s.home.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.home.world, s.pad.door, CF_REFUSED_EXPIRED);
    hear_nothing(s.home.world, s.home.at_desk);
    broker_world_settle(s.home.world);
    cr_expect_eq(s.home.world->allowed, allowed);
    end(&s);
}
