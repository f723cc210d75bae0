/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/log/head_counts.h"

#include <criterion/criterion.h>

#include "codec/bytes.h"
#include "codec/limits.h"

static uint64_t stretches; /* of the counts' code that were run */

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

/* An entry that is the first of its chain, of the n-th device. */
static cf_entry an_entry(uint8_t device, uint64_t number, const cf_id *collection)
{
    cf_entry entry = {.header = {.sequence = 1, .collection = *collection}};

    entry.header.user.bytes[0] = 0xff;
    entry.header.device.bytes[31] = device;
    cf_put_u64(entry.hash.bytes, number * UINT64_C(0x9e3779b97f4a7c15));
    entry.hash.bytes[31] = device;
    return entry;
}

static cf_head_room room_of(const cf_head_counts *counts, const cf_entry *entry, bool by_author)
{
    return cf_head_counts_room(counts, &cf_head_bounds_default, entry,
                               (cf_head_claim){.is_by_author = by_author, .is_void = true});
}

/* Sixteen devices, eight of them with all that they may have, fill the user's number. */
Test(head_counts, takes_32768_heads_of_a_user_and_no_more)
{
    cf_head_counts *counts = cf_head_counts_new();
    cf_entry entry;
    uint64_t number = 0;

    for (uint8_t device = 0; device < 8; device++)
        for (uint64_t i = 0; i < CF_HEADS_OF_DEVICE_MAX; i++) {
            const cf_id collection = {{'c', (uint8_t)(i % 64)}};

            entry = an_entry(device, ++number, &collection);
            cr_assert_eq(room_of(counts, &entry, true), CF_HEAD_ROOM);
            cf_head_counts_take(counts, &entry);
        }
    cr_expect_eq(number, 32768);
    entry = an_entry(9, ++number, &(cf_id){"new"});
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM_NOT_OF_USER);
    cr_expect_eq(room_of(counts, &entry, false), CF_HEAD_ROOM_NOT_OF_USER);
    entry = an_entry(3, ++number, &(cf_id){"new"});
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM_NOT_OF_DEVICE);
    entry = an_entry(3, ++number, &(cf_id){"c"});
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM_NOT_IN_COLLECTION);
    entry = an_entry(9, ++number, &cf_member_log_id);
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM, "the member log has its own");
    cf_head_counts_destroy(&counts);
}

Test(head_counts, takes_4096_void_heads_in_the_member_log_and_as_many_that_count)
{
    cf_head_counts *counts = cf_head_counts_new();
    cf_entry entry;

    for (uint64_t i = 0; i < 2 * CF_HEADS_OF_MEMBER_LOG_MAX; i++) {
        entry = an_entry(1, i + 1, &cf_member_log_id);
        cr_assert_eq(room_of(counts, &entry, false),
                     i < 4096 ? CF_HEAD_ROOM : CF_HEAD_ROOM_NOT_OF_USER, "%lu", (unsigned long)i);
        cr_assert_eq(cf_head_counts_room(counts, &cf_head_bounds_default, &entry,
                                         (cf_head_claim){.is_by_author = false}),
                     CF_HEAD_ROOM);
        cf_head_counts_take(counts, &entry);
    }
    entry = an_entry(2, 8193, &cf_member_log_id);
    cr_expect_eq(cf_head_counts_room(counts, &cf_head_bounds_default, &entry,
                                     (cf_head_claim){.is_by_author = true}),
                 CF_HEAD_ROOM_NOT_OF_USER);
    entry = an_entry(2, 8194, &(cf_id){"papers"});
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM);
    cf_head_counts_destroy(&counts);
}

/* The account signs with a chain of its own each time its phrase is used. */
Test(head_counts, binds_the_account_to_no_number_of_a_device_in_the_member_log)
{
    cf_head_counts *counts = cf_head_counts_new();
    cf_entry entry = {0};

    for (uint64_t i = 0; i <= CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX; i++) {
        entry = an_entry(0, i + 1, &cf_member_log_id);
        entry.header.device = entry.header.user;
        cr_assert_eq(room_of(counts, &entry, true), CF_HEAD_ROOM);
        cf_head_counts_take(counts, &entry);
    }
    for (uint64_t i = 0; i < CF_HEADS_OF_DEVICE_IN_COLLECTION_MAX; i++) {
        entry = an_entry(1, i + 1, &cf_member_log_id);
        cr_assert_eq(room_of(counts, &entry, true), CF_HEAD_ROOM);
        cf_head_counts_take(counts, &entry);
    }
    entry = an_entry(1, 100, &cf_member_log_id);
    cr_expect_eq(room_of(counts, &entry, true), CF_HEAD_ROOM_NOT_IN_COLLECTION);
    cf_head_counts_destroy(&counts);
}

