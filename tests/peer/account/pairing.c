/* SPDX-License-Identifier: Apache-2.0 */
/* A device that joins by a code, and what it takes for an answer. */
#include "peer/account/pairing_joiner.h"

#include <stdio.h>

#include "codec/message.h"
#include "codec/clock.h"
#include "codec/pairing.h"
#include "tests/support/expect.h"
#include "tests/support/frames.h"

enum { NOW = 1000000 };

static uint64_t read_clock(void *context)
{
    (void)context;
    return NOW;
}

static const cf_hash user = {"the code's user"}, other = {"another user"};

static cf_send_answer take_letter(void *context, cf_bytes destination, cf_frames *frames)
{
    (void)destination;
    *(cf_frames *)context = *frames;
    *frames = (cf_frames){0};
    return CF_SEND_DONE;
}

/* What a broker tells a newcomer, which asks for that first. */
typedef struct {
    uint64_t version, now_ms;
} told;

static void tell_time(cf_link *link, const told *by, cf_outbox *outbox)
{
    const cf_message clock = {.command = CF_COMMAND_CLOCK,
                              .clock = {.version = by->version, .now_ms = by->now_ms}};
    cf_frames letter = {0};

    cf_link_tick(link, NOW, outbox);
    cf_outbox_send(outbox, take_letter, &letter);
    cr_assert_eq(letter.count, 1);
    cf_frames_release(&letter);
    link_hears(link, &clock, NOW, outbox);
}

/* What it says when it has a connection: its KNOCK's hash. */
static cf_hash hear_knock(cf_link *link, cf_outbox *outbox)
{
    cf_frames letter = {0};
    cf_arena arena = {0};
    cf_message message;
    cf_error error;

    cf_link_tick(link, NOW, outbox);
    cf_outbox_send(outbox, take_letter, &letter);
    expect_ok(frames_read(&letter, &arena, &message, &error), error);
    cr_assert_eq(message.command, CF_COMMAND_KNOCK);
    cf_hash hash = cf_knock_hash(message.knock.sealed);
    cf_arena_release(&arena);
    cf_frames_release(&letter);
    return hash;
}

static void answer(cf_link *link, const cf_code *code, const cf_admit *admit, cf_outbox *outbox)
{
    cf_pairing *pairing = cf_pairing_new(code->secret);
    cf_buffer sealed = {0};
    cf_message message = {.command = CF_COMMAND_ADMIT};

    cf_admit_seal(pairing, admit, &sealed);
    memcpy(message.admit.key.bytes, cf_pairing_guest_public(pairing), CF_HASH_SIZE);
    message.admit.sealed = cf_buffer_view(&sealed);
    link_hears(link, &message, NOW, outbox);
    cf_buffer_release(&sealed);
    cf_pairing_destroy(&pairing);
}

static char said[CF_ERROR_TEXT]; /* why it failed */

/* How joining ends, at a broker that tells this, when somebody who knows the code admits to this
 * user. */
static cf_status joined(const cf_hash *admitted_to, told broker)
{
    static const uint8_t seed[32] = {1};
    cf_code code = {.has_user = true, .user = user, .secret = {2}};
    cf_keys *keys = cf_keys_new(seed);
    static const cf_env env = {.now_ms = read_clock};
    cf_outbox *outbox = cf_outbox_new();
    cf_pairing_joiner *joiner = cf_pairing_joiner_new(
        &(cf_pairing_joiner_options){.env = &env, .code = &code, .keys = keys, .name = "new"});
    cf_link *link = cf_pairing_joiner_link(joiner);
    cf_admit admit = {.user = *admitted_to, .role = CF_ROLE_MEMBER};
    cf_status status = CF_OK;
    cf_error error;

    tell_time(link, &broker, outbox);
    if (!cf_pairing_joiner_over(joiner, &status, &error)) {
        admit.knock = hear_knock(link, outbox);
        answer(link, &code, &admit, outbox);
    }
    cr_expect_eq(cf_pairing_joiner_has_knocked(joiner),
                 broker.version == CF_PROTOCOL_VERSION && broker.now_ms <= NOW + CF_DAY_MS);
    cr_assert(cf_pairing_joiner_over(joiner, &status, &error));
    snprintf(said, sizeof said, "%s", status ? error.text : "");
    cf_pairing_joiner_destroy(&joiner);
    cf_outbox_destroy(&outbox);
    cf_keys_destroy(&keys);
    return status;
}

