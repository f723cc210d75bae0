/* SPDX-License-Identifier: Apache-2.0 */
/* What a link does with entries of a collection that is leased. */
#include "broker/link/link.h"

#include "tests/broker/meeting.h"

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
