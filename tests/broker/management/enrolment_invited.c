/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/management/enrolment.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "broker/management/invitation.h"
#include "codec/address.h"
#include "codec/pack.h"
#include "tests/broker/management/guests.h"

static guest an_invited_with(broker_world *world, const cf_invitation_terms *terms)
{
    cf_error error;
    cf_buffer line = {0};
    cf_code code;

    expect_ok(cf_management_invite(world->broker.management, terms, world->now_ms, &line, &error),
              error);
    cf_buffer_append(&line, "", 1);
    expect_ok(cf_code_read((const char *)line.data, &code, &error), error);
    cr_assert_not(code.has_user);
    cf_buffer_release(&line);
    return a_guest(world, code.secret);
}

static guest an_invited(broker_world *world, uint64_t expires_ms)
{
    cf_invitation_terms terms = {.address = BROKER_ADDRESS, .expires_ms = expires_ms};

    return an_invited_with(world, &terms);
}

static cf_buffer sealed_first(const guest *from, const person *account)
{
    cf_buffer sealed = {0};
    cf_knock knock = {.invited = true, .first_entry = cf_buffer_view(&account->wire)};

    cf_knock_seal(from->pairing, &knock, &sealed);
    return sealed;
}

static void hear_admitted(broker_world *world, guest *by, cf_bytes sealed, const cf_hash *user)
{
    cf_error error;
    cf_arena arena = {0};
    cf_admit admit;
    cf_hash hash = cf_knock_hash(sealed);
    cf_message message = hear(world, by->door, CF_COMMAND_ADMIT);

    expect_ok(cf_admit_open(by->pairing, &hash, message.admit.sealed, &arena, &admit, &error),
              error);
    cr_expect(cf_hash_equal(&admit.user, user));
    cr_expect_eq(admit.role, CF_ROLE_OWNER);
    cf_arena_release(&arena);
}

Test(invitations, let_one_new_user_in)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21), desk = a_device(22, &account.user);

    cr_expect_eq(world->allowed, 1);
    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    cr_expect_eq(world->allowed, 2, "the account may connect now");

    /* It goes on with the account's own key, and lets the first device in. */
    client *at_home = connect_client(world, cf_keys_public(account.keys)->curve);
    greet(world, at_home, &account.user, NULL, 0);
    let_in(&account, &desk, CF_ROLE_OWNER);
    publish(world, at_home, &account);
    hear(world, at_home, CF_COMMAND_ACCEPTED);
    cr_expect_eq(world->allowed, 3);
    client *at_desk = connect_client(world, cf_keys_public(desk.keys)->curve);
    greet(world, at_desk, &account.user, NULL, 0);

    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&desk);
    broker_world_end(world);
}

Test(invitations, answer_the_same_knock_again_and_no_other)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21), other = an_account(23);

    first_entry(&account);
    first_entry(&other);
    cf_buffer sealed = sealed_first(&cyd, &account), second = sealed_first(&cyd, &other);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&second));
    hear_refusal(world, cyd.door, CF_REFUSED_USED);
    broker_world_crash(world);
    cyd.door = connect_client(world, cf_pairing_guest_public(cyd.pairing));
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&second));
    hear_refusal(world, cyd.door, CF_REFUSED_USED);

    cf_buffer_release(&sealed);
    cf_buffer_release(&second);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&other);
    broker_world_end(world);
}

Test(invitations, are_neither_made_nor_honoured_when_the_broker_is_closed)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21);
    cf_invitation_terms terms = {.address = BROKER_ADDRESS};
    cf_buffer line = {0};
    cf_error error;

    world->options.closed = true;
    broker_world_crash(world);
    expect_fails(
        cf_management_invite(world->broker.management, &terms, world->now_ms, &line, &error),
        CF_DENIED);
    cyd.door = connect_client(world, cf_pairing_guest_public(cyd.pairing));
    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(world, cyd.door, CF_REFUSED_UNKNOWN);
    cr_expect_eq(cf_users_count(world->broker.users), 0);

    world->options.closed = false;
    broker_world_crash(world);
    cyd.door = connect_client(world, cf_pairing_guest_public(cyd.pairing));
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

Test(invitations, give_their_quota_to_the_user)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms terms = {.address = BROKER_ADDRESS, .quota = 12345};
    guest cyd = an_invited_with(world, &terms);
    person account = an_account(21);
    cf_quota_figures figures;
    cf_error error;

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    expect_ok(cf_quotas_figures(world->broker.quotas, &account.user, &figures, &error), error);
    cr_expect_eq(figures.quota, 12345);
    cr_expect_eq(figures.entry_bytes, account.wire.size);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

