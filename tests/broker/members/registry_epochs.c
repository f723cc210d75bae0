/* SPDX-License-Identifier: Apache-2.0 */
/* Which content key is in use, who lacks it, and where the home is. */
#include "broker/members/registry.h"

#include "tests/broker/people/people.h"

#include <stdlib.h>

/* An account with two owners and a member; the account's first epoch has been granted to all. */
typedef struct {
    person account, desk, lap, pad;
    cf_registry *registry;
} family;

static void take(family *f, person *author)
{
    person *all[] = {&f->account, &f->desk, &f->lap, &f->pad};
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    cf_registry_add(f->registry, &entry);
    cr_assert(cf_registry_holds(f->registry, &entry.hash));
    for (int i = 0; i < 4; i++)
        if (all[i] != author)
            learn(all[i], author);
    cf_arena_release(&arena);
}

static family a_family(void)
{
    family f = {.account = an_account(1)};
    person *devices[] = {&f.desk, &f.lap, &f.pad};

    f.registry = cf_registry_new(&f.account.user);
    f.desk = a_device(2, &f.account.user);
    f.lap = a_device(3, &f.account.user);
    f.pad = a_device(4, &f.account.user);
    first_entry(&f.account);
    take(&f, &f.account);
    for (int i = 0; i < 3; i++) {
        let_in(&f.account, devices[i], i < 2 ? CF_ROLE_OWNER : CF_ROLE_MEMBER);
        take(&f, &f.account);
    }
    return f;
}

static void release(family *f)
{
    person_end(&f->account);
    person_end(&f->desk);
    person_end(&f->lap);
    person_end(&f->pad);
    cf_registry_destroy(&f->registry);
}

static int by_id(const void *a, const void *b)
{
    return cf_hash_compare(&((const cf_recipient *)a)->device, &((const cf_recipient *)b)->device);
}

/* An operation that opens an epoch for these devices. */
static cf_hash open_for(family *f, person *author, cf_member operation, person **to, size_t count)
{
    cf_recipient recipients[4] = {0};

    for (size_t i = 0; i < count; i++)
        recipients[i].device = to[i]->id;
    qsort(recipients, count, sizeof *recipients, by_id);
    operation.opens = true;
    operation.opening.commitment.bytes[0] = (uint8_t)cf_registry_count(f->registry);
    operation.opening.recipients = recipients;
    operation.opening.recipient_count = count;
    write_operation(author, &operation);
    take(f, author);
    return author->head.hash;
}

static cf_hash revoke(family *f, person *owner, const person *whom, person **to, size_t count)
{
    cf_member operation = {
        .kind = CF_MEMBER_REVOKE, .device = whom->id, .heads = &whom->head, .head_count = 0};

    return open_for(f, owner, operation, to, count);
}

static void expect_epoch(const family *f, const cf_hash *epoch, const char *when)
{
    const cf_hash *found = cf_registry_epoch(f->registry);

    cr_expect_eq(!found, !epoch, "%s", when);
    if (found && epoch)
        cr_expect(cf_hash_equal(found, epoch), "%s", when);
}

static bool lacks(const family *f, const person *device, const cf_hash *epoch)
{
    cf_hash lacking[4];
    const size_t count = cf_registry_list_lacking(f->registry, epoch, lacking);
    bool is = false;

    for (size_t i = 0; i < count; i++)
        is |= cf_hash_equal(&lacking[i], &device->id);
    return is;
}

Test(registry_epochs, follow_a_revocation)
{
    family f = a_family();
    person *rest[] = {&f.account, &f.desk, &f.lap};

    expect_epoch(&f, &f.account.epoch, "the first");
    cf_hash next = revoke(&f, &f.desk, &f.pad, rest, 3);
    expect_epoch(&f, &next, "the revocation's");
    cr_expect_not(cf_registry_is_valid(f.registry, &f.pad.id));
    cr_expect_eq(cf_registry_device(f.registry, &f.pad.id)->ended_by, CF_MEMBER_REVOKE);
    cr_expect(cf_hash_equal(&cf_registry_device(f.registry, &f.pad.id)->ended, &next));
    cr_expect(cf_hash_equal(&cf_registry_device(f.registry, &f.pad.id)->admitter, &f.account.user));
    release(&f);
}

Test(registry_epochs, are_not_used_once_somebody_who_knows_the_key_is_out)
{
    family f = a_family();
    cf_member leave = {.kind = CF_MEMBER_LEAVE};
    cf_member fresh = {.kind = CF_MEMBER_EPOCH};
    person *rest[] = {&f.account, &f.desk, &f.lap};

    write_operation(&f.pad, &leave);
    take(&f, &f.pad);
    expect_epoch(&f, NULL, "the pad, which left, was given the key when it was let in");
    cf_hash next = open_for(&f, &f.desk, fresh, rest, 3);
    expect_epoch(&f, &next, "an owner opened one");
    release(&f);
}