/* Any byte tells a collection from another one, and a device. */
Test(head_counts, counts_apart_what_differs_in_one_byte)
{
    const cf_head_bounds bounds = {
        .of_device_in_collection = 1, .of_device = 100, .of_user = 100, .of_member_log = 100};
    const cf_head_claim claim = {.is_by_author = true};
    const cf_id papers = {"papers, of which"};
    cf_head_counts *counts = cf_head_counts_new();
    cf_entry first = an_entry(1, 1, &papers);

    cf_head_counts_take(counts, &first);
    for (size_t i = 0; i < CF_ID_SIZE; i++) {
        cf_entry other = an_entry(1, 2 + i, &papers);

        cr_expect_eq(cf_head_counts_room(counts, &bounds, &other, claim),
                     CF_HEAD_ROOM_NOT_IN_COLLECTION);
        other.header.collection.bytes[i] ^= 1;
        cr_expect_eq(cf_head_counts_room(counts, &bounds, &other, claim), CF_HEAD_ROOM, "%zu", i);
        cr_expect_not(cf_head_counts_has(counts, &other.header.collection), "%zu", i);
    }
    for (size_t i = 0; i < CF_HASH_SIZE; i++) {
        cf_entry other = an_entry(1, 2 + i, &papers);

        other.header.device.bytes[i] ^= 1;
        cr_expect_eq(cf_head_counts_room(counts, &bounds, &other, claim), CF_HEAD_ROOM, "%zu", i);
    }
    cf_head_counts_destroy(&counts);
}

/* 20,000 chains grow by two entries each, and one of them forks: one head more. */
Test(head_counts, counts_ends_and_not_entries)
{
    cf_head_counts *counts = cf_head_counts_new();
    const cf_id papers = {"papers"};
    cf_head_bounds bounds = {.of_user = 20001};
    cf_entry first, next;

    for (uint64_t i = 1; i <= 20000; i++) {
        first = an_entry(1, i, &papers);
        cf_head_counts_take(counts, &first);
        for (uint64_t k = 1; k < 3; k++) {
            next = an_entry(1, i + k * 100000, &papers);
            next.header.sequence = k + 1;
            next.header.previous = first.hash;
            cr_assert_eq(cf_head_counts_room(counts, &(cf_head_bounds){0}, &next,
                                             (cf_head_claim){.is_by_author = true}),
                         CF_HEAD_ROOM, "it goes on");
            cf_head_counts_take(counts, &next);
            first = next;
        }
    }
    next = an_entry(1, 999999, &papers);
    next.header.sequence = 2;
    next.header.previous = an_entry(1, 7, &papers).hash; /* no end any more */
    cr_expect_eq(cf_head_counts_room(counts, &bounds, &next, (cf_head_claim){0}), CF_HEAD_ROOM);
    cf_head_counts_take(counts, &next);
    next.hash.bytes[30]++;
    cr_expect_eq(cf_head_counts_room(counts, &bounds, &next, (cf_head_claim){0}),
                 CF_HEAD_ROOM_NOT_OF_USER);
    cf_head_counts_destroy(&counts);
}

/* ---- What strangers choose ---- */

/* Counts so many heads, each in a collection of its own, whose ids and hashes are alike up to their
 * last bytes; and asks for each whether there is room. */
static uint64_t work_of(uint64_t heads)
{
    cf_head_counts *counts = cf_head_counts_new();
    uint64_t before = stretches;

    for (uint64_t i = 1; i <= heads; i++) {
        cf_id collection = {{0}};
        cf_entry entry;

        cf_put_u64(collection.bytes + 8, i);
        entry = an_entry(1, 0, &collection);
        cf_put_u64(entry.hash.bytes + 8, i);
        room_of(counts, &entry, false);
        cf_head_counts_take(counts, &entry);
    }
    cf_head_counts_destroy(&counts);
    return stretches - before;
}

Test(head_counts, cost_the_same_whatever_ids_a_stranger_chooses)
{
    uint64_t counted[3];

    for (size_t i = 0; i < 3; i++)
        counted[i] = work_of(UINT64_C(1000) << i);
    cr_expect_gt(counted[0], 1000, "nothing is counted");
    for (size_t i = 1; i < 3; i++)
        cr_expect_lt(counted[i], 3 * counted[i - 1], "%llu, twice as many: %llu",
                     (unsigned long long)counted[i - 1], (unsigned long long)counted[i]);
}