Test(invitations, expire)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, world->now_ms + 1000);
    person account = an_account(21);

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    world->now_ms += 1000;
    broker_world_settle(world);
    cr_expect_eq(world->allowed, 0);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(world, cyd.door, CF_REFUSED_UNKNOWN);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

/* Before anybody has looked what has expired. */
Test(invitations, are_not_honoured_in_the_moment_in_which_they_expire)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, world->now_ms + 1000);
    person account = an_account(21);

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    world->now_ms += 1000;
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(world, cyd.door, CF_REFUSED_EXPIRED);
    cr_expect_null(cf_users_find(world->broker.users, &account.user));
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

/* What stands among them, and is none: of it no key is made that lets anybody in. */
Test(invitations, are_listed_without_what_is_none)
{
    static const uint8_t short_key[] = {'g', 1, 2, 3}, long_key[34] = {'g'};
    const cf_bytes keys[] = {cf_bytes_of(short_key, sizeof short_key),
                             cf_bytes_of(long_key, sizeof long_key)};
    const cf_hash nobody = {{0}};
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    cf_invitation_info *infos = NULL;
    cf_store *store = world->broker.store;
    cf_buffer record = {0};
    size_t count = 0;
    cf_error error;

    expect_ok(cf_invitations_list(store, &infos, &count, &error), error);
    cr_assert_eq(count, 1);
    uint8_t own[1 + CF_HASH_SIZE] = {'g'};
    memcpy(own + 1, infos[0].guest.bytes, CF_HASH_SIZE);
    free(infos);
    expect_ok(store->get(store, &nobody, cf_bytes_of(own, sizeof own), &record, &error), error);
    for (size_t i = 0; i < 2; i++)
        expect_ok(store->write(store, &nobody, &(cf_kv){keys[i], cf_buffer_view(&record)}, 1, true,
                               &error),
                  error);
    expect_ok(cf_invitations_list(store, &infos, &count, &error), error);
    cr_expect_eq(count, 1, "%zu", count);
    free(infos);
    cf_buffer_release(&record);
    cf_pairing_destroy(&cyd.pairing);
    broker_world_end(world);
}

Test(invitations, are_not_used_up_by_garbage)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21), desk = a_device(22, &account.user);

    guest_knock(world, &cyd, NULL, cf_bytes_of_text("garbage, not sealed under the code"));
    hear_refusal(world, cyd.door, CF_REFUSED_FORGED);
    first_entry(&account);
    let_in(&account, &desk, CF_ROLE_OWNER);
    cf_buffer second_entry = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&second_entry));
    hear_refusal(world, cyd.door, CF_REFUSED_MALFORMED);

    person again = an_account(21);
    first_entry(&again);
    cf_buffer sealed = sealed_first(&cyd, &again);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &again.user);
    cf_buffer_release(&sealed);
    cf_buffer_release(&second_entry);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    person_end(&again);
    person_end(&desk);
    broker_world_end(world);
}

/* The account's first entry as a program of tomorrow would write it. */
static void write_newer(person *account)
{
    static const char domain[] = "counterfoil/1 entry";
    cf_buffer newer = {0}, message = {0};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&account->wire), &arena, &entry, &error), error);
    cf_pack_raw(&newer, entry.header_wire);
    newer.data[1] = CF_ENTRY_VERSION + 1;
    cf_buffer_append(&message, domain, sizeof domain);
    cf_buffer_append(&message, newer.data, newer.size);
    crypto_sign_detached(cf_buffer_reserve(&newer, crypto_sign_BYTES), NULL, message.data,
                         message.size, cf_keys_signing_secret(account->keys));
    newer.size += crypto_sign_BYTES;
    cf_pack_raw(&newer, entry.body);
    cf_buffer_release(&account->wire);
    account->wire = newer;
    cf_buffer_release(&message);
    cf_arena_release(&arena);
}

