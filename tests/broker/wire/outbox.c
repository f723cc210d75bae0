/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/wire/outbox.h"
#include "tests/support/expect.h"

#include <string.h>

/* A transport that lets `room` messages through to "slow" and loses "gone". */
typedef struct {
    int room;
    char sent[64]; /* the first letter of each destination */
    uint64_t last; /* bytes of the last CREDIT to "slow" */
} pipe;

static cf_send_answer take(void *context, cf_bytes destination, cf_frames *frames)
{
    pipe *transport = context;
    cf_error error;
    cf_arena arena = {0};
    cf_bytes wire = cf_buffer_view(&frames->frame[0]);
    cf_message message;

    if (cf_bytes_equal(destination, cf_bytes_of_text("gone")))
        return CF_SEND_GONE;
    if (cf_bytes_equal(destination, cf_bytes_of_text("slow"))) {
        if (transport->room == 0)
            return CF_SEND_BLOCKED;
        transport->room--;
        expect_ok(cf_message_read(&wire, frames->count, &arena, &message, &error), error);
        transport->last = message.credit.bytes;
    }
    transport->sent[strlen(transport->sent)] = destination.size ? (char)destination.data[0] : '-';
    cf_frames_release(frames); /* a sender may take them */
    return CF_SEND_DONE;
}

static void credit(cf_outbox *outbox, const char *destination, uint64_t bytes)
{
    cf_message message = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = bytes}};

    cf_outbox_add(outbox, cf_bytes_of_text(destination), &message);
}

Test(outbox, keeps_what_would_block_in_order_and_sends_the_rest)
{
    cf_outbox *outbox = cf_outbox_new();
    pipe transport = {.room = 1};

    credit(outbox, "slow", 1);
    credit(outbox, "slow", 2);
    credit(outbox, "slow", 3);
    credit(outbox, "fast", 4);
    credit(outbox, "", 5);
    cr_expect_not(cf_outbox_send(outbox, take, &transport));
    cr_expect_str_eq(transport.sent, "sf-");
    cr_expect_eq(transport.last, 1);
    cr_expect_gt(cf_outbox_waiting(outbox, cf_bytes_of_text("slow")), 0);
    cr_expect_eq(cf_outbox_waiting(outbox, cf_bytes_of_text("fast")), 0);
    cr_expect_eq(cf_outbox_size(outbox), cf_outbox_waiting(outbox, cf_bytes_of_text("slow")));

    transport.room = 1;
    cr_expect_not(cf_outbox_send(outbox, take, &transport));
    cr_expect_eq(transport.last, 2);
    transport.room = 9;
    cr_expect(cf_outbox_send(outbox, take, &transport));
    cr_expect_eq(transport.last, 3);
    cr_expect_eq(cf_outbox_size(outbox), 0);
    cf_outbox_destroy(&outbox);
}

Test(outbox, forgets_what_was_for_someone_who_left)
{
    cf_outbox *outbox = cf_outbox_new();
    pipe transport = {0};

    credit(outbox, "gone", 1);
    credit(outbox, "gone", 2);
    credit(outbox, "slow", 3);
    cf_outbox_discard(outbox, cf_bytes_of_text("slow"));
    cf_outbox_discard(outbox, cf_bytes_of_text("unknown"));
    cr_expect(cf_outbox_send(outbox, take, &transport));
    cr_expect_str_eq(transport.sent, "");
    cr_expect_eq(cf_outbox_size(outbox), 0);
    cf_outbox_destroy(&outbox);
}

/* What waits longest has the end of the list while others come and go behind it. */
Test(outbox, keeps_one_that_is_slow_before_those_that_come_later)
{
    cf_outbox *outbox = cf_outbox_new();
    pipe transport = {0};

    credit(outbox, "slow", 1);
    credit(outbox, "fast", 1);
    cr_expect_not(cf_outbox_send(outbox, take, &transport));
    credit(outbox, "later", 1);
    transport.room = 1;
    cr_expect(cf_outbox_send(outbox, take, &transport));
    cr_expect_str_eq(transport.sent, "fsl");
    cf_outbox_destroy(&outbox);
}

/* A message of a few bytes takes a few hundred. */
Test(outbox, counts_small_messages_as_what_they_take)
{
    enum { MESSAGES = 100, EACH = 256 };
    cf_outbox *outbox = cf_outbox_new();

    for (int i = 0; i < MESSAGES; i++)
        credit(outbox, "slow", 1);
    cr_expect_geq(cf_outbox_waiting(outbox, cf_bytes_of_text("slow")), MESSAGES * EACH);
    cr_expect_geq(cf_outbox_size(outbox), MESSAGES * EACH);
    cf_outbox_destroy(&outbox);
}
