/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/members/registry.h"

#include "tests/broker/people/people.h"

/* Checks the last entry of somebody, and adds it when it may be. */
static cf_status take(cf_registry *registry, const person *author, bool *counts, cf_error *error)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_status status;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, error), *error);
    status = cf_registry_check(registry, &entry, counts, error);
    if (!status)
        cf_registry_add(registry, &entry);
    cf_arena_release(&arena);
    return status;
}

/* An account with its first device, an owner, and a second, a member. */
typedef struct {
    person account, desk, lap;
    cf_registry *registry;
    bool counts;
    cf_error error;
} family;

static family a_family(void)
{
    family f = {.account = an_account(1)};

    f.desk = a_device(2, &f.account.user);
    f.lap = a_device(3, &f.account.user);
    f.registry = cf_registry_new(&f.account.user);
    first_entry(&f.account);
    expect_ok(take(f.registry, &f.account, &f.counts, &f.error), f.error);
    let_in(&f.account, &f.desk, CF_ROLE_OWNER);
    learn(&f.desk, &f.account);
    expect_ok(take(f.registry, &f.account, &f.counts, &f.error), f.error);
    let_in(&f.desk, &f.lap, CF_ROLE_MEMBER);
    learn(&f.lap, &f.desk);
    expect_ok(take(f.registry, &f.desk, &f.counts, &f.error), f.error);
    return f;
}

static void release(family *f)
{
    person_end(&f->account);
    person_end(&f->desk);
    person_end(&f->lap);
    cf_registry_destroy(&f->registry);
}

Test(registry, knows_who_was_let_in_and_as_what)
{
    family f = a_family();
    const cf_device *lap = cf_registry_device(f.registry, &f.lap.id);

    cr_assert_eq(cf_registry_device_count(f.registry), 3);
    cr_assert_not_null(lap);
    cr_expect_eq(lap->role, CF_ROLE_MEMBER);
    cr_expect_eq(cf_registry_device(f.registry, &f.account.user)->role, CF_ROLE_OWNER);
    cr_expect_eq(cf_registry_by_curve(f.registry, cf_keys_public(f.lap.keys)->curve), lap);
    cr_expect(cf_hash_equal(cf_registry_epoch(f.registry), &f.account.epoch));
    cr_expect_eq(cf_registry_count(f.registry), 3);
    release(&f);
}

Test(registry, lets_in_nobody_on_a_mere_members_word)
{
    family f = a_family();
    person stranger = a_device(9, &f.account.user);

    let_in(&f.lap, &stranger, CF_ROLE_OWNER);
    expect_ok(take(f.registry, &f.lap, &f.counts, &f.error), f.error);
    cr_expect_not(f.counts);
    cr_expect_null(cf_registry_device(f.registry, &stranger.id));
    cr_expect_eq(cf_registry_count(f.registry), 4, "void entries are kept");
    person_end(&stranger);
    release(&f);
}

Test(registry, refuses_what_a_stranger_signed)
{
    family f = a_family();
    person stranger = a_device(9, &f.account.user), other = a_device(10, &f.account.user);

    learn(&stranger, &f.desk);
    let_in(&stranger, &other, CF_ROLE_OWNER);
    expect_fails(take(f.registry, &stranger, &f.counts, &f.error), CF_MALFORMED);
    person_end(&stranger);
    person_end(&other);
    release(&f);
}

/* Known, and yet not in the past of what it signed. */
Test(registry, refuses_an_author_who_has_not_seen_that_he_was_let_in)
{
    family f = a_family();
    person early = a_device(2, &f.account.user), other = a_device(10, &f.account.user);

    let_in(&early, &other, CF_ROLE_MEMBER);
    expect_fails(take(f.registry, &early, &f.counts, &f.error), CF_MALFORMED);
    person_end(&early);
    person_end(&other);
    release(&f);
}

Test(registry, refuses_a_first_entry_of_another_account)
{
    person account = an_account(1), thief = an_account(2);
    cf_registry *registry = cf_registry_new(&account.user);
    cf_error error;
    bool counts;

    first_entry(&thief);
    expect_fails(take(registry, &thief, &counts, &error), CF_MALFORMED);
    person_end(&account);
    person_end(&thief);
    cf_registry_destroy(&registry);
}

static void spoil_signature(person *author)
{
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    author->wire.data[entry.signature.data - author->wire.data] ^= 1;
    cf_arena_release(&arena);
}

