/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/enrolment.h"

#include "codec/address.h"
#include "tests/broker/guests.h"

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
