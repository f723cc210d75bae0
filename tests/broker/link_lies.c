/* SPDX-License-Identifier: Apache-2.0 */
/* A link and a broker that lies. */
#include "broker/link/link.h"

#include "tests/broker/meeting.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_lies, .timeout = 60);

// Brings a message to self, its last frame cut to last_size bytes: our own writer makes no frame
// that can't be.
static void hear_cut(attendee *self, const cf_message *message, size_t last_size)
{
    cf_frames frames = {0};
    cf_bytes views[CF_MESSAGE_FRAMES];

    cf_message_write(message, &frames);
    for (size_t i = 0; i < frames.count; i++)
        views[i] = cf_buffer_view(&frames.frame[i]);
    if (views[frames.count - 1].size > last_size)
        views[frames.count - 1].size = last_size;
    cf_link_handle(self->link, views, frames.count, self->at->now_ms, self->outbox);
    cf_frames_release(&frames);
}

static void hear(attendee *self, const cf_message *message)
{
    hear_cut(self, message, SIZE_MAX);
}

Test(link_lies, takes_no_entry_of_another_user)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    person other = an_account(40);

    cf_link_start(desk->link);
    meet(&m);
    size_t entries = desk->entries;
    first_entry(&other);
    hear(desk, &(cf_message){.command = CF_COMMAND_ENTRY,
                             .entry = {.position = 99, .entry = cf_buffer_view(&other.wire)}});
    cr_expect_eq(desk->entries, entries);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    person_end(&other);
    meeting_close(&m);
}

static void refuse_unknown(attendee *to)
{
    hear(to, &(cf_message){.command = CF_COMMAND_REFUSED,
                           .refused = {.code = cf_bytes_of_text(CF_REFUSED_UNSUPPORTED)}});
}

typedef struct {
    cf_command command;
    size_t count;
} tally;

static cf_send_answer count_one(void *context, cf_bytes destination, cf_frames *frames)
{
    tally *self = context;
    cf_bytes views[CF_MESSAGE_FRAMES];
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    (void)destination;
    for (size_t i = 0; i < frames->count; i++)
        views[i] = cf_buffer_view(&frames->frame[i]);
    expect_ok(cf_message_read(views, frames->count, &arena, &message, &error), error);
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
Test(link_lies, ends_no_question_by_what_an_older_broker_refuses_beside_it)
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
Test(link_lies, ends_a_question_for_chains_that_an_older_broker_refuses)
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
Test(link_lies, takes_no_confined_that_nobody_asked_for)
{
    const cf_message confined = {.command = CF_COMMAND_CONFINED};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk), *lap = attend(&m, &m.lap);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    hear(desk, &confined);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    cf_link_confine(lap->link, &papers, 1);
    cf_link_start(lap->link);
    cf_link_tick(lap->link, m.now_ms, lap->outbox);
    hear(lap, &confined);
    cr_expect_eq(lap->lost, 0);
    hear(lap, &confined);
    cr_expect_eq(lap->last_loss, CF_MALFORMED);
    meeting_close(&m);
}

/* The first is that of a broker that doesn't know CONFINE, the second ends the session. */
Test(link_lies, is_told_again_once_where_it_is_confined)
{
    const cf_message again = {.command = CF_COMMAND_AGAIN};

    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_link_confine(desk->link, &papers, 1);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    hear(desk, &again);
    cr_expect_eq(desk->lost, 0);
    hear(desk, &again);
    cr_expect_eq(desk->last_loss, CF_CHANGED);
    meeting_close(&m);
}

/* Neither of another device than was asked for, nor a page that is not the last, nor a report. */
Test(link_lies, ends_no_question_for_chains_by_another_answer)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_message other = {.command = CF_COMMAND_ENDS, .ends = {m.desk.id, NULL, 0, false}},
                     page = {.command = CF_COMMAND_ENDS, .ends = {m.lap.id, NULL, 0, true}},
                     last = {.command = CF_COMMAND_ENDS, .ends = {m.lap.id, NULL, 0, false}},
                     report = {.command = CF_COMMAND_REPORTED};

    cf_link_start(desk->link);
    meet(&m);
    cf_link_ask_chains(desk->link, &m.lap.id, 1);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    hear(desk, &other);
    hear(desk, &page);
    hear(desk, &report);
    cr_expect_not(cf_link_is_idle(desk->link));
    hear(desk, &last);
    cr_expect(cf_link_is_idle(desk->link));
    hear(desk, &last);
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
    hear(desk, &welcome);
    hear(desk, &subscribed);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    return desk;
}