/* The first epoch is no way out: all were given its key when they were let in. */
Test(registry_epochs, are_not_used_when_their_opener_or_a_recipient_is_out)
{
    for (int case_of = 0; case_of < 2; case_of++) {
        family f = a_family();
        cf_member fresh = {.kind = CF_MEMBER_EPOCH}, leave = {.kind = CF_MEMBER_LEAVE};
        person *to[] = {&f.account, &f.lap, &f.pad};
        person *leaving = case_of ? &f.pad : &f.desk;

        cf_hash theirs = open_for(&f, &f.desk, fresh, to, 3);
        expect_epoch(&f, &theirs, "the desk's");
        write_operation(leaving, &leave);
        take(&f, leaving);
        expect_epoch(&f, NULL, case_of ? "a recipient left" : "the opener left");
        release(&f);
    }
}

/* What an owner writes who has not seen what others write meanwhile. */
static person apart_from(person *owner)
{
    const person apart = *owner;

    owner->members_after = owner->changes_after = (cf_heads){0};
    owner->wire = (cf_buffer){0};
    return apart;
}

static void apart_end(person *apart)
{
    cf_heads_release(&apart->members_after);
    cf_heads_release(&apart->changes_after);
    cf_buffer_release(&apart->wire);
}

/* Each is void by the other's limits: what they opened they know, and nobody may use. */
Test(registry_epochs, of_owners_that_revoke_each_other_are_not_used)
{
    family f = a_family();
    person *some[] = {&f.account, &f.pad};
    cf_member one = {.kind = CF_MEMBER_REVOKE, .device = f.lap.id};
    cf_member other = {.kind = CF_MEMBER_REVOKE, .device = f.desk.id};
    cf_member fresh = {.kind = CF_MEMBER_EPOCH};
    person lap = apart_from(&f.lap);

    cf_hash desks = open_for(&f, &f.desk, one, some, 2);
    other.opens = true;
    write_operation(&lap, &other);
    take(&f, &lap);
    cr_expect_not(cf_registry_is_valid(f.registry, &f.desk.id));
    cr_expect_not(cf_registry_is_valid(f.registry, &f.lap.id));
    cr_expect(cf_registry_find(f.registry, &desks)->is_void);
    cr_expect(cf_registry_find(f.registry, &desks)->acts, "and yet the lap is out by it");
    expect_epoch(&f, NULL, "nobody's is left");
    cf_hash next = open_for(&f, &f.account, fresh, some, 2);
    expect_epoch(&f, &next, "the account's");
    apart_end(&lap);
    release(&f);
}

Test(registry_epochs, are_lacked_by_those_whom_nobody_gave_the_key)
{
    family f = a_family();
    cf_member fresh = {.kind = CF_MEMBER_EPOCH};
    cf_member grant = {.kind = CF_MEMBER_GRANT, .access = {.readable = true}};
    person *some[] = {&f.account, &f.desk};

    cf_hash next = open_for(&f, &f.desk, fresh, some, 2);
    cr_expect(lacks(&f, &f.pad, &next));
    cr_expect_not(lacks(&f, &f.account, &next));
    grant.device = f.pad.id;
    grant.access.epoch = next;
    write_operation(&f.pad, &grant); /* a member can't */
    take(&f, &f.pad);
    cr_expect(lacks(&f, &f.pad, &next));
    write_operation(&f.desk, &grant);
    take(&f, &f.desk);
    cr_expect_not(lacks(&f, &f.pad, &next));
    expect_epoch(&f, &next, "still");
    release(&f);
}

Test(registry_epochs, are_not_for_relays)
{
    family f = a_family();
    cf_member role = {.kind = CF_MEMBER_ROLE, .device = f.pad.id, .role = CF_ROLE_RELAY};
    person *rest[] = {&f.account, &f.desk, &f.lap};

    write_operation(&f.desk, &role); /* which forgot to open an epoch */
    take(&f, &f.desk);
    expect_epoch(&f, NULL, "the relay knows the key");
    cf_hash next = open_for(&f, &f.lap, role, rest, 3);
    expect_epoch(&f, &next, "with the change of role");
    cr_expect_not(lacks(&f, &f.pad, &next));
    release(&f);
}

/* What was sealed under the second one is read by nobody who has but the first; and the lap, which
 * left with the second's key, has the first's. */
Test(registry_epochs, are_not_used_again_once_there_was_another)
{
    family f = a_family();
    cf_member annul = {.kind = CF_MEMBER_ANNUL}, leave = {.kind = CF_MEMBER_LEAVE};
    cf_member fresh = {.kind = CF_MEMBER_EPOCH};
    person *rest[] = {&f.account, &f.desk, &f.lap}, *last[] = {&f.account, &f.desk, &f.pad};

    cf_hash second = revoke(&f, &f.desk, &f.pad, rest, 3);
    annul.revocation = second;
    write_operation(&f.account, &annul);
    take(&f, &f.account);
    expect_epoch(&f, &second, "the revocation was annulled, its key is in use");
    write_operation(&f.lap, &leave);
    take(&f, &f.lap);
    expect_epoch(&f, NULL, "a recipient left");
    cf_hash third = open_for(&f, &f.desk, fresh, last, 3);
    expect_epoch(&f, &third, "an owner opened one");
    release(&f);
}