/* Else one invitation makes as many as its holder likes. */
Test(invitations, leave_no_user_behind_who_is_refused)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21);
    const size_t users = cf_users_count(world->broker.users);

    first_entry(&account);
    write_newer(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(world, cyd.door, CF_REFUSED_MALFORMED);
    cr_expect_eq(cf_users_count(world->broker.users), users);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

/* Who was here before, and of whom something is left that can't be read. */
Test(invitations, are_not_spent_by_who_is_refused)
{
    broker_world *world = a_broker_world();
    guest cyd = an_invited(world, 0);
    person account = an_account(21);
    cf_invitation_info *kept = NULL;
    size_t count = 0;
    cf_error error;

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    broker_world_damage(world, &account.user);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    cf_message refused = hear(world, cyd.door, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);
    cr_expect(cf_bytes_equal(refused.refused.text, cf_bytes_of_text(CF_LOG_DAMAGED)));
    expect_ok(cf_management_invitations(world->broker.management, &kept, &count, &error), error);
    cr_assert_eq(count, 1);
    cr_expect_not(kept->is_used);
    free(kept);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

/* ---- Names, and what is taken back ---- */

static cf_invitation_terms for_somebody(const char *name)
{
    cf_invitation_terms terms = {.address = BROKER_ADDRESS};
    cf_error error;

    expect_ok(cf_user_name_read(name, &terms.name, &error), error);
    return terms;
}

Test(invitations, give_their_name_to_the_user)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms terms = for_somebody("bob");
    guest cyd = an_invited_with(world, &terms);
    person account = an_account(21);
    cf_user_name name;
    cf_hash found;
    cf_error error;

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    expect_ok(cf_user_name_get(world->broker.store, &account.user, &name, &error), error);
    cr_expect_str_eq(name.text, "bob");
    expect_ok(cf_management_find(world->broker.management, "bob", &found, &error), error);
    cr_expect(cf_hash_equal(&found, &account.user));
    cf_buffer line = {0};
    expect_fails(
        cf_management_invite(world->broker.management, &terms, world->now_ms, &line, &error),
        CF_USAGE);
    cf_buffer_release(&line);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

Test(invitations, that_are_taken_back_let_nobody_in)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms terms = for_somebody("bob");
    guest cyd = an_invited_with(world, &terms);
    person account = an_account(21);
    cf_invitation_info revoked;
    cf_error error;

    first_entry(&account);
    cf_buffer sealed = sealed_first(&cyd, &account);
    expect_ok(cf_management_revoke(world->broker.management, "1", world->now_ms, &revoked, &error),
              error);
    cr_expect_str_eq(revoked.name.text, "bob");
    cr_expect_eq(world->allowed, 0);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_refusal(world, cyd.door, CF_REFUSED_UNKNOWN);
    expect_fails(
        cf_management_revoke(world->broker.management, "1", world->now_ms, &revoked, &error),
        CF_MISSING);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

Test(invitations, are_at_most_so_many)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms terms = {.address = BROKER_ADDRESS};
    cf_invitation_info *kept = NULL, revoked;
    cf_buffer line = {0};
    size_t count = 0;
    cf_error error;

    for (size_t i = 0; i < CF_INVITATIONS_MAX; i++) { /* as the others are made, but faster */
        cf_hash key;
        terms.number = i + 1;
        expect_ok(cf_invitation_make(&world->env, world->broker.store, &terms, &line, &key, &error),
                  error);
    }
    expect_fails(
        cf_management_invite(world->broker.management, &terms, world->now_ms, &line, &error),
        CF_FULL);
    expect_ok(cf_management_revoke(world->broker.management, "17", world->now_ms, &revoked, &error),
              error);
    expect_ok(cf_management_invite(world->broker.management, &terms, world->now_ms, &line, &error),
              error);
    expect_ok(cf_management_invitations(world->broker.management, &kept, &count, &error), error);
    cr_expect_eq(count, CF_INVITATIONS_MAX);
    cr_expect_eq(kept[count - 1].number, CF_INVITATIONS_MAX + 1);
    free(kept);
    cf_buffer_release(&line);
    broker_world_end(world);
}

static void note_listed(void *context, const cf_user_figures *figures)
{
    cf_user_figures *listed = context;

    cr_expect_eq(listed->entries++, 0, "one user");
    listed->is_damaged = figures->is_damaged;
    listed->name = figures->name;
}

/* Nobody else is called so, and no verb says that there is no such user. */
Test(users_by_name, keep_it_while_what_is_here_of_them_is_damaged)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms terms = for_somebody("bob"), other = for_somebody("carl");
    guest cyd = an_invited_with(world, &terms);
    person account = an_account(21);
    char id[2 * CF_HASH_SIZE + 1];
    cf_user_figures listed = {0};
    cf_buffer line = {0};
    cf_hash found;
    cf_error error;

    first_entry(&account);
    cf_hex(cf_bytes_of(account.user.bytes, CF_HASH_SIZE), id);
    cf_buffer sealed = sealed_first(&cyd, &account);
    guest_knock(world, &cyd, NULL, cf_buffer_view(&sealed));
    hear_admitted(world, &cyd, cf_buffer_view(&sealed), &account.user);
    broker_world_damage(world, &account.user);
    broker_world_crash(world);
    expect_fails(
        cf_management_invite(world->broker.management, &terms, world->now_ms, &line, &error),
        CF_BROKEN);
    expect_ok(cf_management_invite(world->broker.management, &other, world->now_ms, &line, &error),
              error);
    expect_fails(cf_management_find(world->broker.management, "bob", &found, &error), CF_BROKEN);
    cr_expect(strncmp(strstr(error.text, "user ") + 5, id, 12) == 0, "%s", error.text);
    expect_fails(cf_management_find(world->broker.management, id, &found, &error), CF_BROKEN);
    expect_fails(cf_management_find(world->broker.management, "carl", &found, &error), CF_MISSING);
    expect_ok(cf_management_users(world->broker.management, note_listed, &listed, &error), error);
    cr_expect(listed.is_damaged);
    cr_expect_str_eq(listed.name.text, "bob");
    cf_buffer_release(&line);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&cyd.pairing);
    person_end(&account);
    broker_world_end(world);
}

