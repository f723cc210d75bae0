/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs a collection names, found a few entries at a time. */
#include "broker/gateway/alone_blobs.h"

#include "codec/blob.h"
#include "tests/broker/people/broker_world.h"

enum { ENTRIES = 70 };
static const cf_id pictures = {"pictures"};

/* The desk's entries name a blob each, which nobody has. */
static cf_log *a_log(household *a)
{
    for (uint8_t i = 0; i < ENTRIES; i++) {
        const cf_hash blob = cf_blob_id(cf_bytes_of(&i, 1));
        cf_log *log = cf_users_find(a->world->broker.users, &a->account.user);

        if (i == ENTRIES / 2)
            begin_chain(&a->desk, &pictures, &a->account.head);
        write_change(&a->desk, "some body", &blob, 1);
        append_entry(log, &a->desk);
    }
    broker_world_settle(a->world);
    return cf_users_find(a->world->broker.users, &a->account.user);
}

static bool has(const cf_alone_blobs *blobs, uint8_t number)
{
    const cf_hash blob = cf_blob_id(cf_bytes_of(&number, 1));

    return cf_alone_blobs_have(blobs, &blob);
}

static size_t read_all(cf_alone_blobs *blobs, size_t most)
{
    size_t steps = 0;

    for (; !cf_alone_blobs_are_known(blobs); steps++) {
        cr_assert_lt(steps, ENTRIES);
        cf_alone_blobs_read(blobs, most);
    }
    return steps;
}

Test(alone_blobs, are_those_of_one_collection)
{
    household a = a_household();
    cf_alone_blobs *blobs = cf_alone_blobs_new(a_log(&a), &papers);

    cr_expect_not(has(blobs, 0), "nothing is known yet");
    cr_expect_gt(read_all(blobs, SIZE_MAX), 1, "the gateway has others to serve");
    for (uint8_t i = 0; i < ENTRIES; i++)
        cr_expect_eq(has(blobs, i), i < ENTRIES / 2, "%d", i);
    cf_alone_blobs_destroy(&blobs);
    household_end(&a);
}

Test(alone_blobs, are_no_more_than_there_is_room_for)
{
    enum { MOST = 7 };
    household a = a_household();
    cf_alone_blobs *blobs = cf_alone_blobs_new(a_log(&a), &papers);
    size_t found = 0;

    read_all(blobs, MOST);
    for (uint8_t i = 0; i < ENTRIES; i++)
        found += has(blobs, i);
    cr_expect_eq(found, MOST);
    cr_expect_eq(cf_alone_blobs_count(blobs), MOST);
    cf_alone_blobs_destroy(&blobs);
    household_end(&a);
}

Test(alone_blobs, are_none_of_a_collection_that_is_not_there)
{
    const cf_id nothing = {"nothing"};
    household a = a_household();
    cf_alone_blobs *blobs = cf_alone_blobs_new(a_log(&a), &nothing);

    cr_expect(cf_alone_blobs_are_known(blobs));
    cr_expect_not(has(blobs, 0));
    cf_alone_blobs_destroy(&blobs);
    household_end(&a);
}