Test(pairing, joins_the_user_that_the_code_names_and_no_other)
{
    cr_expect_eq(joined(&user, (told){CF_PROTOCOL_VERSION, NOW}), CF_OK);
    cr_expect_eq(joined(&other, (told){CF_PROTOCOL_VERSION, NOW}), CF_FORGED);
}

Test(pairing, does_not_knock_where_it_is_another_day)
{
    cr_expect_eq(joined(&user, (told){CF_PROTOCOL_VERSION, NOW + CF_DAY_MS}), CF_OK);
    cr_expect_eq(joined(&user, (told){CF_PROTOCOL_VERSION, NOW + CF_DAY_MS + 1}), CF_FULL);
    cr_expect_eq(joined(&user, (told){CF_PROTOCOL_VERSION, UINT64_MAX}), CF_FULL);
}

Test(pairing, does_not_knock_where_another_version_is_spoken)
{
    char both[80];

    cr_expect_eq(joined(&user, (told){CF_PROTOCOL_VERSION + 1, NOW}), CF_MALFORMED);
    snprintf(both, sizeof both, "speaks version %d of the protocol, and the broker version %d",
             CF_PROTOCOL_VERSION, CF_PROTOCOL_VERSION + 1);
    cr_expect(strstr(said, both), "%s", said);
    cr_expect_eq(joined(&user, (told){0, NOW}), CF_MALFORMED);
}

/* Who waits in vain hears that at the end; see cf_enrolling_step. */
Test(pairing, knows_why_the_broker_puts_it_off)
{
    static const cf_env env = {.now_ms = read_clock};
    const char *text = "what the broker has of this user is damaged";
    cf_code code = {.secret = {2}};
    cf_outbox *outbox = cf_outbox_new();
    cf_pairing_joiner *joiner = cf_pairing_joiner_new(&(cf_pairing_joiner_options){
        .env = &env, .code = &code, .first_entry = cf_bytes_of_text("a first entry")});
    cf_link *link = cf_pairing_joiner_link(joiner);
    cf_message refused = {.command = CF_COMMAND_REFUSED,
                          .refused = {.request = cf_bytes_of_text("KNOCK"),
                                      .later = true,
                                      .code = cf_bytes_of_text(CF_REFUSED_BUSY),
                                      .text = cf_bytes_of_text(text)}};
    cf_status status;
    cf_error error;

    tell_time(link, &(told){CF_PROTOCOL_VERSION, NOW}, outbox);
    hear_knock(link, outbox);
    cr_expect_null(cf_pairing_joiner_delay(joiner));
    link_hears(link, &refused, NOW, outbox);
    cr_expect_not(cf_pairing_joiner_over(joiner, &status, &error));
    cr_expect_str_eq(cf_pairing_joiner_delay(joiner), text);
    cf_pairing_joiner_destroy(&joiner);
    cf_outbox_destroy(&outbox);
}

Test(pairing, takes_no_code_that_has_expired)
{
    cf_code code = {.has_user = true, .user = user, .secret = {2}, .expires_ms = NOW}, taken;
    char text[CF_CODE_TEXT];
    cf_error error;

    snprintf(code.broker.host, sizeof code.broker.host, "broker.example");
    code.broker.port = 7817;
    cf_code_write(&code, text);
    expect_ok(cf_code_take(text, false, NOW - 1, &taken, &error), error);
    expect_fails(cf_code_take(text, false, NOW, &taken, &error), CF_DENIED);
    expect_fails(cf_code_take(text, true, NOW - 1, &taken, &error), CF_DENIED);
}
