/* SPDX-License-Identifier: Apache-2.0 */
/* How long a link waits for answers. */
#include "broker/link/link.h"

#include "codec/limits.h"
#include "tests/broker/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_patience, .timeout = 60);

/* Answers are lost, the connection stays. */
static uint64_t wait_in_vain(attendee *self, cf_outbox *nowhere)
{
    uint64_t next_ms = cf_link_tick(self->link, m.now_ms, nowhere);

    cf_outbox_discard(nowhere, (cf_bytes){0});
    return next_ms;
}

Test(link_patience, gives_a_session_up_after_half_a_minute_and_waits_longer_each_time)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();
    uint64_t waited = 0;

    cf_link_start(desk->link);
    for (size_t attempt = 1; attempt <= 12; attempt++) {
        uint64_t next_ms = wait_in_vain(desk, nowhere);
        cr_assert_eq(cf_link_session(desk->link), attempt);
        cr_expect_eq(next_ms, m.now_ms + CF_REQUEST_TIMEOUT_MS);
        m.now_ms = next_ms - 1;
        cr_expect_eq(wait_in_vain(desk, nowhere), next_ms);
        m.now_ms = next_ms;
        next_ms = wait_in_vain(desk, nowhere);
        cr_expect_eq(desk->lost, attempt);
        cr_expect_eq(desk->last_loss, CF_UNREACHABLE);
        waited = next_ms - m.now_ms;
        cr_expect_geq(waited, attempt < 6 ? (uint64_t)250 << (attempt - 1) : 5000);
        cr_expect_leq(waited, 10000, "who is back is found again soon");
        m.now_ms = next_ms;
    }
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* A look at many rows can take longer than the answer, which lies in the socket meanwhile. */
Test(link_patience, hears_what_came_while_its_owner_was_busy)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(desk->link);
    wait_in_vain(desk, nowhere);
    m.now_ms += 2 * CF_REQUEST_TIMEOUT_MS;
    uint64_t next_ms = wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 0, "nobody has looked yet whether it came");
    cr_expect_gt(next_ms, m.now_ms);
    cr_expect_leq(next_ms, m.now_ms + 2000);
    m.now_ms = next_ms;
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1, "it did not");
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* Its owner wrote many files for a minute, and asked nothing before the end of that. */
Test(link_patience, counts_from_when_the_question_was_asked)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(desk->link);
    meet_until_idle(&m);
    m.now_ms += 2 * CF_REQUEST_TIMEOUT_MS;
    cf_link_ask(desk->link);
    uint64_t asked_ms = m.now_ms;
    m.now_ms = wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 0, "nobody had a chance to answer");
    cr_expect_eq(m.now_ms, asked_ms + CF_REQUEST_TIMEOUT_MS);
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1, "it did not");
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}
