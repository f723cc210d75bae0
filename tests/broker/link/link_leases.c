/* SPDX-License-Identifier: Apache-2.0 */
/* What a link does with entries of a collection that is leased. */
#include "broker/link/link.h"

#include "tests/broker/people/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_leases, .timeout = 60);

static const cf_id request = {"a request"};

static void lock_papers(attendee *by)
{
    cf_message lock = {.command = CF_COMMAND_LOCK,
                       .lock = {.request = request, .collection = papers, .for_ms = 3600000}};

    attendee_writes(by, "what there is to lock", NULL, 0);
    meet(&m);
    cf_link_ask_lease(by->link, &lock);
    meet(&m);
    cr_assert_eq(by->messages[CF_COMMAND_LEASE], 1);
}

/* Whoever it was. */
static void break_lock(attendee *by)
{
    cf_message unlock = {.command = CF_COMMAND_UNLOCK,
                         .unlock = {.request = request, .collection = papers}};

    cf_link_ask_lease(by->link, &unlock);
    meet(&m);
}

static void expect_locked(const attendee *self, size_t times)
{
    cr_expect_eq(self->refused, times);
    cr_expect_str_eq(self->refusal_code, CF_REFUSED_LOCKED);
    cr_expect_not(self->refusal.never);
    cr_expect_eq(self->accepted, 0);
}

static attendee *comes(person *who)
{
    attendee *self = attend(&m, who);

    cf_link_start(self->link);
    meet(&m);
    return self;
}

Test(link_leases, publishes_again_without_a_token_that_is_overtaken)
{
    const cf_lease_token overtaken = {0, 7};

    meeting_open(&m);
    attendee *lap = comes(&m.lap);
    cf_link_token(lap->link, &papers, &overtaken);
    attendee_writes(lap, "late", NULL, 0);
    meet_until_idle(&m);
    cr_expect_str_eq(lap->refusal_code, CF_REFUSED_LOCKED);
    cr_expect_not(lap->refusal.never);
    cr_expect_eq(lap->refused, 1, "it needs no more than the answer");
    cr_expect_eq(lap->accepted, 1);
    cr_expect(everybody_is_idle(&m));
    meeting_close(&m);
}

Test(link_leases, holds_back_what_is_locked_and_goes_on_at_once_when_it_is_free)
{
    meeting_open(&m);
    attendee *desk = comes(&m.desk), *lap = comes(&m.lap);

    lock_papers(desk);
    attendee_writes(lap, "held back", NULL, 0);
    meet(&m);
    expect_locked(lap, 1);
    cr_expect(cf_link_is_locked(lap->link, &papers));
    cf_link_locks_changed(lap->link);
    meet(&m);
    expect_locked(lap, 2);
    break_lock(desk);
    cf_link_locks_changed(lap->link);
    meet(&m);
    cr_expect_eq(lap->accepted, 1);
    cr_expect_not(cf_link_is_locked(lap->link, &papers));
    meeting_close(&m);
}

static bool is_anothers(void *context, const cf_id *collection)
{
    return context && cf_id_equal(collection, &papers);
}

static bool is_locked_out(const attendee *self)
{
    return cf_link_is_locked_out(self->link, is_anothers, (void *)self);
}

/* Both are under way when the first is refused: the second comes too early, for the same reason. */
Test(link_leases, is_locked_out_with_all_that_follows_what_is_locked)
{
    meeting_open(&m);
    attendee *desk = comes(&m.desk), *lap = comes(&m.lap);

    lock_papers(desk);
    attendee_writes(lap, "held back", NULL, 0);
    attendee_writes(lap, "behind it", NULL, 0);
    meet(&m);
    cr_expect_eq(lap->accepted, 0);
    cr_expect(is_locked_out(lap));
    break_lock(desk);
    cf_link_locks_changed(lap->link);
    meet(&m);
    cr_expect_eq(lap->accepted, 2);
    meeting_close(&m);
}

Test(link_leases, owes_no_answer_that_came)
{
    meeting_open(&m);
    attendee *desk = comes(&m.desk), *lap = comes(&m.lap);

    lock_papers(desk);
    cr_expect_not(cf_link_is_unanswered(lap->link));
    attendee_writes(lap, "held back", NULL, 0);
    meet(&m);
    cr_expect_not(cf_link_is_unanswered(lap->link), "it was told that it has to wait");
    meeting_close(&m);
}

/* ---- While another communicates alone ---- */

static void tell_alone(attendee *by, bool begins)
{
    cf_message alone = {.command = CF_COMMAND_ALONE,
                        .alone = {.collection = papers, .begins = begins}};

    cf_link_ask_lease(by->link, &alone);
    meet(&m);
}

static void follow_leases(attendee *self)
{
    cf_message locks = {.command = CF_COMMAND_LOCKS, .locks = {.request = request}};

    cf_link_ask_lease(self->link, &locks);
    meet(&m);
}

static void write_alone(attendee *by)
{
    const cf_lease_token token = {0, 1};

    cf_link_token(by->link, &papers, &token);
    attendee_writes(by, "alone", NULL, 0);
    meet(&m);
}

/* As its link's shell would, which owes the other a sign of life all the while. */
static void let_pass(uint64_t ms)
{
    for (uint64_t end_ms = m.now_ms + ms; m.now_ms < end_ms; m.now_ms += 1000)
        meet(&m);
}

Test(link_leases, is_not_idle_while_another_communicates_alone_and_something_waits)
{
    meeting_open(&m);
    attendee *desk = comes(&m.desk), *lap = comes(&m.lap);

    lock_papers(desk);
    follow_leases(lap);
    tell_alone(desk, true);
    cr_expect(cf_link_is_paused(lap->link, &papers));
    cr_expect(cf_link_is_idle(lap->link), "there is nothing to wait for yet");
    cr_expect_not(cf_link_is_locked(lap->link, &papers));
    const size_t entries = lap->entries;
    write_alone(desk);
    cr_expect_not(cf_link_is_idle(lap->link));
    cr_expect(cf_link_is_locked(lap->link, &papers));
    cr_expect(is_locked_out(lap));
    cr_expect_not(cf_link_is_locked_out(lap->link, is_anothers, NULL), "nobody knows whose it is");
    cr_expect_eq(lap->entries, entries);
    tell_alone(desk, false);
    cr_expect_eq(lap->entries, entries + 1);
    cr_expect(everybody_is_idle(&m));
    cr_expect_not(cf_link_is_paused(lap->link, &papers));
    cr_expect_not(is_locked_out(lap));
    expect_equal_logs(&m);
    meeting_close(&m);
}

Test(link_leases, waits_for_heads_that_another_keeps_back_and_keeps_its_session)
{
    meeting_open(&m);
    attendee *desk = comes(&m.desk);

    lock_papers(desk);
    tell_alone(desk, true);
    write_alone(desk);
    attendee *lap = comes(&m.lap);
    cr_expect(cf_link_is_unanswered(lap->link), "it has not heard why");
    follow_leases(lap);
    cr_expect(cf_link_owed(lap->link) > 0);
    cr_expect_not(cf_link_is_unanswered(lap->link));
    cr_expect(is_locked_out(lap));
    let_pass(2 * CF_REQUEST_TIMEOUT_MS);
    cr_expect_eq(lap->lost, 0);
    tell_alone(desk, false);
    cr_expect(everybody_is_idle(&m));
    expect_equal_logs(&m);
    meeting_close(&m);
}
