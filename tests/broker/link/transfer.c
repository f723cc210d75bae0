/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/link/transfer.h"

#include "tests/broker/people/meeting.h"
#include "tests/support/frames.h"

static meeting m; /* zeroed and opened by every test */

TestSuite(transfer, .timeout = 60);

Test(transfer, brings_many_blobs_within_the_window)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);

    for (int i = 0; i < BLOBS_MAX; i++) {
        cf_hash blob = attendee_has_blob(desk, (size_t)i * 100000 + 1);
        cf_transfer_offer(transfer, &blob, desk->blobs[i].size,
                          cf_transfer_rank_of(desk->blobs[i].size));
        cf_transfer_offer(transfer, &blob, desk->blobs[i].size,
                          cf_transfer_rank_of(desk->blobs[i].size));
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
    cf_transfer_offer(transfer, &blob, 300000, CF_RANK_MEDIUM);
    meet(&m);
    desk->has_no_pieces = true;
    cf_transfer_offer(transfer, &blob, 300000, CF_RANK_MEDIUM);
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
    cf_transfer_offer(transfer, &slow, 300000, CF_RANK_MEDIUM);
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

    cf_blob_memory_disk_fail(m.broker.blob_disk, CF_FULL);
    cf_link_start(desk->link);
    cf_transfer_offer(transfer, &blob, 900000, CF_RANK_MEDIUM);
    meet(&m);
    cr_expect_eq(desk->stored, 0);
    cr_expect_gt(desk->messages[CF_COMMAND_REFUSED], 0);
    cr_expect_gt(desk->delays, 0);
    cr_expect_str_eq(desk->delay, "full: the broker has no room");
    cf_blob_memory_disk_fail(m.broker.blob_disk, CF_OK);
    meet_until_idle(&m);
    cr_expect_eq(desk->stored, 1);
    meeting_close(&m);
}

static void (*real_put)(cf_blobs *blobs, const cf_blob_put *put);
static size_t pieces_put;

/* What came of the upload is gone when the third piece comes. */
static void put_on_a_disk_that_forgets(cf_blobs *blobs, const cf_blob_put *put)
{
    cf_error error;

    if (++pieces_put == 3)
        expect_ok(blobs->drop_upload(blobs, &put->user, &put->id, &error), error);
    real_put(blobs, put);
}

Test(transfer, goes_back_to_pieces_that_the_broker_has_no_more)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 6 * CF_BLOB_STEP);

    pieces_put = 0;
    real_put = m.broker.blobs->put;
    m.broker.blobs->put = put_on_a_disk_that_forgets;
    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 6 * CF_BLOB_STEP, CF_RANK_MEDIUM);
    meet_until_idle(&m);
    cr_expect_eq(desk->stored, 1);
    cr_expect_eq(desk->lost, 0);
    cr_expect_gt(pieces_put, 6 + 2, "nothing was gone");
    meeting_close(&m);
}

Test(transfer, is_told_which_blob_is_not_what_its_name_says)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = attendee_has_blob(desk, 300000);

    cf_link_start(desk->link);
    cf_transfer_offer(cf_link_transfer(desk->link), &blob, 290000, CF_RANK_MEDIUM);
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
    cf_transfer_offer(transfer, &first, 3000000, CF_RANK_MEDIUM);
    m.cut_after = 0;
    cf_link_tick(desk->link, m.now_ms, desk->outbox);
    meet(&m);
    cf_transfer_want(transfer, &first, 0, CF_RANK_LARGE);
    cf_transfer_forget_want(transfer, &first);
    cf_transfer_want(transfer, &first, 2 * CF_BLOB_STEP, CF_RANK_LARGE);
    cf_transfer_want(transfer, &unknown, 0, CF_RANK_LARGE);
    cf_transfer_offer(transfer, &second, 3000, CF_RANK_SMALL);
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

    cf_transfer_offer(cf_link_transfer(desk->link), &blob, SIZE, CF_RANK_MEDIUM);
    cf_link_carries(desk->link, STEP, 2 * STEP, 2 * STEP);
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

/* The place in which it was stored; BLOBS_MAX: it was not. */
static size_t place_of(const attendee *self, const cf_hash *blob)
{
    for (size_t i = 0; i < self->stored && i < BLOBS_MAX; i++)
        if (cf_hash_equal(&self->stored_blobs[i], blob))
            return i;
    return BLOBS_MAX;
}

static cf_hash offer_of(attendee *self, size_t size, cf_transfer_rank rank)
{
    cf_hash blob = attendee_has_blob(self, size);

    cf_transfer_offer(cf_link_transfer(self->link), &blob, size, rank);
    return blob;
}

static cf_hash offer(attendee *self, size_t size)
{
    return offer_of(self, size, cf_transfer_rank_of(size));
}

enum { GETS_MAX = 64 };

/* What waits to be sent, in order: commands, and bytes of PUTs before the first that is none. */
typedef struct {
    size_t bytes, puts, others;
    size_t before_other; /* bytes of PUTs */
    cf_hash last_put;
    uint64_t puts_of[2]; /* bytes, of those not larger than a step, and of the others */
    cf_hash gets[GETS_MAX];
    size_t get_count;
} queue;

