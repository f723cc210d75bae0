/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/acknowledged.h"

#include "tests/support/expect.h"
#include "tests/support/heads_of.h"

static const uint8_t instance[16] = {1}, other_instance[16] = {2};
static const cf_hash user = {.bytes = {9}};

static cf_head head(uint8_t writer, uint64_t sequence, uint8_t hash)
{
    return (cf_head){.writer.bytes = {writer}, .sequence = sequence, .hash.bytes = {hash}};
}

static uint64_t lacking(cf_head acknowledged, cf_head shown)
{
    cf_heads before = heads_of_all(&acknowledged, 1), now = heads_of_all(&shown, 1);
    uint64_t count = cf_heads_lacking(&before, &now);

    cf_heads_release(&before);
    cf_heads_release(&now);
    return count;
}

Test(acknowledged, counts_what_is_not_shown_any_more)
{
    cr_expect_eq(lacking(head(1, 5, 5), head(1, 5, 5)), 0);
    cr_expect_eq(lacking(head(1, 5, 5), head(1, 9, 9)), 0);
    cr_expect_eq(lacking(head(1, 5, 5), head(1, 2, 2)), 3);
    cr_expect_eq(lacking(head(1, 5, 5), head(2, 5, 5)), 5, "all of a writer");
    cr_expect_eq(lacking(head(1, 5, 5), head(1, 5, 6)), 1, "another branch of the same length");
}

static uint64_t greet(cf_acknowledged *self, cf_store *store, const uint8_t of[16], cf_head shown)
{
    cf_heads heads = heads_of_all(&shown, 1);
    uint64_t count = 99;
    cf_error error;

    expect_ok(cf_acknowledged_greet(self, store, &user,
                                    &(cf_shown_heads){.instance = of, .heads = &heads}, &count,
                                    &error),
              error);
    cf_heads_release(&heads);
    return count;
}

static void add(cf_acknowledged *self, cf_head head, uint8_t previous)
{
    cf_entry entry = {
        .hash = head.hash,
        .header = {.writer = head.writer, .sequence = head.sequence, .previous.bytes = {previous}}};

    cf_acknowledged_add(self, &entry);
}

Test(acknowledged, tells_once_what_a_broker_lost_and_remembers_over_a_restart)
{
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_store *store = cf_store_memory_new(disk);
    cf_acknowledged self = {0};
    cf_error error;
    uint64_t epoch;

    expect_ok(store->acquire(store, &user, &epoch, &error), error);
    cr_expect_eq(greet(&self, store, instance, head(1, 3, 3)), 0, "nothing is known of it");
    add(&self, head(1, 2, 2), 1); /* of the past, sent to a newcomer */
    add(&self, head(1, 4, 4), 3);
    add(&self, head(1, 5, 5), 4);
    cr_expect_eq(self.heads.count, 1);
    expect_ok(cf_acknowledged_save(&self, store, &user, &error), error);
    cf_acknowledged_release(&self);
    cr_expect_eq(greet(&self, store, other_instance, head(1, 1, 1)), 0, "another broker");
    cr_expect_eq(greet(&self, store, instance, head(1, 3, 3)), 2);
    cr_expect_eq(greet(&self, store, instance, head(1, 3, 3)), 0, "told already");
    add(&self, head(1, 4, 4), 3);
    cr_expect_eq(greet(&self, store, instance, head(1, 3, 3)), 1, "and again");
    cf_acknowledged_release(&self);
    cf_store_destroy(&store);
    cf_store_memory_disk_destroy(&disk);
}

/* Writers 2 and 3 write where the session is told of nothing. */
static bool is_told(void *context, const cf_head *head)
{
    (void)context;
    return head->writer.bytes[0] != 2 && head->writer.bytes[0] != 3;
}

/* Of what a confined session isn't told nothing lacks, and it is not forgotten. */
Test(acknowledged, counts_nothing_of_which_a_session_is_not_told)
{
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_store *store = cf_store_memory_new(disk);
    cf_acknowledged self = {0};
    cf_error error;
    uint64_t epoch, count;

    expect_ok(store->acquire(store, &user, &epoch, &error), error);
    const cf_head all[] = {head(1, 3, 3), head(2, 4, 4), head(3, 5, 5), head(4, 6, 6)};
    cf_heads shown = heads_of_all(all, 4), of_one = heads_of_all(all, 1);
    expect_ok(cf_acknowledged_greet(&self, store, &user,
                                    &(cf_shown_heads){.instance = instance, .heads = &shown},
                                    &count, &error),
              error);
    const cf_shown_heads confined = {instance, &of_one, is_told, NULL};
    expect_ok(cf_acknowledged_greet(&self, store, &user, &confined, &count, &error), error);
    cr_expect_eq(count, 6, "of writer 4");
    cr_expect_eq(self.heads.count, 3);
    expect_ok(cf_acknowledged_greet(&self, store, &user,
                                    &(cf_shown_heads){.instance = instance, .heads = &of_one},
                                    &count, &error),
              error);
    cr_expect_eq(count, 9, "of writers 2 and 3, once it is told of all");
    cf_heads_release(&shown);
    cf_heads_release(&of_one);
    cf_acknowledged_release(&self);
    cf_store_destroy(&store);
    cf_store_memory_disk_destroy(&disk);
}

Test(acknowledged, recalls_the_last_time_for_people)
{
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_store *store = cf_store_memory_new(disk);
    cf_arena arena = {0};
    cf_rollback rollback;
    cf_error error;
    uint64_t epoch;

    expect_ok(store->acquire(store, &user, &epoch, &error), error);
    expect_fails(cf_rollback_recall(store, &user, &arena, &rollback, &error), CF_MISSING);
    expect_ok(cf_rollback_keep(store, &user, &(cf_rollback){7, 3, "tcp://here:1"}, &error), error);
    expect_ok(cf_rollback_recall(store, &user, &arena, &rollback, &error), error);
    cr_expect_eq(rollback.time_ms, 7);
    cr_expect_eq(rollback.lacking, 3);
    cr_expect_str_eq(rollback.broker, "tcp://here:1");
    cf_arena_release(&arena);
    cf_store_destroy(&store);
    cf_store_memory_disk_destroy(&disk);
}

static uint64_t fewer(cf_store *store, const uint8_t of[16], uint64_t position)
{
    uint64_t found = 99;
    cf_error error;

    expect_ok(cf_acknowledged_extent(store, &user, &(cf_log_extent){of, position}, &found, &error),
              error);
    return found;
}

/* 10, then 7: three are gone, and that is said once; another broker's log begins anew. */
Test(acknowledged, counts_how_many_entries_there_were_more)
{
    cf_store_memory_disk *disk = cf_store_memory_disk_new(instance);
    cf_store *store = cf_store_memory_new(disk);
    cf_error error;
    uint64_t epoch;

    expect_ok(store->acquire(store, &user, &epoch, &error), error);
    cr_expect_eq(fewer(store, instance, 10), 0);
    cr_expect_eq(fewer(store, instance, 10), 0);
    cr_expect_eq(fewer(store, instance, 7), 3);
    cr_expect_eq(fewer(store, instance, 7), 0);
    cr_expect_eq(fewer(store, instance, 8), 0);
    cr_expect_eq(fewer(store, other_instance, 2), 0);
    cr_expect_eq(fewer(store, other_instance, 1), 1);
    cf_store_destroy(&store);
    cf_store_memory_disk_destroy(&disk);
}