/* All that have the first's key are in; nobody has said that it is to be used again. */
Test(registry_epochs, are_not_used_again_though_nobody_who_left_had_the_key)
{
    family f = a_family();
    person late = a_device(5, &f.account.user);
    cf_member leave = {.kind = CF_MEMBER_LEAVE}, fresh = {.kind = CF_MEMBER_EPOCH};
    person *all[] = {&f.account, &f.desk, &f.lap, &f.pad};

    cf_hash second = open_for(&f, &f.account, fresh, all, 4);
    expect_epoch(&f, &second, "opened for all");
    f.account.epoch = second;
    let_in(&f.account, &late, CF_ROLE_MEMBER);
    take(&f, &f.account);
    expect_epoch(&f, &second, "one more was given its key");
    learn(&late, &f.account);
    write_operation(&late, &leave);
    take(&f, &late);
    expect_epoch(&f, NULL, "who has only the second's left");
    person_end(&late);
    release(&f);
}

/* Apart, so that neither has the other's key; what was sealed under either is read by all. */
Test(registry_epochs, of_owners_that_opened_them_apart_are_all_given)
{
    family f = a_family();
    cf_member leave = {.kind = CF_MEMBER_LEAVE}, fresh = {.kind = CF_MEMBER_EPOCH, .opens = true};
    cf_member grant = {.kind = CF_MEMBER_GRANT, .access = {.readable = true}};
    person *some[] = {&f.account, &f.desk};

    write_operation(&f.pad, &leave);
    take(&f, &f.pad);
    person lap = apart_from(&f.lap);
    cf_hash desks = open_for(&f, &f.desk, fresh, some, 2);
    cf_recipient to = {.device = f.lap.id};
    fresh.opening = (cf_opening){.recipients = &to, .recipient_count = 1};
    write_operation(&lap, &fresh);
    take(&f, &lap);
    const cf_hash laps = lap.head.hash;
    cr_assert(cf_registry_epoch_at(f.registry, 1));
    cr_expect_null(cf_registry_epoch_at(f.registry, 2));
    cr_expect(lacks(&f, &f.lap, &desks));
    cr_expect_not(lacks(&f, &f.lap, &laps));
    cr_expect(lacks(&f, &f.desk, &laps));
    grant.device = f.lap.id;
    grant.access.epoch = desks;
    write_operation(&f.desk, &grant);
    take(&f, &f.desk);
    cr_expect_not(lacks(&f, &f.lap, &desks));
    cr_expect(lacks(&f, &f.desk, &laps));
    apart_end(&lap);
    release(&f);
}

static void move(family *f, person *owner, uint64_t generation, const char *address)
{
    cf_member home = {
        .kind = CF_MEMBER_HOME, .generation = generation, .address = cf_bytes_of_text(address)};

    write_operation(owner, &home);
    take(f, owner);
}

Test(registry_epochs, and_the_home_in_force_has_the_highest_generation)
{
    family f = a_family();
    cf_home_broker home;
    person *rest[] = {&f.account, &f.lap, &f.pad};

    cr_expect_not(cf_registry_home(f.registry, &home));
    move(&f, &f.account, 1, "one");
    move(&f, &f.desk, 2, "two");
    cr_assert(cf_registry_home(f.registry, &home));
    cr_expect_eq(home.generation, 2);
    cr_expect(cf_bytes_equal(home.address, cf_bytes_of_text("two")));
    move(&f, &f.pad, 9, "a member's word");
    cr_assert(cf_registry_home(f.registry, &home));
    cr_expect_eq(home.generation, 2);
    cr_expect_eq(cf_registry_home_generation(f.registry), 9);
    revoke(&f, &f.lap, &f.desk, rest, 3); /* with nothing of it left */
    cr_assert(cf_registry_home(f.registry, &home));
    cr_expect_eq(home.generation, 1);
    release(&f);
}

/* Or clients of others, which hold to PROTOCOL, would look elsewhere. */
Test(registry_epochs, and_of_homes_of_one_generation_that_of_the_lowest_entry)
{
    enum { TIMES = 12 };
    family f = a_family();
    cf_home_broker home;
    cf_hash lowest = {0};
    size_t lower = 0;

    for (size_t i = 0; i < TIMES; i++) {
        person *owner = i % 2 ? &f.desk : &f.account;

        move(&f, owner, 5, "one of them");
        if (i == 0 || cf_hash_compare(&owner->head.hash, &lowest) < 0) {
            lowest = owner->head.hash;
            lower++;
        }
        cr_assert(cf_registry_home(f.registry, &home));
        cr_expect(cf_hash_equal(&home.entry, &lowest), "after %zu", i + 1);
    }
    cr_expect(lower > 1, "both orders");
    cr_expect(lower < TIMES, "both orders");
    release(&f);
}
