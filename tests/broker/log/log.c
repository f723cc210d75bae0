/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/log.h"

#include <stdio.h>
#include <string.h>

#include "broker/log/log_tables.h"
#include "broker/members/registry.h"
#include "codec/message.h"
#include "tests/broker/people/diary.h"

Test(log, takes_entries_that_follow_each_other_before_they_are_committed)
{
    diary d = a_diary();

    found(&d);
    for (int i = 0; i < 5; i++) {
        write_change(&d.lap, "body", NULL, 0);
        cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    }
    learn(&d.desk, &d.lap);
    write_change(&d.desk, "after them", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    cr_expect_eq(d.answer, CF_APPEND_STORED);
    cr_expect_eq(d.position, 9);
    cr_expect_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_HAVE);
    diary_end(&d);
}

Test(log, knows_its_members_when_it_is_opened_again)
{
    diary d = a_diary();

    found(&d);
    diary_reopen(&d);
    cr_expect_eq(cf_registry_device_count(cf_log_registry(d.log)), 3);
    write_change(&d.lap, "body", NULL, 0);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    cr_expect_eq(d.position, 4);
    diary_end(&d);
}

Test(log, waits_for_a_predecessor_and_for_what_an_entry_comes_after)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "lost", NULL, 0);
    write_change(&d.lap, "second", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_LATER, CF_REFUSED_GAP);
    learn(&d.desk, &d.lap);
    write_change(&d.desk, "after the second", NULL, 0);
    expect_refused(offer(&d, &d.desk, CF_BRINGER_ANOTHER), CF_OFFER_LATER, CF_REFUSED_GAP);
    diary_end(&d);
}

Test(log, refuses_a_forged_signature_from_anyone)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "body", NULL, 0);
    cf_bytes body = cf_bytes_of_text("body");
    d.lap.wire.data[d.lap.wire.size - body.size - 1] ^= 1; /* the signature's last byte */
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_FORGED);
    diary_end(&d);
}