/* Where it writes the broker says; until then it may be here. */
Test(link_lies, awaits_a_stranger_that_writes_where_it_is_confined_to)
{
    const cf_head stranger = {{{9}}, 5, {{9}}}, other = {{{8}}, 5, {{8}}};
    const cf_message elsewhere = {.command = CF_COMMAND_HOLDS, .holds = {{"films"}, &other, 1}},
                     here = {.command = CF_COMMAND_HOLDS, .holds = {papers, &stranger, 1}},
                     end = {.command = CF_COMMAND_REPORTED};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    cr_expect_eq(cf_link_owed(desk->link), 0);
    cr_expect_not(cf_link_has_received(desk->link));
    hear(desk, &elsewhere);
    cr_expect_eq(cf_link_owed(desk->link), 0);
    hear(desk, &here);
    cr_expect_not(cf_link_has_received(desk->link));
    hear(desk, &end);
    cr_expect_eq(cf_link_owed(desk->link), 1);
    cr_expect_not(cf_link_has_received(desk->link));
    hear(desk, &here);
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

Test(link_lies, awaits_no_stranger_that_writes_elsewhere)
{
    const cf_head stranger = {{{9}}, 5, {{9}}};
    const cf_message elsewhere = {.command = CF_COMMAND_HOLDS, .holds = {{"films"}, &stranger, 1}},
                     end = {.command = CF_COMMAND_REPORTED};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    hear(desk, &elsewhere);
    cr_expect_not(cf_link_has_received(desk->link));
    hear(desk, &end);
    cr_expect(cf_link_has_received(desk->link));
    meeting_close(&m);
}

/* A message without heads counts as one. */
Test(link_lies, hears_of_no_more_than_65536_heads)
{
    const cf_head stranger = {{{9}}, 5, {{9}}};
    const cf_message empty = {.command = CF_COMMAND_HOLDS, .holds = {{"films"}, NULL, 0}};

    meeting_open(&m);
    attendee *desk = meet_stranger(&stranger);
    for (size_t i = 0; i < CF_HEADS_MAX; i++)
        hear(desk, &empty);
    cr_expect_eq(desk->lost, 0);
    hear(desk, &empty);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_TOO_LARGE);
    meeting_close(&m);
}

/* An older broker: neither the checkpoint nor anything else is waited for, or tried again. */
Test(link_lies, says_a_checkpoint_and_takes_a_refusal_for_an_answer)
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
    hear(desk, &(cf_message){.command = CF_COMMAND_CHECKPOINTS, .checkpoints = {&said, 1}});
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
Test(link_lies, takes_a_refusal_for_that_of_the_latest_command)
{
    static const cf_id collection = {"notes"};
    const cf_message alone = {.command = CF_COMMAND_ALONE, .alone = {collection, true}};

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

Test(link_lies, ends_a_session_in_another_version)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_message welcome = {.command = CF_COMMAND_WELCOME,
                                .welcome = {.version = CF_PROTOCOL_VERSION + 1}};

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    hear(desk, &welcome);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    meeting_close(&m);
}

Test(link_lies, lets_a_broker_name_no_end_of_heads)
{
    enum { PAGES = CF_HEADS_MAX / CF_HEADS_PAGE };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message welcome = {.command = CF_COMMAND_WELCOME,
                          .welcome = {.version = CF_PROTOCOL_VERSION,
                                      .now_ms = m.now_ms,
                                      .window = CF_WINDOW,
                                      .heads = heads,
                                      .head_count = CF_HEADS_PAGE,
                                      .more = true}};

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    for (size_t page = 0; page <= PAGES; page++) {
        cr_assert_eq(desk->lost, 0);
        for (size_t i = 0; i < CF_HEADS_PAGE; i++)
            heads[i].sequence = 1 + page * CF_HEADS_PAGE + i;
        hear(desk, &welcome);
    }
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_TOO_LARGE);
    meeting_close(&m);
}

/* What a link sent to a broker that takes everything. */
typedef struct {
    size_t subscribed;                       /* collections that SUBSCRIBE named; 0: all */
    cf_id collection;                        /* the first of these */
    size_t published[CF_ENTRY_SNAPSHOT + 1]; /* entries, by their type */
} sent;

