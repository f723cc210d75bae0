/* SPDX-License-Identifier: Apache-2.0 */
/* How many ends of branches a log takes. */
#include "broker/log/head_counts.h"
#include "broker/members/registry.h"
#include "codec/limits.h"
#include "codec/message.h"
#include "tests/broker/people/diary.h"

static const cf_id invented = {"invented"};
static const cf_head_bounds few = {
    .of_device_in_collection = 4, .of_device = 6, .of_user = 10, .of_member_log = 8};

/* One more chain of the person's, of one entry. */
static cf_verdict open_chain(diary *d, person *by, const cf_id *collection, cf_bringer bringer)
{
    begin_chain(by, collection, &d->account.head);
    write_change(by, "one entry", NULL, 0);
    return offer(d, by, bringer);
}

static void open_chains(diary *d, person *by, const cf_id *collection, cf_bringer bringer,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(open_chain(d, by, collection, bringer).answer, CF_OFFER_NEW, "chain %zu", i);
}

static diary a_diary_for_few(void)
{
    diary d = a_diary();

    found(&d);
    cf_log_bound_heads(d.log, &few);
    return d;
}

static void reopen_for_few(diary *d)
{
    commit(d);
    diary_reopen(d);
    cf_log_bound_heads(d->log, &few);
}