Test(log, refuses_who_was_never_let_in)
{
    diary d = a_diary();
    person stranger = a_device(9, &d.account.user);

    found(&d);
    learn(&stranger, &d.account);
    write_change(&stranger, "body", NULL, 0);
    expect_refused(offer(&d, &stranger, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    person_end(&stranger);
    diary_end(&d);
}

/* Sound in all else: it is by a member's device, and goes on nobody's chain. */
Test(log, refuses_what_is_another_users)
{
    diary d = a_diary();

    found(&d);
    d.lap.changes.user = d.lap.id;
    d.lap.changes.writer =
        cf_writer_id(&d.lap.id, &d.lap.id, &papers, d.lap.changes.previous.bytes);
    write_change(&d.lap, "body", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    diary_end(&d);
}

/* It is known here, and had yet to be told. */
Test(log, refuses_an_author_whose_past_does_not_reach_its_adding)
{
    diary d = a_diary();
    cf_head first;

    found(&d);
    first = (cf_head){d.account.members.writer, 1, d.account.epoch};
    cf_heads_release(&d.lap.changes_after);
    cf_heads_insert(&d.lap.changes_after, &first);
    write_change(&d.lap, "too early", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    diary_end(&d);
}

Test(log, refuses_an_epoch_that_the_past_does_not_reach)
{
    diary d = a_diary();

    found(&d);
    d.lap.epoch = d.lap.id;
    write_change(&d.lap, "body", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    diary_end(&d);
}

/* An epoch that the account opens, as a device is shut out, and of which lap hears. */
static cf_hash open_epoch(diary *d)
{
    person pad = a_device(4, &d->account.user);

    learn(&pad, &d->account);
    let_in(&d->account, &pad, CF_ROLE_MEMBER);
    cr_assert_eq(offer(d, &d->account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d->lap, &d->account);
    shut_out(&d->account, &pad.id, NULL, 0);
    cr_assert_eq(offer(d, &d->account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&d->lap, &d->account);
    person_end(&pad);
    return d->account.head.hash;
}

/* Its chain is looked at: the entry itself comes after nothing that says so. */
Test(log, takes_an_epoch_of_which_the_author_heard_earlier_in_its_chain)
{
    diary d = a_diary();

    found(&d);
    const cf_hash opened = open_epoch(&d);
    write_change(&d.lap, "after the opening, under the epoch before", NULL, 0);
    cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    d.lap.epoch = opened;
    write_change(&d.lap, "under the new one", NULL, 0);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_change(&d.lap, "and on", NULL, 0);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}

Test(log, refuses_an_epoch_that_neither_the_entry_nor_its_chain_reaches)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.desk, "heard of nothing", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    d.desk.epoch = open_epoch(&d);
    write_change(&d.desk, "nor yet", NULL, 0);
    expect_refused(offer(&d, &d.desk, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    commit(&d);
    diary_end(&d);
}

/* Of the member log an entry that lets somebody in. */
Test(log, refuses_an_epoch_that_no_entry_opened)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "body", NULL, 0);
    cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    d.lap.epoch = d.account.head.hash;
    write_change(&d.lap, "under an entry that opens none", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_MALFORMED);
    commit(&d);
    diary_end(&d);
}

Test(log, refuses_to_go_on_with_anothers_chain)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "body", NULL, 0);
    cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cf_header stolen = d.lap.changes;
    stolen.device = d.desk.id;
    d.desk.changes = stolen;
    write_change(&d.desk, "in the name of the lap", NULL, 0);
    expect_refused(offer(&d, &d.desk, CF_BRINGER_ANOTHER), CF_OFFER_NEVER, CF_REFUSED_FORGED);
    commit(&d);
    diary_end(&d);
}

/* What its readers hold of the one collection would count for another. */
Test(log, refuses_a_chain_that_goes_on_in_another_collection)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "body", NULL, 0);
    cr_assert_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    d.lap.changes.collection.bytes[0] ^= 1;
    write_change(&d.lap, "elsewhere", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_FORGED);
    commit(&d);
    diary_end(&d);
}

/* A reader's entry: its own device is refused, others may bring it, and it counts for nothing. */
Test(log, takes_void_entries_from_others_only)
{
    diary d = a_diary();
    person pad = a_device(4, &d.account.user);

    found(&d);
    learn(&pad, &d.account);
    let_in(&d.account, &pad, CF_ROLE_READER);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    learn(&pad, &d.account);
    write_change(&pad, "not allowed", NULL, 0);
    expect_refused(offer(&d, &pad, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_ROLE);
    cf_verdict verdict = offer(&d, &pad, CF_BRINGER_ANOTHER);
    cr_expect_eq(verdict.answer, CF_OFFER_NEW);
    cr_expect(verdict.is_void);
    commit(&d);
    person_end(&pad);
    diary_end(&d);
}

Test(log, refuses_a_revoked_author_and_takes_its_entries_from_others)
{
    diary d = a_diary();

    found(&d);
    shut_out(&d.account, &d.lap.id, NULL, 0);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_change(&d.lap, "after", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_VOID);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_SELF), CF_OFFER_NEVER, CF_REFUSED_VOID);
    cf_verdict verdict = offer(&d, &d.lap, CF_BRINGER_ANOTHER);
    cr_expect_eq(verdict.answer, CF_OFFER_NEW);
    cr_expect(verdict.is_void);
    commit(&d);
    diary_end(&d);
}

/* Its name says that it counts: the author itself may still bring it. */
Test(log, takes_what_a_revocation_names_and_is_not_here_yet)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.lap, "named", NULL, 0);
    shut_out(&d.account, &d.lap.id, &d.lap.head, 1);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cf_verdict verdict = offer(&d, &d.lap, CF_BRINGER_AUTHOR);
    cr_expect_eq(verdict.answer, CF_OFFER_NEW, "%s", verdict.text);
    cr_expect(!verdict.is_void);
    write_change(&d.lap, "not named", NULL, 0);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_NEVER, CF_REFUSED_VOID);
    commit(&d);
    diary_end(&d);
}

static void expect_standing(diary *d, const person *author, bool is_void, bool is_owners)
{
    cf_arena arena = {0};
    cf_entry entry;
    bool found_void, found_owners;
    cf_error error;

    expect_ok(cf_entry_read(cf_buffer_view(&author->wire), &arena, &entry, &error), error);
    expect_ok(cf_log_is_void(d->log, &entry, &found_void, &error), error);
    expect_ok(cf_log_is_owners(d->log, &entry, &found_owners, &error), error);
    cr_expect_eq(found_void, is_void, "entry %lu", (unsigned long)entry.header.sequence);
    cr_expect_eq(found_owners, is_owners, "entry %lu", (unsigned long)entry.header.sequence);
    cf_arena_release(&arena);
}

