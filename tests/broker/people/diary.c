/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/people/diary.h"

static bool stored(void *context, const cf_hash *user, const cf_hash *blob)
{
    (void)user;
    (void)blob;
    return ((diary *)context)->has_blobs;
}

static void appended(void *context, cf_append_answer answer, uint64_t position,
                     const cf_error *error)
{
    diary *d = context;

    (void)error;
    d->answer = answer;
    d->position = position;
}

cf_verdict offer_without(diary *d, const person *author, cf_bringer bringer, const cf_hash *without)
{
    cf_offer offer = {.bringer = bringer,
                      .stored = stored,
                      .context = d,
                      .without = without,
                      .without_count = without ? 1 : 0};
    cf_error error;
    cf_arena arena = {0};
    cf_entry entry;
    cf_verdict verdict;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    expect_ok(cf_log_check(d->log, &entry, &offer, &verdict, &error), error);
    if (verdict.answer == CF_OFFER_NEW)
        cf_log_append(d->log, &entry, &offer, NULL, 0, appended, d);
    cf_arena_release(&arena);
    return verdict;
}

cf_verdict offer(diary *d, const person *author, cf_bringer bringer)
{
    return offer_without(d, author, bringer, NULL);
}

void commit(diary *d)
{
    cf_error error;

    expect_ok(d->store->commit(d->store, &error), error);
}

diary a_diary(void)
{
    diary d = {.account = an_account(1), .has_blobs = true};
    static const uint8_t instance[16] = "a store";
    cf_error error;

    d.desk = a_device(2, &d.account.user);
    d.lap = a_device(3, &d.account.user);
    d.disk = cf_store_memory_disk_new(instance);
    d.store = cf_store_memory_new(d.disk);
    expect_ok(cf_log_open(d.store, &d.account.user, NULL, &d.log, &error), error);
    return d;
}

void found(diary *d)
{
    first_entry(&d->account);
    cr_assert_eq(offer(d, &d->account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d->desk, &d->account);
    learn(&d->lap, &d->account);
    let_in(&d->account, &d->desk, CF_ROLE_OWNER);
    cr_assert_eq(offer(d, &d->account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d->desk, &d->account);
    learn(&d->lap, &d->account);
    let_in(&d->account, &d->lap, CF_ROLE_MEMBER);
    cr_assert_eq(offer(d, &d->account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d->desk, &d->account);
    learn(&d->lap, &d->account);
    commit(d);
    cr_assert_eq(d->position, 3);
}

void diary_reopen(diary *d)
{
    cf_error error;

    cf_log_destroy(&d->log);
    cf_store_destroy(&d->store);
    d->store = cf_store_memory_new(d->disk);
    expect_ok(cf_log_open(d->store, &d->account.user, NULL, &d->log, &error), error);
}

void diary_end(diary *d)
{
    cf_log_destroy(&d->log);
    cf_store_destroy(&d->store);
    cf_store_memory_disk_destroy(&d->disk);
    person_end(&d->account);
    person_end(&d->desk);
    person_end(&d->lap);
}

void expect_refused(cf_verdict verdict, cf_offer_answer answer, const char *code)
{
    cr_expect_eq(verdict.answer, answer, "%s", verdict.text);
    cr_assert_not_null(verdict.code);
    cr_expect_str_eq(verdict.code, code, "%s", verdict.text);
}