static cf_send_answer note_message(void *context, cf_bytes destination, cf_frames *frames)
{
    queue *self = context;
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    (void)destination;
    expect_ok(frames_read(frames, &arena, &message, &error), error);
    if (message.command == CF_COMMAND_PUT) {
        self->puts++;
        self->bytes += message.put.bytes.size;
        self->last_put = message.put.id;
        self->puts_of[message.put.total > CF_BLOB_STEP] += message.put.bytes.size;
    } else if (!self->others++) {
        self->before_other = self->bytes;
    }
    if (message.command == CF_COMMAND_GET && self->get_count < GETS_MAX)
        self->gets[self->get_count++] = message.get.id;
    cf_arena_release(&arena);
    return CF_SEND_DONE;
}

static queue queue_of(attendee *self)
{
    queue waiting = {0};

    cf_link_tick(self->link, m.now_ms, self->outbox);
    cf_outbox_send(self->outbox, note_message, &waiting);
    return waiting;
}

/* Large ones that the other asked for wait for their pieces, and those are at hand now. */
static void ready(attendee *self, const cf_hash *blobs, size_t count)
{
    self->has_no_pieces = false;
    for (size_t i = 0; i < count; i++)
        cf_transfer_ready(cf_link_transfer(self->link), &blobs[i]);
}

enum { SLOW_STEP = 32 * CF_KIB, SLOW_WINDOW = 250000, ENTRY_BLOB = 900000 };

/* At 1 Mbit/s: an edit that is saved during an upload. */
Test(transfer, an_entry_waits_for_two_seconds_of_contents_at_most)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = offer(desk, ENTRY_BLOB);

    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    ready(desk, &blob, 1);
    queue full = queue_of(desk);
    cr_expect_leq(full.bytes, SLOW_WINDOW);
    cr_expect_gt(full.bytes, SLOW_WINDOW - SLOW_STEP, "the line is not used");
    attendee_writes(desk, "an edit", NULL, 0);
    cf_link_publish(desk->link);
    queue edit = queue_of(desk);
    cr_expect_eq(edit.others, 1, "the entry waits");
    cr_expect_eq(edit.puts, 0, "more contents are before it");
    meeting_close(&m);
}

Test(transfer, entries_go_before_contents_and_take_of_their_room)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash blob = offer(desk, ENTRY_BLOB);
    static char body[60000];

    memset(body, 'e', sizeof body - 1);
    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    ready(desk, &blob, 1);
    for (int i = 0; i < 10; i++)
        attendee_writes(desk, body, NULL, 0);
    cf_link_publish(desk->link);
    queue both = queue_of(desk);
    cr_expect_eq(both.before_other, 0);
    cr_expect_eq(both.others, SLOW_WINDOW / sizeof body, "entries beyond what the line takes");
    cr_expect_leq(both.bytes + both.others * sizeof body, SLOW_WINDOW + SLOW_STEP);
    meeting_close(&m);
}

