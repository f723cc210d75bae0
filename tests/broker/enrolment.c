/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enrolment.h"

#include <string.h>

#include "codec/address.h"
#include "codec/pairing.h"
#include "tests/broker/gateway_fixture.h"

/* A code in somebody's hand, and a connection with its guest key. */
typedef struct {
    cf_pairing *pairing;
    caller *door;
} guest;

static guest a_guest(broker_world *house, const uint8_t secret[32])
{
    guest made = {.pairing = cf_pairing_new(secret)};

    made.door = call_in(house, cf_pairing_guest_public(made.pairing));
    return made;
}

static guest an_invited_with(broker_world *house, const cf_invitation_terms *terms)
{
    cf_error error;
    cf_buffer line = {0};
    cf_code code;

    expect_ok(cf_management_invite(house->management, terms, house->now_ms, &line, &error), error);
    cf_buffer_append(&line, "", 1);
    expect_ok(cf_code_read((const char *)line.data, &code, &error), error);
    cr_assert_not(code.has_user);
    cf_buffer_release(&line);
    return a_guest(house, code.secret);
}

static guest an_invited(broker_world *house, uint64_t expires_ms)
{
    cf_invitation_terms terms = {HOUSE_ADDRESS, expires_ms, 0};

    return an_invited_with(house, &terms);
}

static void knock(broker_world *house, guest *from, const cf_hash *user, cf_bytes sealed)
{
    cf_message message = {.command = CF_COMMAND_KNOCK, .knock = {.user = user, .sealed = sealed}};

    memcpy(message.knock.key.bytes, cf_pairing_guest_public(from->pairing), 32);
    say(house, from->door, &message);
}

static cf_buffer sealed_first(const guest *from, const person *account)
{
    cf_buffer sealed = {0};
    cf_knock knock = {.invited = true, .first_entry = cf_buffer_view(&account->wire)};

    cf_knock_seal(from->pairing, &knock, &sealed);
    return sealed;
}

static void hear_admitted(broker_world *house, guest *by, cf_bytes sealed, const cf_hash *user)
{
    cf_error error;
    cf_arena arena = {0};
    cf_admit admit;
    cf_hash hash = cf_knock_hash(sealed);
    cf_message message = hear(house, by->door, CF_COMMAND_ADMIT);

    expect_ok(cf_admit_open(by->pairing, &hash, message.admit.sealed, &arena, &admit, &error),
              error);
    cr_expect(cf_hash_equal(&admit.user, user));
    cr_expect_eq(admit.role, CF_ROLE_OWNER);
    cf_arena_release(&arena);
}

Test(invitations, let_one_new_user_in)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, 0);
    person account = an_account(21), desk = a_device(22, &account.user);

    cr_expect_eq(house->allowed, 1);
    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &account.user);
    cr_expect_eq(house->allowed, 2, "the account may connect now");

    /* It goes on with the account's own key, and lets the first device in. */
    caller *at_home = call_in(house, cf_keys_public(account.keys)->curve);
    greet(house, at_home, &account.user, NULL, 0);
    let_in(&account, &desk, CF_ROLE_OWNER);
    publish(house, at_home, &account);
    hear(house, at_home, CF_COMMAND_ACCEPTED);
    cr_expect_eq(house->allowed, 3);
    caller *at_desk = call_in(house, cf_keys_public(desk.keys)->curve);
    greet(house, at_desk, &account.user, NULL, 0);

    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&desk);
    house_end(house);
}

Test(invitations, answer_the_same_knock_again_and_no_other)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, 0);
    person account = an_account(21), other = an_account(23);

    first_entry(&account);
    first_entry(&other);
    cf_buffer sealed = sealed_first(&cyd, &account), second = sealed_first(&cyd, &other);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &account.user);
    knock(house, &cyd, NULL, cf_buffer_view(&second));
    hear_refusal(house, cyd.door, CF_REFUSED_USED);
    house_crash(house);
    cyd.door = call_in(house, cf_pairing_guest_public(cyd.pairing));
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &account.user);
    knock(house, &cyd, NULL, cf_buffer_view(&second));
    hear_refusal(house, cyd.door, CF_REFUSED_USED);

    cf_buffer_release(&sealed);
    cf_buffer_release(&second);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&other);
    house_end(house);
}

Test(invitations, are_neither_made_nor_honoured_when_the_broker_is_closed)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, 0);
    person account = an_account(21);
    cf_invitation_terms terms = {HOUSE_ADDRESS, 0, 0};
    cf_buffer line = {0};
    cf_error error;

    house->closed = true;
    house_crash(house);
    expect_fails(cf_management_invite(house->management, &terms, house->now_ms, &line, &error),
                 CF_DENIED);
    cyd.door = call_in(house, cf_pairing_guest_public(cyd.pairing));
    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(house, cyd.door, CF_REFUSED_UNKNOWN);
    cr_expect_eq(cf_users_count(house->users), 0);

    house->closed = false;
    house_crash(house);
    cyd.door = call_in(house, cf_pairing_guest_public(cyd.pairing));
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &account.user);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    house_end(house);
}