/* What a member may do counts all the same; what only an owner may does where it is named. */
Test(log, leaves_to_an_owner_that_became_a_member_what_its_change_of_role_names)
{
    diary d = a_diary();

    found(&d);
    write_change(&d.desk, "named", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    write_operation(&d.account, &(cf_member){.kind = CF_MEMBER_ROLE,
                                             .device = d.desk.id,
                                             .role = CF_ROLE_MEMBER,
                                             .heads = &d.desk.head,
                                             .head_count = 1});
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    expect_standing(&d, &d.desk, false, true);

    write_change(&d.desk, "before it heard of that", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    expect_standing(&d, &d.desk, false, false);

    learn(&d.desk, &d.account);
    write_change(&d.desk, "as a member", NULL, 0);
    cr_assert_eq(offer(&d, &d.desk, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    commit(&d);
    expect_standing(&d, &d.desk, false, false);
    diary_end(&d);
}

Test(log, asks_the_author_for_blobs_and_others_not)
{
    static const cf_hash blob = {"a blob"};
    diary d = a_diary();

    found(&d);
    d.has_blobs = false;
    write_change(&d.lap, "body", &blob, 1);
    expect_refused(offer(&d, &d.lap, CF_BRINGER_AUTHOR), CF_OFFER_LATER, CF_REFUSED_BLOBS);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_ANOTHER).answer, CF_OFFER_NEW);
    commit(&d);
    diary_end(&d);
}

static bool count_wanted(void *context, const cf_hash *blob)
{
    (void)blob;
    ++*(int *)context;
    return true;
}

Test(log, remembers_what_an_entry_lacks_until_it_is_stored)
{
    static const cf_hash blob = {"a blob"};
    diary d = a_diary();
    cf_error error;
    int wanted = 0;

    found(&d);
    d.has_blobs = false;
    write_change(&d.lap, "body", &blob, 1);
    cr_expect_eq(offer_without(&d, &d.lap, CF_BRINGER_AUTHOR, &blob).answer, CF_OFFER_NEW);
    commit(&d);
    expect_ok(cf_log_wanted(d.log, count_wanted, &wanted, &error), error);
    cr_expect_eq(wanted, 1);
    wanted = 0;
    expect_ok(cf_log_stored(d.log, &blob, &error), error);
    commit(&d);
    expect_ok(cf_log_wanted(d.log, count_wanted, &wanted, &error), error);
    cr_expect_eq(wanted, 0);
    diary_end(&d);
}

/* What was let in by an entry that could not be written is a stranger again. */
Test(log, forgets_members_that_were_not_written)
{
    diary d = a_diary();
    person pad = a_device(4, &d.account.user);
    cf_error error;

    found(&d);
    let_in(&d.account, &pad, CF_ROLE_MEMBER);
    cr_assert_eq(offer(&d, &d.account, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cr_assert_not_null(cf_registry_device(cf_log_registry(d.log), &pad.id));
    cf_store_memory_disk_fail(d.disk, CF_FULL);
    expect_fails(d.store->commit(d.store, &error), CF_FULL);
    cr_expect_eq(d.answer, CF_APPEND_FAILED);
    cf_store_memory_disk_fail(d.disk, CF_OK);
    expect_ok(d.store->reopen(d.store, &error), error);

    write_change(&d.lap, "body", NULL, 0);
    cr_expect_eq(offer(&d, &d.lap, CF_BRINGER_AUTHOR).answer, CF_OFFER_NEW);
    cr_expect_null(cf_registry_device(cf_log_registry(d.log), &pad.id));
    commit(&d);
    cr_expect_eq(d.answer, CF_APPEND_STORED);
    person_end(&pad);
    diary_end(&d);
}

/* ---- Of which members can't be read ---- */

enum { MEMBERS = 3 };

static void put_record(const diary *d, cf_bytes key, cf_bytes value)
{
    const cf_kv record = {key, value};
    cf_error error;

    expect_ok(d->store->write(d->store, &d->account.user, &record, 1, true, &error), error);
}

static cf_bytes member_key(uint64_t ordinal, uint8_t key[CF_LOG_KEY_MAX])
{
    uint8_t number[8];

    cf_put_u64(number, ordinal);
    return cf_log_record_key(CF_LOG_REGISTRY, number, sizeof number, key);
}

static void close_and_open(diary *d, cf_status expected, const char *text)
{
    cf_error error = {0};

    cf_log_destroy(&d->log);
    const cf_status status = cf_log_open(d->store, &d->account.user, NULL, &d->log, &error);
    cr_assert_eq(status, expected, "%s", error.text);
    cr_expect(!text || strstr(error.text, text), "%s", error.text);
}

/* Else a revocation that can't be read would be none. */
Test(log, is_not_opened_with_a_member_entry_that_is_damaged)
{
    for (uint64_t damaged = 0; damaged < MEMBERS; damaged++) {
        diary d = a_diary();
        cf_buffer whole = {0};
        uint8_t bytes[CF_LOG_KEY_MAX];
        char text[64];
        cf_error error;

        found(&d);
        const cf_bytes key = member_key(damaged, bytes);
        expect_ok(d.store->get(d.store, &d.account.user, key, &whole, &error), error);
        snprintf(text, sizeof text, "entry %d of the member log is damaged: ", (int)damaged + 1);
        put_record(&d, key, cf_bytes_of(whole.data, whole.size / 2));
        close_and_open(&d, CF_BROKEN, text);
        put_record(&d, key, cf_buffer_view(&whole));
        close_and_open(&d, CF_OK, NULL);
        cr_expect_eq(cf_registry_device_count(cf_log_registry(d.log)), MEMBERS);
        cf_buffer_release(&whole);
        diary_end(&d);
    }
}

/* As it was: its next entry is not judged without a member that can't be read. */
Test(log, is_not_read_anew_with_a_member_entry_that_is_damaged)
{
    diary d = a_diary();
    uint8_t key[CF_LOG_KEY_MAX];
    const cf_offer by_author = {.bringer = CF_BRINGER_AUTHOR};
    cf_arena arena = {0};
    cf_verdict verdict;
    cf_entry entry;
    cf_error error;

    found(&d);
    write_change(&d.lap, "body", NULL, 0);
    offer(&d, &d.lap, CF_BRINGER_AUTHOR);
    cf_store_memory_disk_fail(d.disk, CF_IO);
    expect_fails(d.store->commit(d.store, &error), CF_IO);
    cf_store_memory_disk_fail(d.disk, CF_OK);
    expect_ok(d.store->reopen(d.store, &error), error);
    put_record(&d, member_key(1, key), cf_bytes_of_text("?"));
    expect_ok(cf_entry_read(cf_buffer_view(&d.lap.wire), &arena, &entry, &error), error);
    expect_fails(cf_log_check(d.log, &entry, &by_author, &verdict, &error), CF_BROKEN);
    cr_expect_eq(cf_registry_device_count(cf_log_registry(d.log)), MEMBERS);
    cf_arena_release(&arena);
    diary_end(&d);
}

/* What a peer keeps of a source under the letter of the members ('r': CF_TABLE_REFUSED of
 * peer/log/tables.h) has a key of five bytes. */
Test(log, leaves_aside_what_its_keeper_has_under_the_letter_of_its_members)
{
    static const uint8_t refused[] = {CF_LOG_REGISTRY, 0, 0, 0, 7};
    diary d = a_diary();

    found(&d);
    put_record(&d, cf_bytes_of(refused, sizeof refused), cf_bytes_of_text("rows, and why"));
    close_and_open(&d, CF_OK, NULL);
    cr_expect_eq(cf_registry_device_count(cf_log_registry(d.log)), MEMBERS);
    diary_end(&d);
}

Test(log, tells_which_members_can_be_read_where_others_are_damaged)
{
    diary d = a_diary();
    uint8_t key[CF_LOG_KEY_MAX];
    cf_registry *registry = NULL;
    size_t damaged = 0;
    cf_error error;

    found(&d);
    put_record(&d, member_key(2, key), cf_bytes_of_text("?"));
    expect_ok(cf_log_members(d.store, &d.account.user, &registry, &damaged, &error), error);
    cr_expect_eq(damaged, 1);
    cr_expect_eq(cf_registry_device_count(registry), MEMBERS - 1);
    cf_registry_destroy(&registry);
    diary_end(&d);
}