Test(registry, refuses_a_first_entry_that_the_account_did_not_sign_or_that_has_a_past)
{
    for (int past = 0; past < 2; past++) {
        person account = an_account(1);
        cf_registry *registry = cf_registry_new(&account.user);
        cf_head seen = {{"another's"}, 1, {"another's entry"}};
        cf_error error;
        bool counts;

        if (past)
            cf_heads_insert(&account.members_after, &seen);
        first_entry(&account);
        if (!past)
            spoil_signature(&account);
        expect_fails(take(registry, &account, &counts, &error), past ? CF_MALFORMED : CF_FORGED);
        cr_expect_eq(cf_registry_count(registry), 0);
        person_end(&account);
        cf_registry_destroy(&registry);
    }
}

Test(registry, refuses_an_operation_that_its_author_did_not_sign)
{
    family f = a_family();
    person pad = a_device(4, &f.account.user);

    let_in(&f.desk, &pad, CF_ROLE_OWNER);
    spoil_signature(&f.desk);
    expect_fails(take(f.registry, &f.desk, &f.counts, &f.error), CF_FORGED);
    cr_expect_null(cf_registry_device(f.registry, &pad.id));
    person_end(&pad);
    release(&f);
}

Test(registry, does_not_let_in_a_newcomer_whose_proof_is_for_another_user)
{
    family f = a_family();
    person foreigner = a_device(9, &f.lap.id);

    let_in(&f.desk, &foreigner, CF_ROLE_MEMBER);
    expect_ok(take(f.registry, &f.desk, &f.counts, &f.error), f.error);
    cr_expect_not(f.counts);
    cr_expect_null(cf_registry_device(f.registry, &foreigner.id));
    person_end(&foreigner);
    release(&f);
}

/* As of a newer program: kept, passed on, and what comes after it finds it in its past. */
Test(registry, keeps_operations_that_it_does_not_know)
{
    family f = a_family();
    person pad = a_device(4, &f.account.user);

    write_member(&f.desk, cf_bytes_of_text("\x92\x63\x01")); /* [99, 1] */
    expect_ok(take(f.registry, &f.desk, &f.counts, &f.error), f.error);
    cr_expect_not(f.counts);
    let_in(&f.desk, &pad, CF_ROLE_MEMBER);
    expect_ok(take(f.registry, &f.desk, &f.counts, &f.error), f.error);
    cr_expect(f.counts);
    cr_expect_not_null(cf_registry_device(f.registry, &pad.id));
    cr_expect_eq(cf_registry_heads(f.registry)->count, 2); /* of the account and of the desk */
    person_end(&pad);
    release(&f);
}

/* Two owners let the same device in, apart: whatever comes first, it has the lesser role. */
Test(registry, is_the_same_in_either_order)
{
    cf_role roles[2];

    for (int order = 0; order < 2; order++) {
        family f = a_family();
        person pad = a_device(4, &f.account.user);

        let_in(&f.account, &pad, CF_ROLE_MEMBER);
        let_in(&f.desk, &pad, CF_ROLE_READER);
        expect_ok(take(f.registry, order ? &f.desk : &f.account, &f.counts, &f.error), f.error);
        expect_ok(take(f.registry, order ? &f.account : &f.desk, &f.counts, &f.error), f.error);
        roles[order] = cf_registry_device(f.registry, &pad.id)->role;
        person_end(&pad);
        release(&f);
    }
    cr_expect_eq(roles[0], CF_ROLE_READER);
    cr_expect_eq(roles[1], CF_ROLE_READER);
}

Test(registry, tells_what_a_past_reaches)
{
    family f = a_family();
    cf_head first = {.hash = f.account.epoch};

    cr_expect(cf_registry_reaches_device(f.registry, &f.desk.head, 1, &f.lap.id));
    cr_expect(cf_registry_reaches_epoch(f.registry, &f.desk.head, 1, &f.account.epoch));
    cr_expect(cf_registry_reaches_epoch(f.registry, &first, 1, &f.account.epoch));
    cr_expect_not(cf_registry_reaches_device(f.registry, &first, 1, &f.desk.id));
    cr_expect_not(cf_registry_reaches_device(f.registry, NULL, 0, &f.account.id));
    cr_expect_not(cf_registry_reaches_epoch(f.registry, &f.desk.head, 1, &f.lap.id));
    release(&f);
}
