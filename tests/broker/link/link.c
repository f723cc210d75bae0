/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/link.h"

#include <stdio.h>

#include "tests/broker/people/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link, .timeout = 60);

Test(link, brings_own_entries_and_fetches_those_of_others)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);

    cf_link_start(desk->link);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_eq(desk->entries, 3); /* the member log */
    cr_expect_eq(desk->idle, 1);
    for (int i = 0; i < 20; i++)
        attendee_writes(desk, "a change", NULL, 0);
    cr_expect_not(cf_link_is_idle(desk->link));
    meet(&m);
    cr_expect_eq(desk->accepted, 20);
    cr_expect_eq(lap->entries, 23);
    cr_expect_eq(attendee_last(lap), 23);
    cr_expect(everybody_is_idle(&m));
    cr_expect_eq(desk->idle, 2);
    cr_expect_eq(lap->lost + desk->lost, 0);
    expect_equal_logs(&m);
    meeting_close(&m);
}

Test(link, is_not_sent_what_it_brought_itself)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    for (int i = 0; i < 5; i++)
        attendee_writes(desk, "a change", NULL, 0);
    meet(&m);
    cut(desk);
    for (int i = 0; i < 3; i++)
        attendee_writes(desk, "offline", NULL, 0);
    meet_until_idle(&m);
    cr_expect_eq(desk->connected, 2);
    cr_expect_eq(desk->accepted, 8);
    cr_expect_eq(desk->messages[CF_COMMAND_ACCEPTED], 8);
    cr_expect_eq(desk->messages[CF_COMMAND_ENTRY], 3, "%zu", desk->messages[CF_COMMAND_ENTRY]);
    meeting_close(&m);
}

/* Both sides have entries that the other lacks, and blobs go both ways. */
static void exchange(size_t cut_after)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    cf_hash large = attendee_has_blob(desk, 5 * CF_BLOB_STEP + 77);
    cf_hash small = attendee_has_blob(desk, 1000);

    m.cut_after = cut_after;
    cf_link_start(desk->link);
    cf_link_start(lap->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &large, desk->blobs[0].size, CF_RANK_MEDIUM);
    cf_transfer_offer(cf_link_transfer(desk->link), &small, desk->blobs[1].size, CF_RANK_SMALL);
    meet_until_idle(&m);
    attendee_writes(desk, "with blobs", (cf_hash[]){large}, 1);
    attendee_writes(lap, "a change", NULL, 0);
    attendee_writes(desk, "another", (cf_hash[]){small}, 1);
    meet_until_idle(&m);
    cf_transfer_want(cf_link_transfer(lap->link), &large, 0, CF_RANK_LARGE);
    attendee_writes(lap, "one more", NULL, 0);
    meet_until_idle(&m);
    cr_expect_eq(desk->stored, 2);
    cr_expect_eq(lap->received.size, desk->blobs[0].size);
    cr_expect(cf_bytes_equal(cf_buffer_view(&lap->received), cf_buffer_view(&desk->blobs[0])));
    cr_expect_eq(attendee_last(desk), 7);
    cr_expect_eq(attendee_last(lap), 7);
    expect_equal_logs(&m);
}

Test(link, loses_nothing_wherever_its_connection_breaks)
{
    size_t messages = 0;

    exchange(0);
    messages = m.delivered;
    cr_assert_gt(messages, 40);
    cr_expect_eq(m.attendees[0]->lost + m.attendees[1]->lost, 0);
    meeting_close(&m);
    for (size_t at = 1; at <= messages; at++) {
        exchange(at);
        cr_expect_eq(m.attendees[0]->lost + m.attendees[1]->lost, 1, "cut after %zu", at);
        meeting_close(&m);
    }
}

Test(link, goes_on_when_the_gateway_starts_anew)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    for (int i = 0; i < 4; i++) {
        attendee_writes(desk, "a change", NULL, 0);
        meet(&m);
        meeting_restart(&m);
        m.now_ms = desk->retry_ms;
    }
    meet_until_idle(&m);
    cr_expect_eq(desk->lost, 4);
    cr_expect_eq(desk->last_loss, CF_UNREACHABLE);
    expect_equal_logs(&m);
    meeting_close(&m);
}