static cf_send_answer look_at(void *context, cf_bytes destination, cf_frames *frames)
{
    sent *seen = context;
    cf_bytes views[CF_MESSAGE_FRAMES];
    cf_arena arena = {0};
    cf_message message;
    cf_entry entry;
    cf_error error;

    cr_expect_eq(destination.size, 0);
    for (size_t i = 0; i < frames->count; i++)
        views[i] = cf_buffer_view(&frames->frame[i]);
    expect_ok(cf_message_read(views, frames->count, &arena, &message, &error), error);
    if (message.command == CF_COMMAND_SUBSCRIBE) {
        seen->subscribed = message.subscribe.collection_count;
        if (seen->subscribed)
            seen->collection = message.subscribe.collections[0];
    } else if (message.command == CF_COMMAND_PUBLISH) {
        expect_ok(cf_entry_read(message.publish.entry, &arena, &entry, &error), error);
        cr_assert_lt((size_t)entry.header.type, sizeof seen->published / sizeof *seen->published);
        seen->published[entry.header.type]++;
    }
    cf_arena_release(&arena);
    return CF_SEND_DONE;
}

/* Greets with a first page that ends the member log, and with more heads than are taken. */
static void welcome_crowd(attendee *desk, const cf_head *member)
{
    enum { PAGES = CF_HEADS_MAX / CF_HEADS_PAGE };
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message welcome = {.command = CF_COMMAND_WELCOME,
                          .welcome = {.version = CF_PROTOCOL_VERSION,
                                      .now_ms = m.now_ms,
                                      .window = CF_WINDOW,
                                      .heads = member,
                                      .head_count = 1,
                                      .more = true}};

    hear(desk, &welcome);
    welcome.welcome.heads = heads;
    welcome.welcome.head_count = CF_HEADS_PAGE;
    for (size_t page = 0; page < PAGES; page++) {
        cr_assert_eq(desk->connected, 0);
        for (size_t i = 0; i < CF_HEADS_PAGE; i++)
            heads[i].sequence = 1 + page * CF_HEADS_PAGE + i;
        welcome.welcome.more = page + 1 < PAGES;
        hear(desk, &welcome);
    }
}

static void bring(attendee *desk, const person *author)
{
    hear(desk, &(cf_message){.command = CF_COMMAND_ENTRY,
                             .entry = {.position = 1, .entry = cf_buffer_view(&author->wire)}});
}

Test(link_lies, goes_on_with_the_member_log_alone_where_there_are_too_many_heads)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    sent seen = {.subscribed = SIZE_MAX};

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    welcome_crowd(desk, &m.account.head);
    cr_expect_eq(desk->lost, 0);
    cr_expect_eq(desk->connected, 1);
    cr_expect(desk->is_crowded);
    cf_outbox_send(desk->outbox, look_at, &seen);
    cr_expect_eq(seen.subscribed, 1);
    cr_expect(cf_id_equal(&seen.collection, &cf_member_log_id));
    meeting_close(&m);
}

/* So an owner learns who is in, and a revocation gets out. */
Test(link_lies, lets_the_member_log_to_and_fro_where_there_are_too_many_heads)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    sent seen = {0};

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    welcome_crowd(desk, &m.account.head);
    hear(desk, &(cf_message){.command = CF_COMMAND_SUBSCRIBED});
    bring(desk, &m.account);
    cr_expect_eq(desk->entries, 1, "a member entry comes in");
    write_change(&m.lap, "what only fills the log", NULL, 0);
    bring(desk, &m.lap);
    cr_expect_eq(desk->entries, 1, "a change doesn't");
    attendee_writes(desk, "what has to wait", NULL, 0);
    shut_out(&m.desk, &m.lap.id, NULL, 0);
    append_wire_of(desk, &m.desk);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    cf_outbox_send(desk->outbox, look_at, &seen);
    cr_expect_eq(seen.published[CF_ENTRY_MEMBER], 1);
    cr_expect_eq(seen.published[CF_ENTRY_CHANGE], 0);
    cr_expect_eq(desk->lost, 0);
    meeting_close(&m);
}

/* Nor does it read on for ever. */
Test(link_lies, ends_a_welcome_that_goes_on_and_on)
{
    enum { PAGES = CF_WELCOME_MAX / CF_HEADS_PAGE };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_head heads[CF_HEADS_PAGE] = {0};
    cf_message welcome = {.command = CF_COMMAND_WELCOME,
                          .welcome = {.version = CF_PROTOCOL_VERSION,
                                      .now_ms = m.now_ms,
                                      .window = CF_WINDOW,
                                      .heads = heads,
                                      .more = true}};

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    hear(desk, &welcome);
    welcome.welcome.head_count = CF_HEADS_PAGE;
    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = 1 + i;
    for (size_t page = 0; page <= PAGES; page++) {
        cr_assert_eq(desk->lost, 0, "page %zu", page);
        hear(desk, &welcome);
    }
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_TOO_LARGE);
    meeting_close(&m);
}

