/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/transfer.h"

#include "tests/broker/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(transfer, .timeout = 60);

Test(transfer, brings_many_blobs_within_the_window)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);

    for (int i = 0; i < BLOBS_MAX; i++) {
        cf_hash blob = attendee_has_blob(desk, (size_t)i * 100000 + 1);
        cf_transfer_offer(transfer, &blob, desk->blobs[i].size);
        cf_transfer_offer(transfer, &blob, desk->blobs[i].size);
    }
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(desk->stored, BLOBS_MAX);
    cr_expect(cf_transfer_is_idle(transfer));
    cr_expect_eq(desk->messages[CF_COMMAND_REFUSED], 0);
    meeting_close(&m);
}

Test(transfer, does_not_send_blobs_that_are_there)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash blob = attendee_has_blob(desk, 300000);

    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &blob, 300000);
    meet(&m);
    desk->has_no_pieces = true;
    cf_transfer_offer(transfer, &blob, 300000);
    meet(&m);
    cr_expect_eq(desk->stored, 2);
    meeting_close(&m);
}

Test(transfer, waits_for_pieces_that_are_not_at_hand)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash slow = attendee_has_blob(desk, 300000);

    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &slow, 300000);
    meet(&m);
    m.now_ms += 100000;
    meet(&m);
    cr_expect_eq(desk->stored, 0);
    cr_expect_eq(desk->lost, 0);
    desk->has_no_pieces = false;
    cf_transfer_ready(transfer, &slow);
    meet(&m);
    cr_expect_eq(desk->stored, 1);
    meeting_close(&m);
}

Test(transfer, tries_blobs_again_when_the_disk_was_full)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash blob = attendee_has_blob(desk, 900000);

    cf_blob_memory_disk_fail(m.blob_disk, CF_FULL);
    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &blob, 900000);
    meet(&m);
    cr_expect_eq(desk->stored, 0);
    cr_expect_gt(desk->messages[CF_COMMAND_REFUSED], 0);
    cr_expect_gt(desk->delays, 0);
    cr_expect_str_eq(desk->delay, "full: the broker has no room");
    cf_blob_memory_disk_fail(m.blob_disk, CF_OK);
    meet_until_idle(&m);
    cr_expect_eq(desk->stored, 1);
    meeting_close(&m);
}

Test(transfer, is_told_which_blob_is_not_what_its_name_says)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 300000);

    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 290000);
    meet(&m);
    cr_expect_eq(desk->stored, 0);
    cr_expect_eq(desk->turned_away, CF_FORGED);
    cr_expect(cf_transfer_is_idle(cf_link_transfer(desk->link)));
    meeting_close(&m);
}

Test(transfer, forgets_blobs_that_are_taken_back)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    cf_hash first = attendee_has_blob(desk, 3000000), second = attendee_has_blob(desk, 3000);
    static const cf_hash unknown = {"nobody has it"};

    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &first, 3000000);
    m.cut_after = 0;
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    meet(&m);
    cf_transfer_want(transfer, &first, 0);
    cf_transfer_forget_want(transfer, &first);
    cf_transfer_want(transfer, &first, 2 * CF_BLOB_STEP);
    cf_transfer_want(transfer, &unknown, 0);
    cf_transfer_offer(transfer, &second, 3000);
    cf_transfer_forget_offer(transfer, &second);
    meet(&m);
    cr_expect_eq(desk->stored, 1);
    cr_expect_eq(desk->absent, 1);
    cr_expect_eq(desk->received.size, 3000000 - 2 * CF_BLOB_STEP);
    cr_expect(cf_transfer_is_idle(transfer));
    meeting_close(&m);
}

/* At 2 KB/s with a cut each half minute. */
Test(transfer, brings_a_blob_in_small_steps_over_a_line_that_breaks)
{
    enum { SIZE = 300000, STEP = 4096 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, SIZE);
    size_t sessions = 0, before;

    cf_transfer_offer(cf_link_transfer(desk->link), &blob, SIZE);
    cf_link_carries(desk->link, STEP);
    cf_link_start(desk->link);
    for (; !desk->stored && sessions < 30; sessions++) {
        before = desk->messages[CF_COMMAND_MISSING];
        m.cut_after = m.delivered + 30;
        meet(&m);
        cr_expect_leq(desk->messages[CF_COMMAND_MISSING] - before, 15);
        m.now_ms = desk->retry_ms > m.now_ms ? desk->retry_ms : m.now_ms;
    }
    cr_expect_eq(desk->stored, 1, "%zu sessions", sessions);
    cr_expect_leq(desk->messages[CF_COMMAND_MISSING], SIZE / STEP + 2 * sessions,
                  "what had arrived was sent again: %zu answers, %zu sessions",
                  desk->messages[CF_COMMAND_MISSING], sessions);
    meeting_close(&m);
}
