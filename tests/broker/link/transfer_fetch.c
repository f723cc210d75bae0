/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs that are asked for by as much as the line brings, of who knows FETCH and who doesn't. */
#include "broker/link/transfer.h"

#include "tests/broker/people/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(transfer_fetch, .timeout = 60);

enum { SMALL_STEP = 4 * CF_KIB, SIZE = 200000 };

/* One that the gateway has, and nobody here. */
static cf_hash a_stored_blob(attendee *desk, size_t size)
{
    cf_hash blob = attendee_has_blob(desk, size);

    cf_transfer_offer(cf_link_transfer(desk->link), &blob, size, cf_transfer_rank_of(size));
    cf_link_start(desk->link);
    meet(&m);
    cr_assert_eq(desk->stored, 1);
    return blob;
}

static cf_send_answer count_message(void *context, cf_bytes destination, cf_frames *frames)
{
    (void)destination, (void)frames;
    ++*(size_t *)context;
    return CF_SEND_DONE;
}

static void expect_received(const attendee *desk)
{
    cr_expect(cf_bytes_equal(cf_buffer_view(&desk->received), cf_buffer_view(&desk->blobs[0])));
    cr_expect(cf_transfer_is_idle(cf_link_transfer(desk->link)));
}

/* A line that breaks after twelve messages, each way counted. */
Test(transfer_fetch, fetches_a_blob_in_small_steps_over_a_line_that_breaks)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = a_stored_blob(desk, SIZE);
    const size_t before = desk->messages[CF_COMMAND_BLOB];
    size_t sessions = 0;

    cf_link_brings(desk->link, SMALL_STEP, 4 * SMALL_STEP);
    cf_transfer_want(cf_link_transfer(desk->link), &blob, 0, CF_RANK_SMALL);
    for (; !cf_transfer_is_idle(cf_link_transfer(desk->link)) && sessions < 40; sessions++) {
        m.cut_after = m.delivered + 20;
        meet(&m);
        m.now_ms = desk->retry_ms > m.now_ms ? desk->retry_ms : m.now_ms;
    }
    expect_received(desk);
    cr_expect_gt(sessions, 3, "the line did not break");
    cr_expect_leq(desk->messages[CF_COMMAND_BLOB] - before, SIZE / SMALL_STEP + 1 + sessions,
                  "what had arrived was sent again");
    cr_expect_eq(m.gets, 0);
    meeting_close(&m);
}

/* Until it has said FETCH and heard the answer, it says nothing else. */
Test(transfer_fetch, asks_who_does_not_know_fetch_by_get)
{
    meeting_open(&m);
    m.is_old = true;
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = a_stored_blob(desk, SIZE);
    cf_transfer *transfer = cf_link_transfer(desk->link);

    cf_link_lacking(desk->link, 3); /* which it knows, and does not answer */
    cf_link_brings(desk->link, SMALL_STEP, 4 * SMALL_STEP);
    cf_transfer_want(transfer, &blob, 0, CF_RANK_SMALL);
    meet(&m);
    expect_received(desk);
    cr_expect_eq(m.fetches, 1);
    cr_expect_eq(m.gets, 1);
    cut(desk);
    meet_until_idle(&m);
    cf_buffer_clear(&desk->received);
    cf_transfer_want(transfer, &blob, 0, CF_RANK_SMALL);
    meet(&m);
    expect_received(desk);
    cr_expect_eq(m.fetches, 1, "each refusal is paid for");
    m.is_old = false;
    m.now_ms += CF_DAY_MS;
    cf_buffer_clear(&desk->received);
    cf_transfer_want(transfer, &blob, 0, CF_RANK_SMALL);
    meet_until_idle(&m);
    expect_received(desk);
    cr_expect_gt(m.fetches, SIZE / SMALL_STEP, "it was brought up to date");
    meeting_close(&m);
}

Test(transfer_fetch, says_one_fetch_before_it_knows_whether_that_is_known)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = a_stored_blob(desk, SIZE);
    static const cf_hash other = {"another"};

    cf_link_brings(desk->link, SMALL_STEP, 4 * SMALL_STEP);
    cf_transfer_want(cf_link_transfer(desk->link), &blob, 0, CF_RANK_SMALL);
    cf_transfer_want(cf_link_transfer(desk->link), &other, 0, CF_RANK_SMALL);
    size_t asked = 0;
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    cf_outbox_send(desk->outbox, count_message, &asked);
    cr_expect_eq(asked, 1);
    cr_expect(cf_link_fetches(desk->link));
    meeting_close(&m);
}

/* It is not wanted any more, and then there is another. */
Test(transfer_fetch, hears_of_fetch_also_when_it_was_taken_back)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = a_stored_blob(desk, SIZE);
    static const cf_hash other = {"another"};
    cf_transfer *transfer = cf_link_transfer(desk->link);

    cf_link_brings(desk->link, SMALL_STEP, 4 * SMALL_STEP);
    cf_transfer_want(transfer, &other, 0, CF_RANK_SMALL);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    cf_transfer_forget_want(transfer, &other);
    cf_transfer_want(transfer, &blob, 0, CF_RANK_SMALL);
    cr_expect(cf_transfer_is_waiting(transfer));
    meet(&m);
    expect_received(desk);
    cr_expect_gt(m.fetches, SIZE / SMALL_STEP);
    meeting_close(&m);
}
