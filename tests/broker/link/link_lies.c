/* SPDX-License-Identifier: Apache-2.0 */
/* A link and a broker that lies. */
#include "broker/link/link.h"

#include <stdio.h>
#include <string.h>

#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(link_lies, .timeout = 60);

Test(link_lies, takes_no_entry_of_another_user)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    person other = an_account(40);

    cf_link_start(desk->link);
    meet(&m);
    size_t entries = desk->entries;
    first_entry(&other);
    attendee_hears(desk,
                   &(cf_message){.command = CF_COMMAND_ENTRY,
                                 .entry = {.position = 99, .entry = cf_buffer_view(&other.wire)}});
    cr_expect_eq(desk->entries, entries);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    person_end(&other);
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
    attendee_hears(desk, &welcome);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_MALFORMED);
    char versions[128];
    snprintf(versions, sizeof versions,
             "speaks version %d of the protocol, and the broker version %d:", CF_PROTOCOL_VERSION,
             CF_PROTOCOL_VERSION + 1);
    cr_expect(strstr(desk->loss, versions), "%s", desk->loss);
    meeting_close(&m);
}

/* What is before HELLO it may answer as a broker that doesn't know of that: the version is read all
 * the same. */
static void refuse_version(bool is_confined)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    const cf_message again = {.command = CF_COMMAND_AGAIN},
                     refused = {
                         .command = CF_COMMAND_REFUSED,
                         .refused = {.request = cf_bytes_of_text("HELLO"),
                                     .code = cf_bytes_of_text(CF_REFUSED_VERSION),
                                     .text = cf_bytes_of_text("this program speaks 1, I speak 2")}};

    if (is_confined)
        cf_link_confine(desk->link, &papers, 1);
    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    if (is_confined)
        attendee_hears(desk, &again);
    cr_expect_eq(desk->lost, 0);
    attendee_hears(desk, &refused);
    cr_expect_eq(desk->lost, 1);
    cr_expect_eq(desk->last_loss, CF_MALFORMED, "not as if it were shut out");
    cr_expect(strstr(desk->loss, "this program speaks 1, I speak 2"), "%s", desk->loss);
    meeting_close(&m);
}

Test(link_lies, is_told_that_the_broker_speaks_another_version)
{
    refuse_version(false);
}

Test(link_lies, is_told_so_of_a_session_that_it_confines)
{
    refuse_version(true);
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
        attendee_hears(desk, &welcome);
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
    cf_arena arena = {0};
    cf_message message;
    cf_entry entry;
    cf_error error;

    cr_expect_eq(destination.size, 0);
    expect_ok(frames_read(frames, &arena, &message, &error), error);
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

    attendee_hears(desk, &welcome);
    welcome.welcome.heads = heads;
    welcome.welcome.head_count = CF_HEADS_PAGE;
    for (size_t page = 0; page < PAGES; page++) {
        cr_assert_eq(desk->connected, 0);
        for (size_t i = 0; i < CF_HEADS_PAGE; i++)
            heads[i].sequence = 1 + page * CF_HEADS_PAGE + i;
        welcome.welcome.more = page + 1 < PAGES;
        attendee_hears(desk, &welcome);
    }
}

static void bring(attendee *desk, const person *author)
{
    attendee_hears(desk,
                   &(cf_message){.command = CF_COMMAND_ENTRY,
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
    attendee_hears(desk, &(cf_message){.command = CF_COMMAND_SUBSCRIBED});
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
    attendee_hears(desk, &welcome);
    welcome.welcome.head_count = CF_HEADS_PAGE;
    for (size_t i = 0; i < CF_HEADS_PAGE; i++)
        heads[i].sequence = 1 + i;
    for (size_t page = 0; page <= PAGES; page++) {
        cr_assert_eq(desk->lost, 0, "page %zu", page);
        attendee_hears(desk, &welcome);
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
        cf_message message = {.command = CF_COMMAND_BLOB,
                              .blob = {.id = blob,
                                       .offset = pieces[i].offset,
                                       .total = pieces[i].total,
                                       .bytes = cf_bytes_of("eleven bytes", 12)}};
        attendee_hears_cut(desk, &message, pieces[i].size);
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
        {.command = CF_COMMAND_PAUSED, .paused = {.collections = &paused, .count = 1}},
    };

    cf_link_start(desk->link);
    cf_link_tick(desk->link, m.now_ms, nowhere);
    for (size_t i = 0; i < 3; i++)
        attendee_hears(desk, &messages[i]);
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
    m.now_ms += CF_LINK_PATIENCE_MS;
    cf_link_tick(desk->link, m.now_ms, nowhere);
    cr_expect_eq(desk->lost, 1);
    cf_outbox_destroy(&nowhere);
    meeting_close(&m);
}
