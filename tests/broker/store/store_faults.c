/* SPDX-License-Identifier: Apache-2.0 */
/* What stores do when a commit fails, and what the store's thread does beyond a store. */
#include "tests/broker/store/store_fixture.h"

#include <criterion/parameterized.h>
#include <poll.h>
#include <time.h>

#define EVERY_MEMORY_STORE(name)                                                                   \
    ParameterizedTestParameters(store_faults, name)                                                \
    {                                                                                              \
        static store_kind kinds[] = {STORE_IN_MEMORY, STORE_ACTOR_OF_MEMORY};                      \
        return cr_make_param_array(store_kind, kinds, 2);                                          \
    }                                                                                              \
    ParameterizedTest(store_kind *kind, store_faults, name)

static cf_status commit(stage *it)
{
    cf_error error;

    return it->store->commit(it->store, &error);
}

EVERY_MEMORY_STORE(says_which_appends_failed_and_goes_on_after_reopen)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};
    uint64_t epoch;

    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    cf_store_memory_disk_fail(it.disk, CF_FULL);
    stage_append(&it, &ann, &wire);
    expect_fails(commit(&it), CF_FULL);
    cr_assert_eq(it.answer, CF_APPEND_FAILED);
    cr_assert_eq(it.error.status, CF_FULL);
    cr_assert_eq(it.answered, 2);

    cf_store_memory_disk_fail(it.disk, CF_OK); /* well again, but what failed is not retried */
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_fails(commit(&it), CF_FULL);
    cr_assert_eq(it.answer, CF_APPEND_FAILED);
    expect_fails(it.store->acquire(it.store, &ann_user, &epoch, &it.error), CF_FULL);
    expect_positions(&it, &ann_user, 1, 1);

    expect_ok(it.store->reopen(it.store, &it.error), it.error);
    stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
    expect_commit(&it);
    cr_assert_eq(it.answer, CF_APPEND_STORED);
    cr_assert_eq(it.position, 2);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_MEMORY_STORE(takes_appends_after_a_write_for_which_there_was_no_room)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    uint64_t epoch;

    cf_store_memory_disk_fail(it.disk, CF_FULL);
    expect_fails(it.store->write(it.store, &ann_user, NULL, 0, false, &it.error), CF_FULL);
    expect_fails(it.store->acquire(it.store, &ann_user, &epoch, &it.error), CF_FULL);
    cf_store_memory_disk_fail(it.disk, CF_OK);
    expect_append(&it, &ann, CF_APPEND_STORED, 1);
    stage_end(&it);
}

EVERY_MEMORY_STORE(does_not_reopen_while_the_disk_fails)
{
    stage it = a_stage(*kind);
    author ann = an_author(1);
    cf_buffer wire = {0};

    expect_ok(it.store->reopen(it.store, &it.error), it.error); /* nothing to do */
    cf_store_memory_disk_fail(it.disk, CF_BROKEN);
    stage_append(&it, &ann, &wire);
    expect_fails(commit(&it), CF_BROKEN);
    expect_fails(it.store->reopen(it.store, &it.error), CF_BROKEN);
    cf_buffer_release(&wire);
    stage_end(&it);
}

EVERY_MEMORY_STORE(forgets_unsynced_records_in_a_crash)
{
    stage it = a_stage(*kind);

    stage_write(&it, &ann_user, "a", "durable", true);
    if (!it.actor) { /* that one commits after each round */
        stage_write(&it, &ann_user, "a", "once", false);
        stage_write(&it, &ann_user, "a", NULL, false);
        stage_write(&it, &ann_user, "b", "new", false);
        cf_store_destroy(&it.store);
        it.store = cf_store_memory_new(it.disk);
    }
    expect_record(&it, &ann_user, "a", "durable");
    expect_record(&it, &ann_user, "b", NULL);
    stage_end(&it);
}

Test(store_actor, answers_when_its_descriptor_says_so)
{
    stage it = a_stage(STORE_ACTOR_OF_ROCKSDB);
    author ann = an_author(1);
    cf_buffer wire = {0};
    struct pollfd readable = {.fd = cf_store_actor_descriptor(it.actor), .events = POLLIN};

    cr_assert_eq(poll(&readable, 1, 0), 0);
    for (int i = 0; i < 50; i++)
        stage_append(&it, &ann, &wire);
    cr_assert_eq(it.answered, 0); /* only deliver answers */
    while (it.answered < 50) {
        cr_assert_eq(poll(&readable, 1, 10000), 1);
        cf_store_actor_deliver(it.actor);
        cr_assert_eq(it.answer, CF_APPEND_STORED);
    }
    cr_assert_eq(it.position, 50);
    cr_assert_eq(poll(&readable, 1, 0), 0);
    expect_positions(&it, &ann_user, 1, 50);
    cf_buffer_release(&wire);
    stage_end(&it);
}

Test(store_actor, commits_what_was_appended_before_it_ends)
{
    stage it = a_stage(STORE_ACTOR_OF_ROCKSDB);
    author ann = an_author(1);
    cf_buffer wire = {0};

    for (int i = 0; i < 50; i++)
        stage_append(&it, &ann, &wire);
    stage_crash(&it); /* without delivering */
    expect_positions(&it, &ann_user, 1, 50);
    cf_buffer_release(&wire);
    stage_end(&it);
}

Test(store_actor, opens_a_store_that_failed_again_by_itself)
{
    stage it = a_stage(STORE_ACTOR_OF_MEMORY);
    author ann = an_author(1);
    cf_buffer wire = {0};
    time_t begin = time(NULL);

    cf_store_memory_disk_fail(it.disk, CF_FULL);
    stage_append(&it, &ann, &wire);
    expect_fails(commit(&it), CF_FULL);
    cf_store_memory_disk_fail(it.disk, CF_OK);
    while (it.answer != CF_APPEND_STORED) {
        cr_assert(time(NULL) - begin < 120);
        stage_append_wire(&it, &ann_user, it.epoch, cf_buffer_view(&wire));
        poll(NULL, 0, 20);
        cf_store_actor_deliver(it.actor);
    }
    cf_buffer_release(&wire);
    stage_end(&it);
}