Test(link, carries_both_branches_of_a_fork)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *copy = NULL;
    person cloned = m.desk;

    cf_link_start(desk->link);
    meet(&m);
    attendee_writes(desk, "common", NULL, 0);
    meet(&m);
    copy = attend(&m, &cloned);
    cf_link_start(copy->link);
    meet(&m);
    cloned.changes = m.desk.changes; /* a disk that was cloned */
    cloned.changes_after = (cf_heads){0};
    cloned.members_after = (cf_heads){0};
    cloned.wire = (cf_buffer){0};
    cut(desk);
    cut(copy);
    cf_link_stop(desk->link);
    cf_link_stop(copy->link);
    for (int i = 0; i < 3; i++)
        attendee_writes(desk, "one branch", NULL, 0);
    for (int i = 0; i < 5; i++)
        attendee_writes(copy, "the other", NULL, 0);
    cf_link_start(desk->link);
    meet(&m);
    cf_link_start(copy->link);
    meet_until_idle(&m);
    cr_expect_eq(attendee_last(desk), 12);
    cr_expect_eq(attendee_last(copy), 12);
    expect_equal_logs(&m);
    cf_heads_release(&cloned.changes_after);
    cf_buffer_release(&cloned.wire);
    meeting_close(&m);
}

static void live_a_step(void)
{
    attendee *self = m.attendees[chance_below(&m.chance, m.count)];
    char body[32];

    switch (chance_below(&m.chance, 8)) {
    case 0:
        cut(self);
        break;
    case 1:
        cf_link_stop(self->link);
        break;
    case 2:
        if (chance_below(&m.chance, 4) == 0)
            meeting_restart(&m);
        break;
    case 3:
        m.cut_after = m.delivered + chance_below(&m.chance, 20) + 1;
        break;
    case 4:
        m.now_ms += chance_below(&m.chance, 5000);
        meet(&m);
        break;
    case 5:
        cf_link_start(self->link);
        meet(&m);
        break;
    default:
        snprintf(body, sizeof body, "change %u", (unsigned)chance_below(&m.chance, 60000));
        attendee_writes(self, body, NULL, 0);
        break;
    }
}

/* Two devices and the clone of one, whose chain forks again and again. */
Test(link, makes_logs_equal_whatever_happens)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        meeting_open(&m);
        m.chance = (chance){seed};
        person clone = a_device(2, &m.account.user);
        attendee *all[] = {attend(&m, &m.desk), attend(&m, &m.lap), attend(&m, &clone)};
        for (size_t i = 0; i < m.count; i++) {
            cf_link_start(all[i]->link);
            all[i]->refers = true;
        }
        meet(&m);
        clone.epoch = m.desk.epoch;
        for (int step = 0; step < 80; step++)
            live_a_step();
        m.cut_after = 0;
        for (size_t i = 0; i < m.count; i++)
            cf_link_start(all[i]->link);
        meet_until_idle(&m);
        expect_equal_logs(&m);
        cr_expect_eq(all[0]->refusal.never + all[1]->refusal.never + all[2]->refusal.never, 0);
        person_end(&clone);
        meeting_close(&m);
    }
}

Test(link, receives_no_more_than_its_owner_gave_credit_for)
{
    static char body[40000];

    memset(body, 'b', sizeof body - 1);
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = NULL;
    cf_link_start(desk->link);
    meet(&m);
    for (int i = 0; i < 200; i++)
        attendee_writes(desk, body, NULL, 0);
    meet(&m);
    lap = attend(&m, &m.lap);
    lap->withholds_credit = true;
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_lt(lap->uncredited, CF_WINDOW + CF_ENTRY_MAX);
    cr_expect_gt(lap->uncredited, CF_WINDOW - 2 * sizeof body);
    cr_expect_lt(lap->entries, 203);
    cr_expect_not(cf_link_is_idle(lap->link));
    cut(lap); /* what is not committed counts in the next session, too */
    m.now_ms = lap->retry_ms;
    meet(&m);
    cr_expect_lt(lap->uncredited, CF_WINDOW + CF_ENTRY_MAX);
    lap->withholds_credit = false;
    cf_link_credit(lap->link, lap->uncredited);
    meet_until_idle(&m);
    cr_expect_eq(lap->entries, 203);
    expect_equal_logs(&m);
    meeting_close(&m);
}

Test(link, sends_an_entry_again_when_its_blobs_are_there)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 3000);

    cf_link_start(desk->link);
    meet(&m);
    attendee_writes(desk, "with a blob", &blob, 1);
    attendee_writes(desk, "behind it", NULL, 0);
    meet(&m);
    cr_expect_gt(desk->refused, 0);
    cr_expect_not(desk->refusal.never);
    cr_expect_eq(desk->accepted, 0);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 3000, CF_RANK_SMALL);
    meet(&m);
    cr_expect_eq(desk->stored, 1);
    cr_expect_eq(desk->accepted, 2);
    cr_expect(cf_link_is_idle(desk->link));
    meeting_close(&m);
}