static cf_status name_many(cf_store *store, const cf_hash *user, cf_head_visit *visit,
                           void *context, cf_error *error)
{
    (void)store;
    (void)user;
    (void)error;
    for (uint64_t i = 1; i <= CF_HEADS_MAX + 1000; i++)
        if (!visit(context, &(cf_head){.sequence = i}))
            break;
    return CF_OK;
}

/* Of a log from before there were bounds HELLO names what a session may. */
Test(link_lies, greets_with_no_more_heads_than_a_session_may_name)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    desk->store->heads = name_many;
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(desk->lost, 0);
    cr_expect_eq(desk->connected, 1);
    meeting_close(&m);
}

/* A broker that takes all and answers nothing. */
static size_t sent_unanswered(int entries)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    cf_link_start(desk->link);
    meet(&m);
    for (int i = 0; i < entries; i++)
        attendee_writes(desk, "a change", NULL, 0);
    cr_assert_eq(cf_outbox_size(desk->outbox), 0);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    size_t size = cf_outbox_size(desk->outbox);
    meeting_close(&m);
    m = (meeting){0};
    return size;
}

Test(link_lies, leaves_no_endless_row_of_entries_unanswered)
{
    enum { FLIGHTS_MAX = 1024 };
    size_t most = sent_unanswered(FLIGHTS_MAX);

    cr_expect_gt(most, sent_unanswered(FLIGHTS_MAX - 1));
    cr_expect_eq(most, sent_unanswered(FLIGHTS_MAX + 1));
}

Test(link_lies, takes_no_piece_of_a_blob_that_can_not_be)
{
    static const cf_hash blob = {"a blob"};
    static const struct {
        uint64_t offset, total;
        size_t size;
    } pieces[] = {
        {0, 10, 11},
        {5, 10, 6},
        {11, 10, 1},
        {UINT64_MAX, 10, 1},
        {0, 10, 0},
        {0, 0, 1},
        {0, CF_BLOB_MAX + CF_BLOB_OVERHEAD + 1, 1},
    };

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        meeting_open(&m);
        attendee *desk = attend(&m, &m.desk);
        cf_link_start(desk->link);
        meet(&m);
        cf_transfer_want(cf_link_transfer(desk->link), &blob, 0, CF_RANK_LARGE);
        cf_link_tick(desk->link, m.now_ms, desk->outbox);
        cf_message message = {
            .command = CF_COMMAND_BLOB,
            .blob = {blob, pieces[i].offset, pieces[i].total, cf_bytes_of("eleven bytes", 12)}};
        hear_cut(desk, &message, pieces[i].size);
        cr_expect_eq(desk->received.size, 0, "piece %zu", i);
        cr_expect_eq(desk->lost, 1, "piece %zu", i);
        meeting_close(&m);
        m = (meeting){0};
    }
}

/* It names heads, says that another communicates alone, and leaves it at that. */
Test(link_lies, lets_a_broker_keep_entries_back_for_no_longer_than_anybody_may)
{
    enum { ELEVEN_MINUTES = 660000 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_outbox *nowhere = cf_outbox_new();
    const cf_head head = {.sequence = 7};
    const cf_paused paused = {papers, 0, true};
    const cf_message messages[] = {
        {.command = CF_COMMAND_WELCOME,
         .welcome = {.version = CF_PROTOCOL_VERSION,
                     .now_ms = m.now_ms,
                     .window = CF_WINDOW,
                     .heads = &head,
                     .head_count = 1}},
        {.command = CF_COMMAND_SUBSCRIBED},
        {.command = CF_COMMAND_PAUSED, .paused = {&paused, 1}},
    };

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, nowhere);
    for (size_t i = 0; i < 3; i++)
        hear(desk, &messages[i]);
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_assert_eq(cf_link_owed(desk->link), 1);
    m.now_ms += ELEVEN_MINUTES - 1;
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_expect_not(cf_link_is_unanswered(desk->link));
    cr_expect_eq(desk->leases[CF_COMMAND_PAUSED], 1);
    m.now_ms++;
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_expect_eq(desk->leases[CF_COMMAND_PAUSED], 2, "its owner hears that it is over");
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_expect_eq(desk->leases[CF_COMMAND_PAUSED], 2);
    cr_expect(cf_link_is_unanswered(desk->link));
    cr_expect_eq(desk->lost, 0);
    m.now_ms += CF_REQUEST_TIMEOUT_MS;
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_expect_eq(desk->lost, 1);
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}