Test(invitations, give_their_quota_to_the_user)
{
    broker_world *house = a_house();
    cf_invitation_terms terms = {HOUSE_ADDRESS, 0, 12345};
    guest cyd = an_invited_with(house, &terms);
    person account = an_account(21);
    cf_quota_figures figures;
    cf_error error;

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &account.user);
    expect_ok(cf_quotas_figures(house->quotas, &account.user, &figures, &error), error);
    cr_expect_eq(figures.quota, 12345);
    cr_expect_eq(figures.entry_bytes, account.wire.size);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    house_end(house);
}

Test(invitations, expire)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, house->now_ms + 1000);
    person account = an_account(21);

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    house->now_ms += 1000;
    settle(house);
    cr_expect_eq(house->allowed, 0);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(house, cyd.door, CF_REFUSED_UNKNOWN);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    house_end(house);
}

/* Before anybody has looked what has expired. */
Test(invitations, are_not_honoured_in_the_moment_in_which_they_expire)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, house->now_ms + 1000);
    person account = an_account(21);

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    house->now_ms += 1000;
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(house, cyd.door, CF_REFUSED_EXPIRED);
    cr_expect_null(cf_users_find(house->users, &account.user));
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    house_end(house);
}

Test(invitations, are_not_used_up_by_garbage)
{
    broker_world *house = a_house();
    guest cyd = an_invited(house, 0);
    person account = an_account(21), desk = a_device(22, &account.user);

    knock(house, &cyd, NULL, cf_bytes_of_text("garbage, not sealed under the code"));
    hear_refusal(house, cyd.door, CF_REFUSED_FORGED);
    first_entry(&account);
    let_in(&account, &desk, CF_ROLE_OWNER);
    cf_buffer second_entry = sealed_first(&cyd, &account);
    knock(house, &cyd, NULL, cf_buffer_view(&second_entry));
    hear_refusal(house, cyd.door, CF_REFUSED_MALFORMED);

    person again = an_account(21);
    first_entry(&again);
    cf_buffer sealed = sealed_first(&cyd, &again);
    knock(house, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(house, &cyd, cf_buffer_view(&sealed), &again.user);
    cf_buffer_release(&sealed);
    cf_buffer_release(&second_entry);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&again);
    person_end(&desk);
    house_end(house);
}

/* Ann's desk is an owner, her lap a member. */
typedef struct {
    broker_world *house;
    person account, desk, lap;
    caller *at_desk, *at_lap;
    guest pad; /* holds a pairing code */
} pairing_scene;

static pairing_scene a_scene(void)
{
    static const uint8_t secret[32] = "the secret of a pairing code";
    pairing_scene s = {.house = a_house(), .account = an_account(1)};

    s.desk = a_device(2, &s.account.user);
    s.lap = a_device(3, &s.account.user);
    settle_in(s.house, &s.account, &s.desk, &s.lap);
    s.at_desk = call_in(s.house, cf_keys_public(s.desk.keys)->curve);
    s.at_lap = call_in(s.house, cf_keys_public(s.lap.keys)->curve);
    greet(s.house, s.at_desk, &s.account.user, NULL, 0);
    greet(s.house, s.at_lap, &s.account.user, NULL, 0);
    s.pad = a_guest(s.house, secret);
    return s;
}

static void end(pairing_scene *s)
{
    cf_pairing_destroy(&s->pad.pairing);
    person_end(&s->account);
    person_end(&s->desk);
    person_end(&s->lap);
    house_end(s->house);
}

static void expect_guest(pairing_scene *s, caller *owner, uint64_t expires_ms)
{
    cf_message message = {.command = CF_COMMAND_GUEST, .guest = {.expires_ms = expires_ms}};

    memcpy(message.guest.key.bytes, cf_pairing_guest_public(s->pad.pairing), 32);
    say(s->house, owner, &message);
}

Test(pairing, carries_a_knock_to_the_owner_and_the_answer_back)
{
    pairing_scene s = a_scene();
    size_t allowed = s.house->allowed;

    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    cr_expect_eq(s.house->allowed, allowed + 1);
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    cf_message heard = hear(s.house, s.at_desk, CF_COMMAND_KNOCK);
    cr_expect(cf_bytes_equal(heard.knock.sealed, cf_bytes_of_text("it's me")));

    cf_message admit = {.command = CF_COMMAND_ADMIT,
                        .admit = {heard.knock.key, cf_bytes_of_text("come in")}};
    say(s.house, s.at_lap, &admit); /* not hers to say */
    hear_nothing(s.house, s.pad.door);
    say(s.house, s.at_desk, &admit);
    heard = hear(s.house, s.pad.door, CF_COMMAND_ADMIT);
    cr_expect(cf_bytes_equal(heard.admit.sealed, cf_bytes_of_text("come in")));

    expect_guest(&s, s.at_desk, 0);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    cr_expect_eq(s.house->allowed, allowed);
    end(&s);
}