static void expect_goes_on(diary *d, person *by)
{
    write_change(by, "it goes on", NULL, 0);
    cr_expect_eq(offer(d, by, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
}

Test(log_heads, bounds_what_a_device_opens_in_a_collection_and_lets_it_go_on)
{
    diary d = a_diary_for_few();

    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 4);
    person last = d.lap;
    cf_verdict verdict = open_chain(&d, &d.lap, &papers, CF_BRINGER_AUTHOR);
    expect_refused(verdict, CF_OFFER_NEVER, CF_REFUSED_TOO_MANY_CHAINS);
    cr_expect(strstr(verdict.text, "leave"), "%s", verdict.text);
    expect_refused(open_chain(&d, &d.lap, &papers, CF_BRINGER_SELF), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    d.lap.changes = last.changes;
    expect_goes_on(&d, &d.lap);
    cr_expect_eq(open_chain(&d, &d.lap, &invented, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cr_expect_eq(open_chain(&d, &d.desk, &papers, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}

/* The fourth branch of one writer is its fourth head. */
Test(log_heads, counts_each_branch_of_a_fork)
{
    diary d = a_diary_for_few();

    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 1);
    const cf_header fork = d.lap.changes;
    for (int i = 0; i < 4; i++) {
        d.lap.changes = fork;
        write_change(&d.lap, i % 2 ? "odd" : "even", &(cf_hash){{(uint8_t)(i + 1)}}, 1);
        cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW, "branch %d", i);
    }
    const cf_header end_of_branch = d.lap.changes;
    d.lap.changes = fork;
    write_change(&d.lap, "a fifth", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    reopen_for_few(&d);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    d.lap.changes = end_of_branch;
    expect_goes_on(&d, &d.lap);
    commit(&d);
    diary_end(&d);
}

Test(log_heads, bounds_what_a_device_opens_in_all_collections)
{
    diary d = a_diary_for_few();

    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 3);
    open_chains(&d, &d.lap, &invented, CF_BRINGER_AUTHOR, 3);
    expect_refused(open_chain(&d, &d.lap, &(cf_id){"another"}, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    reopen_for_few(&d);
    expect_refused(open_chain(&d, &d.lap, &(cf_id){"another"}, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    diary_end(&d);
}

/* What others bring is bounded by the user's number alone, and may come later. */
Test(log_heads, takes_what_others_bring_up_to_the_users_number)
{
    diary d = a_diary_for_few();

    open_chains(&d, &d.lap, &papers, CF_BRINGER_ANOTHER, 10);
    const cf_header last = d.lap.changes;
    expect_refused(open_chain(&d, &d.lap, &papers, CF_BRINGER_ANOTHER), CF_OFFER_LATER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    expect_refused(open_chain(&d, &d.desk, &papers, CF_BRINGER_AUTHOR), CF_OFFER_LATER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    d.lap.changes = last;
    expect_goes_on(&d, &d.lap);
    commit(&d);
    diary_end(&d);
}

/* It is held already: nothing is opened. */
Test(log_heads, says_have_of_what_it_holds_however_many_there_are)
{
    diary d = a_diary_for_few();

    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 4);
    commit(&d);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_HAVE);
    diary_end(&d);
}

/* An append that fails opens nothing. */
Test(log_heads, forgets_heads_that_were_not_written)
{
    diary d = a_diary_for_few();
    cf_error error;

    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 3);
    commit(&d);
    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 1);
    cf_store_memory_disk_fail(d.disk, CF_FULL);
    expect_fails(d.store->commit(d.store, &error), CF_FULL);
    cf_store_memory_disk_fail(d.disk, CF_OK);
    expect_ok(d.store->reopen(d.store, &error), error);
    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 1);
    expect_refused(open_chain(&d, &d.lap, &papers, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    commit(&d);
    diary_end(&d);
}

/* A log of before there were bounds: it opens, and its chains go on. */
Test(log_heads, opens_and_extends_a_log_that_has_more)
{
    static const cf_head_bounds any = {1000, 1000, 1000, 1000};
    diary d = a_diary();

    found(&d);
    cf_log_bound_heads(d.log, &any);
    open_chains(&d, &d.desk, &papers, CF_BRINGER_AUTHOR, 1);
    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 30);
    reopen_for_few(&d);
    expect_goes_on(&d, &d.lap);
    expect_goes_on(&d, &d.desk);
    expect_refused(open_chain(&d, &d.desk, &papers, CF_BRINGER_ANOTHER), CF_OFFER_LATER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    commit(&d);
    diary_end(&d);
}

/* ---- The member log ---- */

/* What a member has no right to say, in a chain of its own. */
static cf_verdict disobey(diary *d, person *by)
{
    const cf_member home = {
        .kind = CF_MEMBER_HOME, .generation = 1, .address = cf_bytes_of_text("tcp://x")};

    begin_member_chain(by, &d->account.head);
    write_operation(by, &home);
    return offer(d, by, CF_BRINGER_ANOTHER);
}

/* Members' disobedience fills it; that takes no room from their papers, and keeps no owner from
 * shutting them out. */
Test(log_heads, keeps_room_in_the_member_log_for_what_counts)
{
    diary d = a_diary_for_few();
    cf_head before = d.account.head;

    for (size_t i = 0; i < 7; i++) /* the account's is the first */
        cr_assert_eq(disobey(&d, &d.lap).answer, CF_OFFER_NEW, "%zu", i);
    expect_refused(disobey(&d, &d.lap), CF_OFFER_LATER, CF_REFUSED_TOO_MANY_CHAINS);
    open_chains(&d, &d.lap, &papers, CF_BRINGER_AUTHOR, 4);

    begin_member_chain(&d.desk, &before);
    shut_out(&d.desk, &d.lap.id, NULL, 0);
    cr_expect_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cr_expect_not(cf_registry_device(cf_log_registry(d.log), &d.lap.id)->is_valid);
    commit(&d);
    diary_end(&d);
}

/* ---- The real numbers ---- */

Test(log_heads, takes_64_of_a_device_in_a_collection_and_4096_in_all)
{
    diary d = a_diary();

    found(&d);
    for (size_t i = 0; i < CF_HEADS_OF_DEVICE_MAX / CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX; i++) {
        const cf_id collection = {{'c', (uint8_t)i}};

        open_chains(&d, &d.lap, &collection, CF_BRINGER_AUTHOR, 64);
        expect_refused(open_chain(&d, &d.lap, &collection, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                       CF_REFUSED_TOO_MANY_CHAINS);
    }
    expect_refused(open_chain(&d, &d.lap, &invented, CF_BRINGER_AUTHOR), CF_OFFER_NEVER,
                   CF_REFUSED_TOO_MANY_CHAINS);
    cr_expect_eq(open_chain(&d, &d.lap, &invented, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW);
    cr_expect_eq(open_chain(&d, &d.desk, &invented, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}
