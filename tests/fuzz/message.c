/* SPDX-License-Identifier: Apache-2.0 */
/* Protocol messages; the input is their frames, each behind its length. */
#include "tests/fuzz/target.h"

#include "codec/message.h"

enum { FRAMES_MAX = 4 };

static const cf_head heads[] = {{{{1}}, 3, {{2}}}, {{{2}}, 1, {{1}}}};
static const cf_hash ids[] = {{{1}}, {{2}}};
static const cf_id collections[] = {{{1}}, {{2}}};
static const cf_partial partials[] = {{{{1}}, 5}, {{{2}}, 0}};
static const cf_lease_token token = {3, 4};
static const cf_paused paused[] = {{{{4}}, 99, true}, {{{5}}, 98, false}};
static const cf_lease leases[] = {{{{1}}, {{2}}, {{3}}, 99, true, 9},
                                  {{{1}}, {{2}}, {{4}}, 99, true, 9}};

static const cf_bytes endpoints[] = {{(const uint8_t *)"one", 3}, {(const uint8_t *)"two", 3}};

static const cf_checkpoint checkpoints[] = {{{{1}}, {2}, 3, {{4}}, {5}},
                                            {{{6}}, {7}, 8, {{9}}, {10}}};

static void fill_session(cf_message *message)
{
    switch (message->command) {
    case CF_COMMAND_HELLO:
        message->hello.version = 1;
        message->hello.heads = heads;
        message->hello.head_count = 2;
        break;
    case CF_COMMAND_WELCOME:
        message->welcome.version = 1;
        message->welcome.heads = heads;
        message->welcome.head_count = 2;
        message->welcome.more = true;
        break;
    case CF_COMMAND_SUBSCRIBE:
        message->subscribe.rungs = heads;
        message->subscribe.rung_count = 2;
        message->subscribe.collections = collections;
        message->subscribe.collection_count = 2;
        break;
    case CF_COMMAND_SUBSCRIBED:
        message->subscribed.held = heads;
        message->subscribed.held_count = 2;
        break;
    case CF_COMMAND_MOVED:
        message->moved.endpoint = cf_bytes_of_text("tcp://host:1#key");
        break;
    case CF_COMMAND_ENTRY:
        message->entry.entry = cf_bytes_of("an entry", 8);
        break;
    case CF_COMMAND_PUBLISH:
        message->publish.token = &token;
        message->publish.without = ids;
        message->publish.without_count = 2;
        message->publish.entry = cf_bytes_of("an entry", 8);
        break;
    default:
        break;
    }
}

static void fill_rest(cf_message *message)
{
    switch (message->command) {
    case CF_COMMAND_CLOCK:
        message->clock.version = 1;
        break;
    case CF_COMMAND_ACCEPTED:
        message->accepted.head = heads[0];
        break;
    case CF_COMMAND_REFUSED:
        message->refused.request = cf_bytes_of_text("PUBLISH");
        message->refused.name = cf_bytes_of(ids[0].bytes, CF_HASH_SIZE);
        message->refused.code = cf_bytes_of_text(CF_REFUSED_GAP);
        message->refused.text = cf_bytes_of_text("its predecessor isn't here");
        break;
    case CF_COMMAND_HAVE:
    case CF_COMMAND_WANTED:
        message->have.ids = ids;
        message->have.id_count = 2;
        break;
    case CF_COMMAND_MISSING:
        message->missing.blobs = partials;
        message->missing.blob_count = 2;
        break;
    case CF_COMMAND_PUT:
    case CF_COMMAND_BLOB:
        message->put.total = 9;
        message->put.bytes = cf_bytes_of("nine byte", 9);
        break;
    case CF_COMMAND_LOCK:
        message->lock.for_ms = 1000;
        break;
    case CF_COMMAND_FETCH:
        message->get.size = 4096;
        break;
    case CF_COMMAND_RENEW:
        message->renew.for_ms = 1000;
        break;
    case CF_COMMAND_UNLOCK:
        message->unlock.token = &token;
        break;
    case CF_COMMAND_LEASES:
        message->leases.leases = leases;
        message->leases.lease_count = 2;
        break;
    case CF_COMMAND_PAUSED:
        message->paused.collections = paused;
        message->paused.count = 2;
        break;
    case CF_COMMAND_CHECKPOINT:
        message->checkpoint = checkpoints[0];
        break;
    case CF_COMMAND_CHECKPOINTS:
        message->checkpoints.at = checkpoints;
        message->checkpoints.count = 2;
        break;
    case CF_COMMAND_ENDPOINTS:
        message->endpoints.endpoints = endpoints;
        message->endpoints.endpoint_count = 2;
        break;
    case CF_COMMAND_KNOCK:
        message->knock.user = ids;
        message->knock.sealed = cf_bytes_of("sealed", 6);
        break;
    case CF_COMMAND_ADMIT:
        message->admit.sealed = cf_bytes_of("sealed", 6);
        break;
    case CF_COMMAND_REPORT:
        message->report.heads = heads;
        message->report.head_count = 2;
        break;
    case CF_COMMAND_HOLDS:
        message->holds.heads = heads;
        message->holds.head_count = 2;
        break;
    case CF_COMMAND_CONFINE:
        message->confine.collections = collections;
        message->confine.count = 2;
        break;
    case CF_COMMAND_CHAINS:
        message->chains.devices = ids;
        message->chains.count = 2;
        break;
    case CF_COMMAND_ENDS:
        message->ends.device = ids[0];
        message->ends.heads = heads;
        message->ends.head_count = 2;
        break;
    case CF_COMMAND_REPORTED:
        message->reported.device = ids;
        message->reported.heads = heads;
        message->reported.head_count = 2;
        break;
    default:
        break;
    }
}

static void add_frames(const cf_message *message, cf_buffer *out)
{
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    for (size_t i = 0; i < frames.count; i++)
        fuzz_add_chunk(out, cf_buffer_view(&frames.frame[i]));
    cf_frames_release(&frames);
}

bool fuzz_seed(size_t number, cf_buffer *out)
{
    cf_message message = {.command = (cf_command)(CF_COMMAND_HELLO + number)};

    if (message.command > CF_COMMAND_CONFINED)
        return false;
    fill_session(&message);
    fill_rest(&message);
    add_frames(&message, out);
    return true;
}

static bool check(const cf_bytes *frames, size_t count)
{
    cf_arena arena = {0};
    cf_message message;
    cf_frames again = {0};
    cf_error error;

    bool taken = !cf_message_read(frames, count, &arena, &message, &error);
    if (taken && cf_message_is_of_this_version(&message)) {
        cf_message_write(&message, &again);
        fuzz_must(again.count == count);
        for (size_t i = 0; i < count; i++)
            fuzz_must(cf_bytes_equal(cf_buffer_view(&again.frame[i]), frames[i]));
    }
    cf_frames_release(&again);
    cf_arena_release(&arena);
    return taken;
}

bool fuzz_run(cf_bytes input)
{
    fuzz_input rest = {input};
    cf_bytes frames[FRAMES_MAX];
    size_t count = 0;

    do
        frames[count++] = fuzz_chunk(&rest);
    while (rest.rest.size && count < FRAMES_MAX);
    return check(frames, count);
}