/* Ten contents of 1 MB are on their way, and one of 100 KB is saved. */
Test(transfer, a_small_blob_is_asked_for_and_sent_before_large_ones)
{
    enum { LARGE = 10 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash large[LARGE];

    for (size_t i = 0; i < LARGE; i++)
        large[i] = offer_of(desk, ENTRY_BLOB, CF_RANK_HUGE);
    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    desk->has_no_pieces = false;
    cf_hash small = offer(desk, 100000);
    meet(&m);
    cr_expect_eq(place_of(desk, &small), 0, "it is not asked for while so many are under way");
    small = offer(desk, 90000);
    ready(desk, large, LARGE);
    meet(&m);
    cr_expect_eq(place_of(desk, &small), 1);
    cr_expect_eq(desk->stored, LARGE + 2);
    meeting_close(&m);
}

/* Small ones without end don't keep a large one here for ever. */
Test(transfer, a_large_blob_has_its_share)
{
    enum { SMALL = 20, SIZE = 200000 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash all[SMALL + 1];

    all[SMALL] = offer(desk, ENTRY_BLOB);
    for (size_t i = 0; i < SMALL; i++)
        all[i] = offer(desk, SIZE);
    cf_link_carries(desk->link, SLOW_STEP, CF_WINDOW, CF_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    ready(desk, all, SMALL + 1);
    queue sent = queue_of(desk);
    cr_assert_gt(sent.bytes, 2000000);
    cr_expect_gt(sent.puts_of[0], 2 * sent.puts_of[1], "an edit waits for what is large");
    cr_expect_gt(sent.puts_of[1], sent.bytes / 5, "what is large never goes");
    meeting_close(&m);
}

/* A film, a song, a photo and a page, offered in that order; the pieces are of one size. */
Test(transfer, what_is_least_to_go_goes_first)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash all[CF_RANKS];

    for (size_t rank = CF_RANKS; rank-- > 0;)
        all[rank] = offer_of(desk, ENTRY_BLOB, (cf_transfer_rank)rank);
    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    ready(desk, all, CF_RANKS);
    meet(&m);
    for (size_t rank = 0; rank < CF_RANKS; rank++)
        cr_expect_eq(place_of(desk, &all[rank]), rank, "rank %zu", rank);
    meeting_close(&m);
}

/* The piece is one of a film's, too. */
Test(transfer, a_blob_of_two_contents_has_the_lower_rank)
{
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_hash first = offer_of(desk, ENTRY_BLOB, CF_RANK_LARGE);
    cf_hash both = offer_of(desk, ENTRY_BLOB, CF_RANK_HUGE);

    cf_transfer_offer(cf_link_transfer(desk->link), &both, ENTRY_BLOB, CF_RANK_MEDIUM);
    cf_transfer_offer(cf_link_transfer(desk->link), &both, ENTRY_BLOB, CF_RANK_HUGE);
    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    cf_link_start(desk->link);
    meet(&m);
    cr_expect_eq(place_of(desk, &both), 0);
    cr_expect_eq(place_of(desk, &first), 1);
    meeting_close(&m);
}

/* Small ones are sent without end, and their rank has no room left. */
Test(transfer, a_huge_blob_is_asked_for_whatever_small_ones_are_sent)
{
    enum { SMALL = 20 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);

    for (size_t i = 0; i < SMALL; i++)
        offer(desk, 200000);
    cf_link_carries(desk->link, SLOW_STEP, SLOW_WINDOW, SLOW_WINDOW);
    desk->has_no_pieces = true;
    cf_link_start(desk->link);
    meet(&m);
    cf_hash huge = offer_of(desk, ENTRY_BLOB, CF_RANK_HUGE);
    const size_t before = desk->messages[CF_COMMAND_MISSING];
    meet(&m);
    cr_expect_eq(desk->messages[CF_COMMAND_MISSING], before + 1);
    ready(desk, &huge, 1);
    cr_expect_gt(queue_of(desk).puts_of[1], 0);
    meeting_close(&m);
}

/* A huge one comes, whose size is known, and a small one is wanted: it is next. Of as many small
 * ones as you like the huge one has a quarter. */
Test(transfer, what_is_least_to_come_is_asked_for_first)
{
    enum { SMALL = 40 };
    meeting_open(&m);
    attendee *desk = attend(&m, &m.desk);
    cf_transfer *transfer = cf_link_transfer(desk->link);
    const cf_hash huge = offer(desk, 20 * CF_BLOB_STEP);
    size_t huge_count = 0;

    cf_link_start(desk->link);
    meet(&m);
    cf_transfer_want(transfer, &huge, 0, CF_RANK_HUGE);
    cf_link_limit(desk->link, 0, CF_BLOB_STEP / 2);
    meet(&m); /* the limit holds back the rest */
    cr_assert_gt(desk->received.size, 0);
    cf_link_limit(desk->link, 0, 0);
    for (size_t i = 0; i < SMALL; i++) {
        const cf_hash small = {.bytes = {(uint8_t)(i + 1), 's'}};

        cf_transfer_want(transfer, &small, 0, CF_RANK_SMALL);
    }
    queue asked = queue_of(desk);
    for (size_t i = 0; i < asked.get_count; i++)
        huge_count += cf_hash_equal(&asked.gets[i], &huge);
    cr_assert_eq(asked.get_count, CF_WINDOW / CF_BLOB_STEP);
    for (size_t i = 0; i < 8; i++)
        cr_expect_not(cf_hash_equal(&asked.gets[i], &huge), "a small one waits: %zu", i);
    cr_expect_gt(huge_count, 1, "what is huge never comes");
    cr_expect_lt(huge_count, 5);
    meeting_close(&m);
}

/* An edit of others comes behind what was asked for. */
Test(transfer, no_more_is_asked_for_than_the_line_brings)
{
    static const struct {
        uint64_t window;
        size_t pieces;
    } cases[] = {{0, CF_WINDOW / CF_BLOB_STEP},
                 {1, 2},
                 {5 * CF_BLOB_STEP, 5},
                 {2 * CF_WINDOW, CF_WINDOW / CF_BLOB_STEP}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        meeting_open(&m);
        attendee *desk = attend(&m, &m.desk);
        cf_hash blob = offer(desk, 6000000);

        cf_link_start(desk->link);
        meet(&m);
        cr_assert_eq(desk->stored, 1);
        for (size_t k = 0; k < 20; k++) {
            cf_hash other = {.bytes = {(uint8_t)k}};

            cf_transfer_want(cf_link_transfer(desk->link), k ? &other : &blob, 0, CF_RANK_LARGE);
        }
        cf_link_brings(desk->link, CF_BLOB_STEP, cases[i].window);
        cr_expect_eq(queue_of(desk).others, cases[i].pieces, "window %zu", i);
        cr_expect(cf_link_fetches(desk->link));
        meeting_close(&m);
    }
}
