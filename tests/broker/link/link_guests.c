/* SPDX-License-Identifier: Apache-2.0 */
/* What an owner's session tells a broker of those whom it would let in. */
#include "broker/link/guests.h"

#include "tests/support/expect.h"

enum { MINUTE_MS = 60000, NOW = 100 * MINUTE_MS };

static const cf_hash guest = {"the guest's key"};

typedef struct {
    size_t guests, admissions;
    uint64_t expires_ms; /* of the last guest */
} said;

static cf_send_answer hear(void *context, cf_bytes destination, cf_frames *frames)
{
    said *self = context;
    const cf_bytes wire[] = {cf_buffer_view(&frames->frame[0]), cf_buffer_view(&frames->frame[1])};
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    (void)destination;
    expect_ok(cf_message_read(wire, frames->count, &arena, &message, &error), error);
    if (message.command == CF_COMMAND_GUEST) {
        self->guests++;
        self->expires_ms = message.guest.expires_ms;
    }
    self->admissions += message.command == CF_COMMAND_ADMIT;
    cf_arena_release(&arena);
    cf_frames_release(frames);
    return CF_SEND_DONE;
}

/* In one turn of the link. */
static said says_at(cf_guests *guests, uint64_t now_ms)
{
    cf_outbox *outbox = cf_outbox_new();
    said all = {0};

    cf_guests_pump(guests, now_ms, outbox);
    cf_outbox_send(outbox, hear, &all);
    cf_outbox_destroy(&outbox);
    return all;
}

Test(link_guests, are_taken_back_whatever_the_clocks_are)
{
    static const int64_t ahead_ms[] = {-20 * MINUTE_MS, 0, 20 * MINUTE_MS};

    for (size_t i = 0; i < sizeof ahead_ms / sizeof *ahead_ms; i++) {
        cf_guests *guests = cf_guests_new();

        cf_guests_begin(guests, ahead_ms[i]);
        cf_guests_allow(guests, &guest, NOW + MINUTE_MS);
        cr_expect_eq(says_at(guests, NOW).expires_ms,
                     (uint64_t)((int64_t)NOW + MINUTE_MS + ahead_ms[i]));
        cf_guests_allow(guests, &guest, 0);
        const said all = says_at(guests, NOW);
        cr_expect_eq(all.guests, 1);
        cr_expect_eq(all.expires_ms, 0, "%zu", i);
        cf_guests_destroy(&guests);
    }
}

Test(link_guests, are_not_said_when_their_time_is_over)
{
    cf_guests *guests = cf_guests_new();

    cf_guests_begin(guests, 0);
    cf_guests_allow(guests, &guest, NOW);
    cr_expect_eq(says_at(guests, NOW).guests, 0);
    cf_guests_allow(guests, &guest, NOW + 1);
    cr_expect_eq(says_at(guests, NOW).guests, 1);
    cf_guests_destroy(&guests);
}

Test(link_guests, are_answered_once_a_session)
{
    cf_guests *guests = cf_guests_new();

    cf_guests_begin(guests, 0);
    cf_guests_allow(guests, &guest, NOW + MINUTE_MS);
    says_at(guests, NOW);
    cr_expect(cf_guests_is_waiting(guests));
    cr_expect(cf_guests_answered(guests, &guest, false));
    cr_expect_not(cf_guests_answered(guests, &guest, false));
    cf_guests_begin(guests, 0);
    cr_expect_eq(says_at(guests, NOW).guests, 1);
    cr_expect(cf_guests_answered(guests, &guest, false));
    cf_guests_destroy(&guests);
}

/* Who was not answered knocks again, at whichever broker. */
Test(link_guests, get_no_answer_that_was_for_a_knock_before)
{
    cf_guests *guests = cf_guests_new();

    cf_guests_begin(guests, 0);
    cf_guests_admit(guests, &guest, cf_bytes_of_text("sealed"));
    cf_guests_begin(guests, 0);
    cr_expect_eq(says_at(guests, NOW).admissions, 0);
    cf_guests_admit(guests, &guest, cf_bytes_of_text("sealed"));
    cr_expect_eq(says_at(guests, NOW).admissions, 1);
    cr_expect_eq(says_at(guests, NOW).admissions, 0);
    cf_guests_destroy(&guests);
}
