/* SPDX-License-Identifier: Apache-2.0 */
/* Contents over a line whose user limits it. */
#include "broker/link/transfer.h"

#include "tests/broker/people/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(transfer_limits, .timeout = 60);

/* Seconds of the clock until nothing is left to do. */
static uint64_t seconds_until_idle(attendee *desk)
{
    const uint64_t from_ms = m.now_ms;

    meet(&m);
    while (!cf_transfer_is_idle(cf_link_transfer(desk->link)) && m.now_ms < from_ms + 300000) {
        m.now_ms += 1000;
        meet(&m);
    }
    return (m.now_ms - from_ms) / 1000;
}

Test(transfer_limits, keeps_to_the_limit_of_what_goes_up)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 400000);

    cf_link_limit(desk->link, 10000, 0);
    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 400000, CF_RANK_MEDIUM);
    meet(&m);
    cr_expect(cf_link_is_held_back(desk->link));
    cr_expect_not(cf_link_is_unanswered(desk->link), "nobody waits for an answer then");
    const uint64_t seconds = seconds_until_idle(desk);
    cr_expect(seconds >= 38, "%zu seconds", (size_t)seconds);
    cr_expect(seconds <= 42, "%zu seconds", (size_t)seconds);
    cr_expect_eq(desk->stored, 1);
    cr_expect_eq(desk->lost, 0);
    cr_expect_not(cf_link_is_held_back(desk->link));
    meeting_close(&m);
}

Test(transfer_limits, keeps_to_the_limit_of_what_comes_down)
{
    const size_t size = 4 * CF_BLOB_STEP;

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, size);

    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, size, cf_transfer_rank_of(size));
    meet(&m);
    cf_link_limit(desk->link, 0, CF_BLOB_STEP / 8);
    cf_transfer_want(cf_link_transfer(desk->link), &blob, 0, CF_RANK_LARGE);
    const uint64_t seconds = seconds_until_idle(desk);
    cr_expect(seconds >= 14, "%zu seconds", (size_t)seconds);
    cr_expect(seconds <= 34, "%zu seconds", (size_t)seconds);
    cr_expect_eq(desk->received.size, size);
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

Test(transfer_limits, lets_small_ones_and_entries_pass_what_the_limit_holds_back)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash large = attendee_has_blob(desk, 400000), small = attendee_has_blob(desk, 5000);

    cf_link_limit(desk->link, 10000, 0);
    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &large, 400000, CF_RANK_MEDIUM);
    meet(&m);
    cr_expect(cf_link_is_held_back(desk->link));
    attendee_writes(desk, "an edit", NULL, 0);
    cf_link_publish(desk->link);
    meet(&m);
    cr_expect_eq(desk->accepted, 1, "an entry waited for the limit");
    cf_transfer_offer(transfer, &small, 5000, CF_RANK_SMALL);
    for (int i = 0; i < 3; i++) {
        m.now_ms += 1000;
        meet(&m);
    }
    cr_expect_eq(desk->stored, 1);
    cr_expect(cf_hash_equal(&desk->stored_blobs[0], &small));
    seconds_until_idle(desk);
    cr_expect_eq(desk->stored, 2);
    meeting_close(&m);
}

Test(transfer_limits, goes_on_at_once_when_the_limit_is_lifted)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 400000);

    cf_link_limit(desk->link, 10000, 0);
    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 400000, CF_RANK_MEDIUM);
    meet(&m);
    cr_expect_eq(desk->stored, 0);
    cf_link_limit(desk->link, 0, 0);
    meet(&m);
    cr_expect_eq(desk->stored, 1);
    meeting_close(&m);
}

Test(transfer_limits, makes_up_for_the_entries_that_passed_a_limit)
{
    uint64_t seconds[2];

    for (int writes = 0; writes < 2; writes++) {
        meeting_open(&m);
        attendee *desk = attend(&m, &m.desk);
        cf_hash blob = attendee_has_blob(desk, 100000);

        cf_link_limit(desk->link, 2000, 0);
        cf_link_start(desk->link);
        cf_transfer_offer(cf_link_transfer(desk->link), &blob, 100000, CF_RANK_SMALL);
        for (int i = 0; i < 40 * writes; i++)
            attendee_writes(desk, "an edit", NULL, 0);
        seconds[writes] = seconds_until_idle(desk);
        cr_expect_eq(desk->accepted, (size_t)(40 * writes));
        meeting_close(&m);
    }
    cr_expect_geq(seconds[1], seconds[0] + 4, "%zu, %zu", (size_t)seconds[0], (size_t)seconds[1]);
}

Test(transfer_limits, sends_every_small_one_before_more_of_what_a_limit_holds_back)
{
    enum { SMALL = 20, SMALL_SIZE = 15000, RATE = 10000 };

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash large = attendee_has_blob(desk, 400000);

    cf_link_limit(desk->link, RATE, 0);
    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &large, 400000, CF_RANK_MEDIUM);
    meet(&m);
    for (int i = 0; i < SMALL; i++) {
        cf_hash small = attendee_has_blob(desk, SMALL_SIZE);
        cf_transfer_offer(transfer, &small, SMALL_SIZE, CF_RANK_SMALL);
    }
    for (int i = 0; i < SMALL * SMALL_SIZE / RATE + 4; i++) {
        m.now_ms += 1000;
        meet(&m);
    }
    cr_expect_eq(desk->stored, SMALL);
    meeting_close(&m);
}
