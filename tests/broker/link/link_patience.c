/* SPDX-License-Identifier: Apache-2.0 */
/* How long a link waits for answers. */
#include "broker/link/link.h"

#include "codec/limits.h"
#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

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
        cr_expect_eq(next_ms, m.now_ms + CF_LINK_PATIENCE_MS);
        m.now_ms = next_ms - 1;
        cr_expect_eq(wait_in_vain(desk, nowhere), next_ms);
        m.now_ms = next_ms;
        next_ms = wait_in_vain(desk, nowhere);
        cr_expect_eq(desk->lost, attempt);
        cr_expect_eq(desk->last_loss, CF_UNREACHABLE);
        waited = next_ms - m.now_ms;
        cr_expect_geq(waited, attempt < 6 ? (uint64_t)250 << (attempt - 1) : 4500);
        cr_expect_leq(waited, 9000, "who is back is found again soon");
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
    cr_expect_eq(m.now_ms, asked_ms + CF_LINK_PATIENCE_MS);
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1, "it did not");
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* A message of 256 KiB is on its way for longer than anybody waits for an answer. */
Test(link_patience, waits_on_while_bytes_move)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(desk->link);
    meet_until_idle(&m);
    cf_link_ask(desk->link);
    m.now_ms = wait_in_vain(desk, nowhere) - 1;
    for (int i = 0; i < 10; i++) {
        cf_link_moved(desk->link, m.now_ms);
        uint64_t next_ms = wait_in_vain(desk, nowhere);
        cr_expect_eq(next_ms, m.now_ms + CF_LINK_PATIENCE_MS);
        m.now_ms = next_ms - 1;
    }
    cr_expect_eq(desk->lost, 0);
    m.now_ms++;
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1, "nothing moved any more");
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* Greeted each time, and each time the line broke before anything got through. */
Test(link_patience, waits_longer_after_each_session_in_which_nothing_got_through)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    uint64_t waited = 0;

    cf_link_start(desk->link);
    attendee_writes(desk, "an entry that never gets through", NULL, 0);
    for (int attempt = 1; attempt <= 8; attempt++) {
        size_t greeted = desk->connected;

        m.cut_after = m.delivered + 2; /* HELLO and WELCOME */
        meet(&m);
        cr_expect_eq(desk->connected, greeted + 1);
        cr_expect_eq(desk->accepted, 0);
        cr_assert_gt(desk->retry_ms, m.now_ms);
        waited = desk->retry_ms - m.now_ms;
        cr_expect_geq(waited, attempt < 6 ? (uint64_t)250 << (attempt - 1) : 4500);
        m.now_ms = desk->retry_ms;
    }
    m.cut_after = 0;
    meet_until_idle(&m);
    cr_expect_eq(desk->accepted, 1);
    cut(desk);
    cr_expect_leq(desk->retry_ms - m.now_ms, 1000, "something got through");
    meeting_close(&m);
}

/* Whoever asks whether all is in sync waits no longer than that for a connection that is dead. */
Test(link_patience, a_check_is_given_five_seconds)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(desk->link);
    meet_until_idle(&m);
    cr_expect(cf_link_is_checked(desk->link));
    cf_link_check(desk->link);
    cr_expect_not(cf_link_is_checked(desk->link));
    meet(&m);
    cr_expect(cf_link_is_checked(desk->link), "it was answered");
    cr_expect_eq(desk->lost, 0);
    m.now_ms += 2 * CF_REQUEST_TIMEOUT_MS;
    cf_link_check(desk->link);
    uint64_t next_ms = wait_in_vain(desk, nowhere);
    cr_expect_eq(next_ms, m.now_ms + 5000);
    m.now_ms = next_ms - 1;
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 0);
    m.now_ms++;
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_CHANGED, "another session may do");
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* A question of the session's own was out: its answer says nothing of what came later. */
Test(link_patience, a_check_is_not_answered_by_the_answer_to_an_older_question)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(desk->link);
    meet_until_idle(&m);
    cf_link_locate(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox); /* it goes out, */
    cf_link_check(desk->link);
    wait_in_vain(desk, nowhere); /* and this one is lost */
    meet(&m);
    cr_expect_eq(desk->located, 1);
    cr_expect_not(cf_link_is_checked(desk->link));
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* An entry that is cut with its connection goes again whole, and an edit waits behind it. */
Test(link_patience, entries_are_small_on_a_slow_line_alone)
{
    static const uint64_t sizes[] = {8 * CF_KIB, 32 * CF_KIB, CF_PART_SIZE};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cr_expect_eq(cf_link_entry_size(desk->link), CF_PART_SIZE, "nobody knows yet");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cf_link_carries(desk->link, 4 * CF_KIB, CF_WINDOW, sizes[i]);
        cr_expect_eq(cf_link_entry_size(desk->link), sizes[i]);
    }
    meeting_close(&m);
}

