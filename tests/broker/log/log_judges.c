/* SPDX-License-Identifier: Apache-2.0 */
/* What a log says of entries where several reasons meet, and where the store can't be read. */
#include "broker/log/log.h"

#include <sodium.h>

#include "codec/bulk.h"
#include "codec/message.h"
#include "tests/broker/people/diary.h"

/* ---- A store that fails at one of its calls ---- */

static cf_store whole;
static size_t calls, failing;

static bool fails(void)
{
    return calls++ == failing;
}

static cf_status find(cf_store *store, const cf_hash *user, const cf_head *entry,
                      uint64_t *position, cf_error *error)
{
    return fails() ? cf_fail(error, CF_IO, "a damaged disk")
                   : whole.find(store, user, entry, position, error);
}

static cf_status read_entries(cf_store *store, const cf_hash *user, uint64_t position,
                              cf_entry_visit *visit, void *context, cf_error *error)
{
    return fails() ? cf_fail(error, CF_IO, "a damaged disk")
                   : whole.read(store, user, position, visit, context, error);
}

static cf_status get(cf_store *store, const cf_hash *user, cf_bytes key, cf_buffer *value,
                     cf_error *error)
{
    return fails() ? cf_fail(error, CF_IO, "a damaged disk")
                   : whole.get(store, user, key, value, error);
}

static cf_status judge(diary *d, const person *author, cf_bringer bringer, cf_verdict *verdict,
                       cf_error *error)
{
    const cf_offer offer = {.bringer = bringer};
    cf_arena arena = {0};
    cf_entry entry;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, error), *error);
    cf_status status = cf_log_check(d->log, &entry, &offer, verdict, error);
    cf_arena_release(&arena);
    return status;
}

/* The author's last entry is new; each call of the store by which that is found fails once. */
static void expect_told_of_each_failure(diary *d, const person *author)
{
    cf_status status = CF_IO;
    cf_verdict verdict;
    cf_error error;

    for (failing = 0; status; failing++) {
        diary_reopen(d);
        whole = *d->store;
        d->store->find = find;
        d->store->read = read_entries;
        d->store->get = get;
        calls = 0;
        status = judge(d, author, CF_BRINGER_ANOTHER, &verdict, &error);
        cr_expect_eq(status, calls > failing ? CF_IO : CF_OK, "call %zu of %zu", failing, calls);
    }
    cr_expect_eq(verdict.answer, CF_OFFER_NEW);
    cr_expect_gt(failing, 1, "nothing was read");
    failing = SIZE_MAX;
}

Test(log_judges, nothing_where_the_store_cannot_be_read)
{
    diary d = a_diary();

    found(&d);
    begin_chain(&d.desk, &papers, &d.account.head);
    write_change(&d.desk, "the first of its chain", NULL, 0);
    expect_told_of_each_failure(&d, &d.desk);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW);
    commit(&d);
    write_change(&d.desk, "and on", NULL, 0);
    expect_told_of_each_failure(&d, &d.desk);
    diary_end(&d);
}

/* By its own chain, since the entry doesn't say so. */
Test(log_judges, nothing_where_it_cannot_be_read_what_an_author_knew)
{
    diary d = a_diary();

    found(&d);
    write_operation(
        &d.account,
        &(cf_member){.kind = CF_MEMBER_ROLE, .device = d.desk.id, .role = CF_ROLE_MEMBER});
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d.desk, &d.account);
    write_change(&d.desk, "as a member", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    write_change(&d.desk, "and on", NULL, 0);
    expect_told_of_each_failure(&d, &d.desk);
    diary_end(&d);
}

/* ---- Entries of a later version ---- */

/* The author's last entry, which then says that it is of version 2, signed as that. */
static void make_later(person *author)
{
    cf_arena arena = {0};
    cf_buffer message = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    const size_t size = entry.header_wire.size;
    cr_assert_eq(author->wire.data[1], 1);
    author->wire.data[1] = 2;
    cf_domain_append(&message, "entry");
    cf_buffer_append(&message, author->wire.data, size);
    crypto_sign_detached(author->wire.data + size, NULL, message.data, message.size,
                         cf_keys_signing_secret(author->keys));
    cf_buffer_release(&message);
    cf_arena_release(&arena);
}

/* Which epoch that has, and whether a past reaches it, nobody here knows. */
Test(log_judges, no_epoch_of_a_later_version)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "of this one", NULL, 0);
    cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_change(&d.lap, "of a later one", NULL, 0);
    make_later(&d.lap);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}

/* Nor what a member may do by then: lap is no owner. */
Test(log_judges, no_operation_of_a_later_version)
{
    diary d = a_diary();
    const cf_member epoch = {.kind = CF_MEMBER_REVOKE, .device = d.desk.id, .opens = true};

    found(&d);
    write_operation(&d.lap, &epoch);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_ROLE);
    make_later(&d.lap);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}

/* ---- Several reasons ---- */

Test(log_judges, a_reader_that_was_revoked_as_revoked)
{
    diary d = a_diary();
    person pad = a_device(4, &d.account.user);

    found(&d);
    learn(&pad, &d.account);
    let_in(&d.account, &pad, CF_ROLE_READER);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&pad, &d.account);
    shut_out(&d.account, &pad.id, NULL, 0);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_change(&pad, "neither", NULL, 0);
    expect_refused(offer(&d, &pad, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_VOID);
    commit(&d);
    person_end(&pad);
    diary_end(&d);
}

/* By what ended its entries first. */
Test(log_judges, a_device_that_was_revoked_after_it_became_a_reader_by_its_role)
{
    diary d = a_diary();

    found(&d);
    write_operation(
        &d.account,
        &(cf_member){.kind = CF_MEMBER_ROLE, .device = d.lap.id, .role = CF_ROLE_READER});
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    shut_out(&d.account, &d.lap.id, NULL, 0);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_change(&d.lap, "neither", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_ROLE);
    commit(&d);
    diary_end(&d);
}

Test(log_judges, blobs_as_not_missing_where_none_are_kept)
{
    static const cf_hash blob = {"a blob"};
    diary d = a_diary();
    cf_verdict verdict;
    cf_error error;

    found(&d);
    write_change(&d.lap, "body", &blob, 1);
    expect_ok(judge(&d, &d.lap, CF_BRINGER_AUTHOR, &verdict, &error), error);
    cr_expect_eq(verdict.answer, CF_OFFER_NEW);
    diary_end(&d);
}