static cf_status (*get_from_store)(cf_store *store, const cf_hash *user, cf_bytes key,
                                   cf_buffer *out, cf_error *error);

static cf_status get_no_name(cf_store *store, const cf_hash *user, cf_bytes key, cf_buffer *out,
                             cf_error *error)
{
    return key.size == 1 && *key.data == 'n' ? cf_fail(error, CF_BROKEN, "a bad block")
                                             : get_from_store(store, user, key, out, error);
}

/* It may be anything. */
Test(users_by_name, are_given_none_while_that_of_another_can_not_be_read)
{
    broker_world *world = a_broker_world();
    cf_invitation_terms named = for_somebody("bob"), nameless = {.address = BROKER_ADDRESS};
    const cf_hash user = {{0x12, 0x34, 0x56, 0x78, 0x9a, 1}};
    cf_buffer line = {0};
    cf_hash found;
    cf_log *log;
    cf_error error;

    expect_ok(cf_users_add(world->broker.users, &user, &log, &error), error);
    get_from_store = world->broker.store->get;
    world->broker.store->get = get_no_name;
    expect_fails(
        cf_management_invite(world->broker.management, &named, world->now_ms, &line, &error),
        CF_BROKEN);
    cr_expect(strstr(error.text, "123456789a01"), "%s", error.text);
    expect_ok(
        cf_management_invite(world->broker.management, &nameless, world->now_ms, &line, &error),
        error);
    expect_fails(cf_management_find(world->broker.management, "bob", &found, &error), CF_BROKEN);
    expect_ok(cf_management_find(world->broker.management, "123456789a01", &found, &error), error);
    cf_buffer_release(&line);
    broker_world_end(world);
}

static void keep_record(broker_world *world, const cf_hash *user, cf_bytes key, cf_bytes value)
{
    cf_kv record = {key, value};
    cf_error error;

    expect_ok(world->broker.store->write(world->broker.store, user, &record, 1, true, &error),
              error);
}

/* As a damaged store has them, or one of a later version. */
Test(users_by_name, have_no_longer_names_in_a_store)
{
    broker_world *world = a_broker_world();
    const cf_hash user = {{7}}, nobody = {{0}};
    uint8_t key[1 + CF_HASH_SIZE] = "g", name[CF_USER_NAME_MAX + 1];
    cf_buffer value = {0};
    cf_invitation invitation;
    cf_user_name found;
    cf_error error;

    memset(name, 'x', sizeof name);
    keep_record(world, &user, cf_bytes_of_text("n"), cf_bytes_of(name, CF_USER_NAME_MAX));
    expect_ok(cf_user_name_get(world->broker.store, &user, &found, &error), error);
    keep_record(world, &user, cf_bytes_of_text("n"), cf_bytes_of(name, sizeof name));
    expect_fails(cf_user_name_get(world->broker.store, &user, &found, &error), CF_BROKEN);

    for (size_t more = 0; more < 2; more++) {
        cf_buffer_clear(&value);
        cf_pack_array(&value, 9);
        cf_pack_bin(&value, cf_bytes_of(name, 32));
        cf_pack_uint(&value, 0);
        cf_pack_uint(&value, 0);
        cf_pack_bool(&value, false);
        cf_pack_bin(&value, cf_bytes_of(nobody.bytes, CF_HASH_SIZE));
        cf_pack_bin(&value, cf_bytes_of(nobody.bytes, CF_HASH_SIZE));
        cf_pack_uint(&value, 1);
        cf_pack_uint(&value, 1);
        cf_pack_text(&value, cf_bytes_of(name, CF_USER_NAME_MAX + more));
        keep_record(world, &nobody, cf_bytes_of(key, sizeof key), cf_buffer_view(&value));
        cf_status status =
            cf_invitation_find(world->broker.store, (cf_hash *)(key + 1), &invitation, &error);
        cr_expect_eq(status, more ? CF_BROKEN : CF_OK, "%s", error.text);
    }
    cf_buffer_release(&value);
    broker_world_end(world);
}
