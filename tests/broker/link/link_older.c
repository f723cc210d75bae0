/* SPDX-License-Identifier: Apache-2.0 */
/* A link and a broker that is older, and does not know all that it is asked; and what a session
 * that is confined hears of it. */
#include "broker/link/link.h"

#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_older, .timeout = 60);

static void refuse_unknown(attendee *to)
{
    attendee_hears(to,
                   &(cf_message){.command = CF_COMMAND_REFUSED,
                                 .refused = {.code = cf_bytes_of_text(CF_REFUSED_UNSUPPORTED)}});
}

typedef struct {
    cf_command command;
    size_t count;
} tally;

static cf_send_answer count_one(void *context, cf_bytes destination, cf_frames *frames)
{
    tally *self = context;
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    (void)destination;
    expect_ok(frames_read(frames, &arena, &message, &error), error);
    self->count += message.command == self->command;
    cf_arena_release(&arena);
    return CF_SEND_DONE;
}

/* How often it says this now. */
static size_t said_by(attendee *self, cf_command command)
{
    tally said = {command, 0};

    cf_link_tick(self->link, m.now_ms, self->outbox);
    cf_outbox_send(self->outbox, count_one, &said);
    return said.count;
}

/* It knows neither LACKING nor, after that, what is asked. */
Test(link_older, ends_no_question_by_what_an_older_broker_refuses_beside_it)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    cr_expect(cf_link_is_idle(desk->link));
    cf_link_lacking(desk->link, 3);
    cf_link_ask(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    refuse_unknown(desk);
    cr_expect_not(cf_link_is_idle(desk->link), "that was LACKING");
    refuse_unknown(desk);
    cr_expect(cf_link_is_idle(desk->link), "that was QUERY");
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

/* It knows no CHAINS: that is an answer, which names nothing. */
Test(link_older, ends_a_question_for_chains_that_an_older_broker_refuses)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    cf_link_ask_chains(desk->link, &m.lap.id, 1);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    cr_expect_not(cf_link_is_idle(desk->link));
    refuse_unknown(desk);
    cr_expect(cf_link_is_idle(desk->link));
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

/* Said once, to who asked for it, before WELCOME. */
Test(link_older, takes_no_confined_that_nobody_asked_for)
{
    const cf_message confined = {.command = CF_COMMAND_CONFINED};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    attendee_hears(desk, &confined);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    cf_link_confine(lap->link, &papers, 1);
    cf_link_start(lap->link);
    cf_link_tick(lap->link, m.now_ms, lap->outbox);
    attendee_hears(lap, &confined);
    cr_expect_eq(lap->lost, 0);
    attendee_hears(lap, &confined);
    cr_expect_eq(lap->last_loss, CF_MALFORMED);
    meeting_close(&m);
}

/* A HELLO that is out already was said without CONFINE: the next session begins anew. */
Test(link_older, is_confined_from_the_beginning_of_a_session)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_start(desk->link);
    cr_expect_eq(said_by(desk, CF_COMMAND_CONFINE), 0);
    cf_link_confine(desk->link, &papers, 1);
    cr_expect_eq(said_by(desk, CF_COMMAND_CONFINE), 1);
    meeting_close(&m);
}

/* The first is that of a broker that doesn't know CONFINE, the second ends the session. */
Test(link_older, is_told_again_once_where_it_is_confined)
{
    const cf_message again = {.command = CF_COMMAND_AGAIN};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_confine(desk->link, &papers, 1);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    attendee_hears(desk, &again);
    cr_expect_eq(desk->lost, 0);
    attendee_hears(desk, &again);
    cr_expect_eq(desk->last_loss, CF_CHANGED);
    meeting_close(&m);
}

/* Neither of another device than was asked for, nor a page that is not the last, nor a report. */
Test(link_older, ends_no_question_for_chains_by_another_answer)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_message
        other = {.command = CF_COMMAND_ENDS,
                 .ends = {.device = m.desk.id, .heads = NULL, .head_count = 0, .more = false}},
        page = {.command = CF_COMMAND_ENDS,
                .ends = {.device = m.lap.id, .heads = NULL, .head_count = 0, .more = true}},
        last = {.command = CF_COMMAND_ENDS,
                .ends = {.device = m.lap.id, .heads = NULL, .head_count = 0, .more = false}},
        report = {.command = CF_COMMAND_REPORTED};

    cf_link_start(desk->link);
    meet(&m);
    cf_link_ask_chains(desk->link, &m.lap.id, 1);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    attendee_hears(desk, &other);
    attendee_hears(desk, &page);
    attendee_hears(desk, &report);
    cr_expect_not(cf_link_is_idle(desk->link));
    attendee_hears(desk, &last);
    cr_expect(cf_link_is_idle(desk->link));
    attendee_hears(desk, &last);
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

/* A session that is confined to the papers, with a broker that names a head of a stranger. */
static attendee *meet_stranger(const cf_head *stranger)
{
    attendee *desk = attend(&m, &m.desk);
    const cf_message welcome = {.command = CF_COMMAND_WELCOME,
                                .welcome = {.version = CF_PROTOCOL_VERSION,
                                            .now_ms = m.now_ms,
                                            .window = CF_WINDOW,
                                            .heads = stranger,
                                            .head_count = 1}},
                     subscribed = {.command = CF_COMMAND_SUBSCRIBED};

    cf_link_confine(desk->link, &papers, 1);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    attendee_hears(desk, &welcome);
    attendee_hears(desk, &subscribed);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    return desk;
}