static void change_role(pairing_scene *s, cf_role role)
{
    cf_member change = {.kind = CF_MEMBER_ROLE, .time_ms = 1, .device = s->desk.id, .role = role};

    write_operation(&s->account, &change);
    caller *at_account = call_in(s->house, cf_keys_public(s->account.keys)->curve);
    greet(s->house, at_account, &s->account.user, NULL, 0);
    publish(s->house, at_account, &s->account);
    hear(s->house, at_account, CF_COMMAND_ACCEPTED);
}

Test(pairing, keeps_no_guest_of_who_is_no_owner_any_more)
{
    pairing_scene s = a_scene();
    size_t allowed = s.house->allowed;

    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    change_role(&s, CF_ROLE_MEMBER);
    settle(s.house);
    cr_expect_eq(s.house->allowed, allowed, "its key gets in no more");
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.house, s.pad.door, CF_REFUSED_UNKNOWN);
    hear_nothing(s.house, s.at_desk);
    end(&s);
}

Test(pairing, lets_only_the_right_guest_knock)
{
    static const uint8_t other_secret[32] = "another code's secret";
    pairing_scene s = a_scene();
    guest stranger = a_guest(s.house, other_secret);

    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    knock(s.house, &stranger, &s.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.house, stranger.door, CF_REFUSED_UNKNOWN);
    caller *own = stranger.door;
    stranger.door = s.pad.door; /* the other's name over this one's connection */
    knock(s.house, &stranger, &s.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.house, s.pad.door, CF_REFUSED_FORGED);
    stranger.door = own;
    knock(s.house, &s.pad, &s.desk.id, cf_bytes_of_text("it's me")); /* no such user */
    hear_refusal(s.house, s.pad.door, CF_REFUSED_UNKNOWN);
    hear_nothing(s.house, s.at_desk);
    cf_pairing_destroy(&stranger.pairing);
    end(&s);
}

Test(pairing, is_for_owners_only)
{
    pairing_scene s = a_scene();

    expect_guest(&s, s.at_lap, s.house->now_ms + 600000);
    hear_refusal(s.house, s.at_lap, CF_REFUSED_ROLE);
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.house, s.pad.door, CF_REFUSED_UNKNOWN);
    end(&s);
}

/* Whoever learns the key of another user's code gets nothing by it. */
Test(pairing, leaves_a_code_to_the_user_who_registered_it)
{
    pairing_scene s = a_scene();
    person other = an_account(11), his_desk = a_device(12, &other.user),
           his_lap = a_device(13, &other.user);

    settle_in(s.house, &other, &his_desk, &his_lap);
    caller *thief = call_in(s.house, cf_keys_public(his_desk.keys)->curve);
    greet(s.house, thief, &other.user, NULL, 0);
    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    expect_guest(&s, thief, s.house->now_ms + 600000);
    hear_refusal(s.house, thief, CF_REFUSED_USED);
    expect_guest(&s, thief, 0);
    hear_refusal(s.house, thief, CF_REFUSED_USED);
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    hear(s.house, s.at_desk, CF_COMMAND_KNOCK);
    person_end(&other);
    person_end(&his_desk);
    person_end(&his_lap);
    end(&s);
}

Test(pairing, has_sixteen_codes_of_a_user_open_at_once)
{
    pairing_scene s = a_scene();
    cf_message code = {.command = CF_COMMAND_GUEST,
                       .guest = {.expires_ms = s.house->now_ms + 600000}};

    for (uint8_t i = 0; i < 16; i++) {
        code.guest.key.bytes[0] = i + 1;
        say(s.house, s.at_desk, &code);
        hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    }
    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear_refusal(s.house, s.at_desk, CF_REFUSED_BUSY);
    code.guest.expires_ms = 0;
    say(s.house, s.at_desk, &code);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    end(&s);
}

Test(pairing, asks_the_guest_to_wait_while_the_owner_is_away)
{
    pairing_scene s = a_scene();

    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    cf_gateway_gone(s.house->gateway, cf_bytes_of_text(s.at_desk->routing_id));
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    cf_message refused = hear(s.house, s.pad.door, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);

    greet(s.house, s.at_desk, &s.account.user, NULL, 0);
    expect_guest(&s, s.at_desk, s.house->now_ms + 600000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    hear(s.house, s.at_desk, CF_COMMAND_KNOCK);
    end(&s);
}

Test(pairing, ends_when_the_code_expires)
{
    pairing_scene s = a_scene();
    size_t allowed = s.house->allowed;

    expect_guest(&s, s.at_desk, s.house->now_ms + 1000);
    hear(s.house, s.at_desk, CF_COMMAND_GUEST);
    s.house->now_ms += 1000;
    knock(s.house, &s.pad, &s.account.user, cf_bytes_of_text("it's me"));
    hear_refusal(s.house, s.pad.door, CF_REFUSED_EXPIRED);
    settle(s.house);
    cr_expect_eq(s.house->allowed, allowed);
    end(&s);
}