Test(link, holds_up_only_the_writer_whose_entry_waits)
{
    static const cf_hash never_made = {"a blob that nobody has"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    cf_link_start(desk->link);
    cf_link_start(lap->link);
    meet(&m);
    attendee_writes(lap, "of the lap", NULL, 0);
    cf_link_stop(lap->link); /* its entry has to go by way of the desk */
    append_wire_of(desk, &m.lap);
    attendee_writes(desk, "with a blob", &never_made, 1);
    meet(&m);
    cr_expect_eq(desk->accepted, 1);
    cr_expect_str_eq(desk->refusal_code, CF_REFUSED_BLOBS);
    size_t refused = desk->refused;
    m.now_ms += 120000;
    meet(&m);
    cr_expect_eq(desk->refused, refused + 1); /* once more, with backoff */
    cf_link_publish_without(desk->link, &never_made);
    meet(&m);
    cr_expect_eq(desk->accepted, 2);
    cr_expect_eq(desk->wanted, 1);
    cr_expect(cf_hash_equal(&desk->wanted_blob, &never_made));
    meeting_close(&m);
}

Test(link, tells_what_is_refused_for_good_and_lets_the_rest_pass)
{
    meeting_open(&m);
    person pad = a_device(4, &m.account.user);
    attendee *desk = attend(&m, &m.desk), *reader = NULL;

    cf_link_start(desk->link);
    meet(&m);
    learn(&pad, &m.account);
    learn(&m.desk, &m.account);
    let_in(&m.account, &pad, CF_ROLE_READER);
    append_wire_of(desk, &m.account);
    meet(&m);
    learn(&pad, &m.account);
    reader = attend(&m, &pad);
    cf_link_start(reader->link);
    meet(&m);
    attendee_writes(reader, "not allowed", NULL, 0);
    attendee_writes(reader, "nor this", NULL, 0);
    meet(&m);
    cr_expect_eq(reader->refused, 1);
    cr_expect(reader->refusal.never);
    cr_expect_str_eq(reader->refusal_code, CF_REFUSED_ROLE);
    cr_expect(cf_link_is_idle(reader->link));
    person_end(&pad);
    meeting_close(&m);
}

/* A device that was shut out isn't let in by asking often. */
Test(link, tries_less_often_where_it_is_refused)
{
    meeting_open(&m);
    person stranger = a_device(9, &m.account.user);
    attendee *nobody = attend(&m, &stranger);
    uint64_t wait_ms = 0;

    cf_link_start(nobody->link);
    for (int i = 0; i < 12; i++) {
        meet(&m);
        wait_ms = nobody->retry_ms - m.now_ms;
        m.now_ms = nobody->retry_ms;
    }
    cr_expect_geq(wait_ms, 30000);
    cr_expect_leq(wait_ms, 60000);
    person_end(&stranger);
    meeting_close(&m);
}

Test(link, says_that_the_broker_does_not_know_the_device)
{
    meeting_open(&m);
    person stranger = a_device(9, &m.account.user);
    attendee *nobody = attend(&m, &stranger);

    cf_link_start(nobody->link);
    meet(&m);
    cr_expect_eq(nobody->connected, 0);
    cr_expect_eq(nobody->lost, 1);
    cr_expect_eq(nobody->last_loss, CF_DENIED);
    cr_expect_eq(cf_link_session(nobody->link), 0);
    cr_expect_gt(nobody->retry_ms, m.now_ms);
    cr_expect_leq(nobody->retry_ms, m.now_ms + 1000);
    person_end(&stranger);
    meeting_close(&m);
}

Test(link, tries_at_once_when_it_is_told_to)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    cut(desk);
    meet(&m);
    cr_expect_eq(desk->connected, 1);
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(desk->connected, 2);
    cf_link_stop(desk->link);
    meet(&m);
    cr_expect_eq(cf_link_session(desk->link), 0);
    cr_expect_eq(desk->lost, 1); /* a stop is no loss */
    meeting_close(&m);
}