/* It waits 10 s by now. */
static attendee *impatient(void)
{
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    attendee_writes(desk, "an entry that never gets through", NULL, 0);
    for (int attempt = 1; attempt <= 8; attempt++) {
        m.now_ms = attempt > 1 ? desk->retry_ms : m.now_ms;
        m.cut_after = m.delivered + 2; /* HELLO and WELCOME */
        meet(&m);
    }
    m.cut_after = 0;
    cr_assert_geq(desk->retry_ms, m.now_ms + 5000);
    return desk;
}

Test(link_patience, tries_sooner_when_there_is_something_new_to_send)
{
    meeting_open(&m);
    attendee *desk = impatient();
    const uint64_t lost_ms = m.now_ms;
    const size_t greeted = desk->connected;

    attendee_writes(desk, "an edit", NULL, 0);
    for (uint64_t ms = 0; ms < 2000; ms += 500) {
        cf_link_publish(desk->link);
        m.now_ms = lost_ms + ms;
        meet(&m);
        cr_expect_eq(desk->connected, greeted, "however often something is saved");
    }
    m.now_ms = lost_ms + 2000;
    meet(&m);
    cr_expect_eq(desk->connected, greeted + 1);
    cr_expect_eq(desk->accepted, 2);
    meeting_close(&m);
}

Test(link_patience, waits_its_time_when_there_is_nothing_new)
{
    meeting_open(&m);
    attendee *desk = impatient();
    const size_t greeted = desk->connected;

    m.now_ms = desk->retry_ms - 1;
    meet(&m);
    cr_expect_eq(desk->connected, greeted);
    m.now_ms++;
    meet(&m);
    cr_expect_eq(desk->connected, greeted + 1);
    meeting_close(&m);
}

/* Who is not let in asks seldom, whatever it has to say. */
Test(link_patience, is_not_hurried_where_it_is_not_let_in)
{
    meeting_open(&m);
    person stranger = a_device(9, &m.account.user);
    attendee *nobody = attend(&m, &stranger);

    cf_link_start(nobody->link);
    for (int attempt = 1; attempt <= 5; attempt++) {
        m.now_ms = attempt > 1 ? nobody->retry_ms : m.now_ms;
        meet(&m);
    }
    const size_t lost = nobody->lost;
    cr_assert_eq(nobody->last_loss, CF_DENIED);
    cr_assert_gt(nobody->retry_ms, m.now_ms + 3000);
    cf_link_publish(nobody->link);
    m.now_ms = nobody->retry_ms - 1;
    meet(&m);
    cr_expect_eq(nobody->lost, lost);
    person_end(&stranger);
    meeting_close(&m);
}

/* ---- Who talks, and does not answer ---- */

enum { WORDS = 17, EVADED_MS = 60000 };

/* An entry is out, of which nobody says anything; so many words of no use come, and bytes move all
 * the time. */
static cf_outbox *evaded(attendee *self, int words)
{
    const cf_message endpoints = {.command = CF_COMMAND_ENDPOINTS};
    cf_outbox *nowhere = cf_outbox_new();

    cf_link_start(self->link);
    meet_until_idle(&m);
    attendee_writes(self, "what is not answered", NULL, 0);
    wait_in_vain(self, nowhere);
    cr_assert(cf_link_is_unanswered(self->link));
    for (int i = 0; i < words; i++)
        link_hears(self->link, &endpoints, m.now_ms, nowhere);
    return nowhere;
}

static void passes(attendee *self, uint64_t ms, cf_outbox *nowhere)
{
    for (const uint64_t end_ms = m.now_ms + ms; m.now_ms < end_ms; m.now_ms += 1000) {
        cf_link_moved(self->link, m.now_ms);
        wait_in_vain(self, nowhere);
    }
    cf_link_moved(self->link, m.now_ms);
}

Test(link_patience, takes_no_talk_for_an_answer)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = evaded(desk, WORDS);

    passes(desk, EVADED_MS - 1000, nowhere);
    cr_expect_eq(desk->lost, 0);
    m.now_ms += 999;
    cr_expect_eq(wait_in_vain(desk, nowhere), m.now_ms + 1);
    cr_expect_eq(desk->lost, 0);
    m.now_ms++;
    wait_in_vain(desk, nowhere);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_UNREACHABLE);
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* A message of 1 MiB is on its way over a slow line, and a word or two beside it. */
Test(link_patience, forgives_a_few_words_while_bytes_move)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = evaded(desk, WORDS - 1);

    passes(desk, 10 * EVADED_MS, nowhere);
    cr_expect_eq(desk->lost, 0);
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}

/* What others do is told first: it is at work. */
Test(link_patience, waits_on_while_there_is_news)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_message wanted = {.command = CF_COMMAND_WANTED};
    cf_outbox *nowhere = evaded(desk, WORDS);

    passes(desk, EVADED_MS - 1000, nowhere);
    link_hears(desk->link, &wanted, m.now_ms, nowhere);
    passes(desk, 10 * EVADED_MS, nowhere);
    cr_expect_eq(desk->lost, 0);
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}