/* Where it writes the broker says; until then it may be here. */
Test(link_older, awaits_a_stranger_that_writes_where_it_is_confined_to)
{
    const cf_head stranger = {{{9}}, 5, {{9}}}, other = {{{8}}, 5, {{8}}};
    const cf_message elsewhere = {.command = CF_COMMAND_HOLDS,
                                  .holds = {.collection = {"films"},
                                            .heads = &other,
                                            .head_count = 1}},
                     here = {.command = CF_COMMAND_HOLDS,
                             .holds = {.collection = papers, .heads = &stranger, .head_count = 1}},
                     end = {.command = CF_COMMAND_REPORTED};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    cr_expect_eq(cf_link_owed(desk->link), 0);
    cr_expect_not(cf_link_has_received(desk->link));
    attendee_hears(desk, &elsewhere);
    cr_expect_eq(cf_link_owed(desk->link), 0);
    attendee_hears(desk, &here);
    cr_expect_not(cf_link_has_received(desk->link));
    attendee_hears(desk, &end);
    cr_expect_eq(cf_link_owed(desk->link), 1);
    cr_expect_not(cf_link_has_received(desk->link));
    attendee_hears(desk, &here);
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

Test(link_older, awaits_no_stranger_that_writes_elsewhere)
{
    const cf_head stranger = {{{9}}, 5, {{9}}};
    const cf_message elsewhere = {.command = CF_COMMAND_HOLDS,
                                  .holds = {.collection = {"films"},
                                            .heads = &stranger,
                                            .head_count = 1}},
                     end = {.command = CF_COMMAND_REPORTED};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    attendee_hears(desk, &elsewhere);
    cr_expect_not(cf_link_has_received(desk->link));
    attendee_hears(desk, &end);
    cr_expect(cf_link_has_received(desk->link));
    meeting_close(&m);
}

/* A message without heads counts as one. */
Test(link_older, hears_of_no_more_than_65536_heads)
{
    const cf_head stranger = {{{9}}, 5, {{9}}};
    const cf_message empty = {.command = CF_COMMAND_HOLDS,
                              .holds = {.collection = {"films"}, .heads = NULL, .head_count = 0}};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    for (size_t i = 0; i < CF_HEADS_MAX; i++)
        attendee_hears(desk, &empty);
    cr_expect_eq(desk->lost, 0);
    attendee_hears(desk, &empty);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_TOO_LARGE);
    meeting_close(&m);
}

/* An older broker: neither the checkpoint nor anything else is waited for, or tried again. */
Test(link_older, says_a_checkpoint_and_takes_a_refusal_for_an_answer)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_checkpoint said = {.device = m.desk.id, .position = 1};

    cf_link_start(desk->link);
    meet(&m);
    cf_link_checkpoint(desk->link, &said);
    cr_expect_not(cf_link_is_idle(desk->link), "until it is answered");
    meet(&m);
    cr_expect(cf_link_is_idle(desk->link));
    cr_expect_eq(desk->checkpoints, 1, "an answer, with no other's");
    attendee_hears(desk, &(cf_message){.command = CF_COMMAND_CHECKPOINTS,
                                       .checkpoints = {.at = &said, .count = 1}});
    cr_expect_eq(desk->checkpoints, 1, "nobody had asked for that");
    cf_link_checkpoint(desk->link, &said);
    cr_expect_eq(said_by(desk, CF_COMMAND_CHECKPOINT), 1);
    refuse_unknown(desk);
    cr_expect_eq(desk->unsupported[CF_COMMAND_CHECKPOINT], 1);
    cr_expect(cf_link_is_idle(desk->link));
    refuse_unknown(desk);
    cr_expect_eq(desk->unsupported[CF_COMMAND_CHECKPOINT], 1, "that was something else");
    cf_link_checkpoint(desk->link, &said);
    cr_expect_eq(said_by(desk, CF_COMMAND_CHECKPOINT), 0, "each refusal is paid for");
    cr_expect(cf_link_is_idle(desk->link));
    m.now_ms += CF_DAY_MS;
    cf_link_checkpoint(desk->link, &said);
    cr_expect_eq(said_by(desk, CF_COMMAND_CHECKPOINT), 1, "it was brought up to date");
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

/* What came to be later is not known either, so a refusal is of the latest that has no answer. */
Test(link_older, takes_a_refusal_for_that_of_the_latest_command)
{
    static const cf_id collection = {"notes"};
    const cf_message alone = {.command = CF_COMMAND_ALONE,
                              .alone = {.collection = collection, .begins = true}};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    cf_link_ask_lease(desk->link, &alone);
    cf_link_lacking(desk->link, 3);
    cf_link_ask_chains(desk->link, &m.lap.id, 1);
    cr_expect_eq(said_by(desk, CF_COMMAND_ALONE), 1);
    refuse_unknown(desk);
    cr_expect_eq(desk->unsupported[CF_COMMAND_CHAINS], 1);
    cr_expect(cf_link_is_idle(desk->link), "the question is over");
    refuse_unknown(desk);
    cr_expect_eq(desk->unsupported[CF_COMMAND_LACKING], 1);
    refuse_unknown(desk);
    cr_expect_eq(desk->unsupported[CF_COMMAND_ALONE], 1);
    cf_link_ask_lease(desk->link, &alone);
    cf_link_lacking(desk->link, 3);
    cf_link_ask_chains(desk->link, &m.lap.id, 1);
    cr_expect_eq(said_by(desk, CF_COMMAND_ALONE), 0);
    cr_expect(cf_link_is_idle(desk->link), "and answered at once");
    meeting_close(&m);
}