Test(link, receives_only_the_collections_it_asks_for)
{
    static const cf_id other = {"other papers"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    cf_link_start(desk->link);
    meet(&m);
    attendee_writes(desk, "in papers", NULL, 0);
    meet(&m);
    cf_link_subscribe(lap->link, &other, 1);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_eq(lap->entries, 3); /* the member log is always among them */
    cr_expect(cf_link_is_idle(lap->link));
    cf_link_subscribe(lap->link, &papers, 1);
    meet(&m);
    cr_expect_eq(lap->connected, 2);
    cr_expect_eq(lap->lost, 0);
    cr_expect_eq(lap->entries, 4);
    meeting_close(&m);
}

/* What it has of others waits, and goes when it is no longer confined. */
Test(link, that_is_confined_sends_and_receives_one_collection)
{
    const cf_id films = {"films"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    const cf_head member = m.account.head;
    attendee_writes(desk, "in papers", NULL, 0);
    begin_chain(&m.desk, &films, &member);
    attendee_writes(desk, "in films", NULL, 0);
    cf_link_confine(desk->link, &papers, 1);
    cf_link_start(desk->link);
    meet(&m);
    cr_expect(cf_link_is_idle(desk->link));
    cr_expect_eq(desk->accepted, 1);
    cf_link_confine(lap->link, &films, 1);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect(lap->is_confined);
    cr_expect_eq(lap->named, 1, "the member log's");
    cr_expect_eq(lap->messages[CF_COMMAND_HOLDS], 0, "what is elsewhere is not asked");
    cr_expect_eq(lap->entries, 3, "who is in");
    cr_expect(cf_link_is_idle(lap->link));
    cf_link_confine(desk->link, NULL, 0);
    meet(&m);
    cr_expect_eq(desk->accepted, 2);
    cr_expect_eq(lap->entries, 4);
    cf_link_confine(lap->link, NULL, 0);
    meet(&m);
    cr_expect_eq(lap->entries, 5);
    cr_expect_eq(desk->lost + lap->lost, 0);
    meeting_close(&m);
}

/* It names all heads, and is asked where their writers write; its AGAIN ends nothing. */
Test(link, is_confined_with_a_broker_from_before_there_was_confine)
{
    const cf_id films = {"films"};

    meeting_open(&m);
    m.is_old = true;
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    const cf_head member = m.account.head;
    attendee_writes(desk, "in papers", NULL, 0);
    begin_chain(&m.desk, &films, &member);
    attendee_writes(desk, "in films", NULL, 0);
    cf_link_start(desk->link);
    meet(&m);
    cf_link_confine(lap->link, &films, 1);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_eq(lap->messages[CF_COMMAND_AGAIN], 1);
    cr_expect_not(lap->is_confined);
    cr_expect_eq(lap->named, 3);
    cr_expect_gt(lap->messages[CF_COMMAND_HOLDS], 0);
    cr_expect_eq(lap->entries, 4);
    cr_expect(cf_link_is_idle(lap->link));
    cr_expect_eq(lap->connected, 1);
    cr_expect_eq(lap->lost, 0);
    meeting_close(&m);
}

/* Each time anew: a later session hears of what came meanwhile to its collections alone, and names
 * nothing of others that it has. */
Test(link, that_is_confined_says_hello_with_heads_of_its_collections)
{
    const cf_id films = {"films"};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    const cf_head member = m.account.head;
    attendee_writes(desk, "in papers", NULL, 0);
    begin_chain(&m.desk, &films, &member);
    attendee_writes(desk, "in films", NULL, 0);
    cf_link_start(desk->link);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_eq(lap->entries, 5);
    cf_link_confine(lap->link, &films, 1);
    meet(&m);
    cr_expect_eq(lap->named, 2);
    cr_expect_eq(m.last_hello, 2);
    cr_expect(cf_link_is_idle(lap->link));
    attendee_writes(desk, "more in films", NULL, 0);
    cf_link_publish(desk->link);
    meet(&m);
    cr_expect_eq(lap->entries, 6);
    cr_expect_eq(desk->lost + lap->lost, 0);
    meeting_close(&m);
}

Test(link, publishes_nothing_while_its_clock_is_a_day_off)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    desk->clock_ahead_ms = CF_DAY_MS + 60000;
    attendee_writes(desk, "dated wrongly", NULL, 0);
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(desk->connected, 1);
    cr_expect_eq(desk->entries, 3); /* it still receives */
    cr_expect_eq(desk->accepted + desk->refused, 0);
    cr_expect_not(cf_link_is_idle(desk->link));
    desk->clock_ahead_ms = CF_DAY_MS - 60000;
    cut(desk);
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(desk->accepted, 1);
    cr_expect(cf_link_is_idle(desk->link));
    meeting_close(&m);
}

static size_t wrong, agrees; /* how often the broker said so of its clock */

static void count_words(void *context, cf_report_level level, const char *text)
{
    (void)context;
    (void)level;
    wrong += strstr(text, "the clock of this machine is wrong") != NULL;
    agrees += strstr(text, "the clock of this machine agrees") != NULL;
}

static void come_again(attendee *self)
{
    cut(self);
    cf_link_start(self->link);
    meet(&m);
}

Test(link, says_of_the_brokers_clock_what_changes)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);

    m.env.report = count_words;
    desk->clock_ahead_ms = lap->clock_ahead_ms = 2 * CF_DAY_MS;
    cf_link_start(desk->link);
    cf_link_start(lap->link);
    meet(&m);
    cr_expect_eq(wrong, 1);
    for (int i = 0; i < 3; i++) {
        come_again(desk);
        come_again(lap);
    }
    cr_expect_eq(desk->connected + lap->connected, 8);
    cr_expect_eq(wrong, 1);
    cr_expect_eq(agrees, 0);
    desk->clock_ahead_ms = lap->clock_ahead_ms = 0;
    come_again(desk);
    come_again(lap);
    cr_expect_eq(agrees, 1);
    meeting_close(&m);
}
