/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/message.h"
#include "codec/pack.h"
#include "tests/support/expect.h"
#include "tests/support/views.h"

#include <stdio.h>
#include <string.h>

static const cf_hash hashes[] = {{{1, 2, 3}}, {{4, 5, 6}}};
static const cf_id ids[] = {{{7}}, {{8}}};
static const cf_head heads[] = {{{{9}}, 300, {{10}}}, {{{9}}, 299, {{11}}}};
static const cf_lease_token token = {2, 70000};
static const cf_partial partials[] = {{{{12}}, 262144}, {{{13}}, 0}};
static const cf_paused paused[] = {{{{17}}, 1700000000000, true}, {{{18}}, 1700000000001, false}};
static const cf_lease leases[] = {{{{14}}, {{15}}, {{16}}, 1700000000000, true, 1600000000000}};
static const cf_checkpoint checkpoints[] = {{{{19}}, {20}, 300, {{21}}, {22}},
                                            {{{23}}, {24}, 0, {{25}}, {26}}};
static const cf_bytes bulk = {(const uint8_t *)"some bytes", 10};

/* One of each, and where something may be left out, one without it. */
static size_t examples(cf_message *out)
{
    static const cf_bytes endpoints[] = {{(const uint8_t *)"tcp://a:1#k", 11}};
    const cf_message all[] = {
        {.command = CF_COMMAND_HELLO,
         .hello = {.version = CF_PROTOCOL_VERSION,
                   .user = hashes[0],
                   .heads = heads,
                   .head_count = 2,
                   .more = true}},
        {.command = CF_COMMAND_HELLO,
         .hello = {.version = CF_PROTOCOL_VERSION,
                   .user = hashes[0],
                   .heads = NULL,
                   .head_count = 0,
                   .more = false}},
        {.command = CF_COMMAND_WELCOME,
         .welcome = {.version = CF_PROTOCOL_VERSION,
                     .instance = {1, 2},
                     .now_ms = 1700000000000,
                     .window = 4194304,
                     .heads = heads,
                     .head_count = 2,
                     .more = false}},
        {.command = CF_COMMAND_AGAIN},
        {.command = CF_COMMAND_MOVED, .moved = {.endpoint = endpoints[0]}},
        {.command = CF_COMMAND_SUBSCRIBE,
         .subscribe = {.rungs = heads,
                       .rung_count = 2,
                       .collections = ids,
                       .collection_count = 2,
                       .credit = 65536,
                       .more = false}},
        {.command = CF_COMMAND_SUBSCRIBE,
         .subscribe = {.rungs = heads,
                       .rung_count = 1,
                       .collections = NULL,
                       .collection_count = 0,
                       .credit = 0,
                       .more = true}},
        {.command = CF_COMMAND_SUBSCRIBED,
         .subscribed = {.held = heads, .held_count = 1, .more = false}},
        {.command = CF_COMMAND_ENTRY, .entry = {.position = 77, .entry = bulk}},
        {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 123456}},
        {.command = CF_COMMAND_PUBLISH,
         .publish = {.token = &token, .without = hashes, .without_count = 2, .entry = bulk}},
        {.command = CF_COMMAND_PUBLISH,
         .publish = {.token = NULL, .without = NULL, .without_count = 0, .entry = bulk}},
        {.command = CF_COMMAND_ACCEPTED, .accepted = {.head = heads[0]}},
        {.command = CF_COMMAND_REFUSED,
         .refused = {.request = cf_bytes_of_text("PUBLISH"),
                     .name = cf_bytes_of("xyz", 3),
                     .later = true,
                     .code = cf_bytes_of_text(CF_REFUSED_GAP),
                     .text = cf_bytes_of_text("wait for more")}},
        {.command = CF_COMMAND_REFUSED,
         .refused = {.request = cf_bytes_of_text("HELLO"),
                     .name = {0},
                     .later = false,
                     .code = cf_bytes_of_text(CF_REFUSED_VERSION),
                     .text = cf_bytes_of_text("")}},
        {.command = CF_COMMAND_HAVE, .have = {.ids = hashes, .id_count = 2}},
        {.command = CF_COMMAND_MISSING, .missing = {.blobs = partials, .blob_count = 2}},
        {.command = CF_COMMAND_PUT,
         .put = {.id = hashes[0], .offset = 262144, .total = 1000000, .bytes = bulk}},
        {.command = CF_COMMAND_STORED, .stored = {.id = hashes[0]}},
        {.command = CF_COMMAND_GET, .get = {.id = hashes[0], .offset = 262144}},
        {.command = CF_COMMAND_BLOB,
         .blob = {.id = hashes[0], .offset = 262144, .total = 1000000, .bytes = bulk}},
        {.command = CF_COMMAND_ABSENT, .absent = {.id = hashes[1]}},
        {.command = CF_COMMAND_WANTED, .wanted = {.ids = hashes, .id_count = 1}},
        {.command = CF_COMMAND_LOCK,
         .lock = {.request = ids[0],
                  .collection = ids[1],
                  .name = ids[0],
                  .for_ms = 600000,
                  .shared = true,
                  .wait = false}},
        {.command = CF_COMMAND_RENEW,
         .renew = {.request = ids[0], .token = token, .for_ms = 600000}},
        {.command = CF_COMMAND_UNLOCK,
         .unlock = {.request = ids[0], .collection = ids[1], .name = ids[0], .token = &token}},
        {.command = CF_COMMAND_UNLOCK,
         .unlock = {.request = ids[0], .collection = ids[1], .name = ids[0], .token = NULL}},
        {.command = CF_COMMAND_LOCKS, .locks = {.request = ids[0]}},
        {.command = CF_COMMAND_LEASE,
         .lease = {.request = ids[0], .token = token, .until_ms = 1700000000000}},
        {.command = CF_COMMAND_BUSY,
         .busy = {.request = ids[0], .holder = hashes[0], .until_ms = 1700000000000}},
        {.command = CF_COMMAND_LEASES,
         .leases = {.request = ids[0], .leases = leases, .lease_count = 1}},
        {.command = CF_COMMAND_LOCATE, .locate = {.user = hashes[0]}},
        {.command = CF_COMMAND_ENDPOINTS,
         .endpoints =
             {.instance = {3}, .position = 99, .endpoints = endpoints, .endpoint_count = 1}},
        {.command = CF_COMMAND_GUEST, .guest = {.key = hashes[0], .expires_ms = 1700000000000}},
        {.command = CF_COMMAND_KNOCK,
         .knock = {.user = &hashes[0], .key = hashes[1], .sealed = bulk}},
        {.command = CF_COMMAND_KNOCK, .knock = {.user = NULL, .key = hashes[1], .sealed = bulk}},
        {.command = CF_COMMAND_ADMIT, .admit = {.key = hashes[1], .sealed = bulk}},
        {.command = CF_COMMAND_REPORT, .report = {.heads = heads, .head_count = 2, .more = true}},
        {.command = CF_COMMAND_QUERY},
        {.command = CF_COMMAND_HOLDS,
         .holds = {.collection = ids[0], .heads = heads, .head_count = 2}},
        {.command = CF_COMMAND_REPORTED,
         .reported = {.device = &hashes[0],
                      .at_ms = 1700000000000,
                      .heads = heads,
                      .head_count = 2,
                      .more = true}},
        {.command = CF_COMMAND_REPORTED,
         .reported = {.device = NULL, .at_ms = 0, .heads = NULL, .head_count = 0, .more = false}},
        {.command = CF_COMMAND_ALONE, .alone = {.collection = ids[0], .begins = true}},
        {.command = CF_COMMAND_CLOCK,
         .clock = {.version = CF_PROTOCOL_VERSION, .now_ms = 1700000000000}},
        {.command = CF_COMMAND_LACKING, .lacking = {.count = 12}},
        {.command = CF_COMMAND_FETCH, .get = {.id = hashes[0], .offset = 262144, .size = 4096}},
        {.command = CF_COMMAND_PAUSED, .paused = {.collections = paused, .count = 2}},
        {.command = CF_COMMAND_CHAINS, .chains = {.devices = hashes, .count = 2}},
        {.command = CF_COMMAND_ENDS,
         .ends = {.device = hashes[0], .heads = heads, .head_count = 2, .more = true}},
        {.command = CF_COMMAND_CHECKPOINT, .checkpoint = checkpoints[0]},
        {.command = CF_COMMAND_CHECKPOINTS, .checkpoints = {.at = checkpoints, .count = 2}},
        {.command = CF_COMMAND_CONFINE,
         .confine = {.user = hashes[0], .collections = ids, .count = 2}},
        {.command = CF_COMMAND_CONFINED},
    };
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

enum { EXAMPLES_MAX = 64 };

/* Reading gives a message that is written as the same bytes. */
static void expect_same_again(const cf_bytes *wire, size_t count)
{
    cf_error error;
    cf_arena arena = {0};
    cf_frames frames = {0};
    cf_bytes again[CF_MESSAGE_FRAMES];
    cf_message message;

    expect_ok(cf_message_read(wire, count, &arena, &message, &error), error);
    cf_message_write(&message, &frames);
    if (cf_message_is_of_this_version(&message)) {
        cr_assert_eq(frames_view(&frames, again), count);
        for (size_t i = 0; i < count; i++)
            cr_assert(cf_bytes_equal(again[i], wire[i]), "%s", cf_command_name(message.command));
    }
    cf_frames_release(&frames);
    cf_arena_release(&arena);
}

/* ---- The bytes of each, as this version of the protocol has them for ever ---- */

/* One line of the file: the command and its frames, in hexadecimal. */
static void say_bytes(const cf_message *message, cf_buffer *out)
{
    cf_frames frames = {0};

    cf_message_write(message, &frames);
    cf_buffer_append_text(out, "%s", cf_command_name(message->command));
    for (size_t i = 0; i < frames.count; i++) {
        cf_buffer_append_text(out, " ");
        for (size_t at = 0; at < frames.frame[i].size; at++)
            cf_buffer_append_text(out, "%02x", frames.frame[i].data[at]);
    }
    cf_buffer_append(out, "", 1);
    cf_frames_release(&frames);
}

/* What is read of the line is a message that is written as the line has it. */
static void expect_read_back(const char *line)
{
    static uint8_t bytes[CF_MESSAGE_FRAMES][4096];
    cf_bytes wire[CF_MESSAGE_FRAMES];
    size_t count = 0;

    for (const char *at = strchr(line, ' '); at && *at == ' ';) {
        size_t size = 0;
        unsigned byte;

        cr_assert(count < CF_MESSAGE_FRAMES);
        for (at++; sscanf(at, "%2x", &byte) == 1 && *at != ' '; at += 2)
            bytes[count][size++] = (uint8_t)byte;
        wire[count] = cf_bytes_of(bytes[count], size);
        count++;
    }
    expect_same_again(wire, count);
}

/* Old programs must understand each other still: a new command is a new line, behind all others;
 * whatever changes a line makes another version, with a file of its own. */
Test(message, has_the_bytes_of_its_version)
{
    static char line[2 * CF_MESSAGE_FRAMES * 4096];
    cf_message all[EXAMPLES_MAX];
    const size_t count = examples(all);
    char path[4096];

    snprintf(path, sizeof path, "%s/messages-%d.txt", CF_MESSAGES_HERE, CF_PROTOCOL_VERSION);
    FILE *file = fopen(path, "r");
    for (size_t i = 0; !file && i < count; i++) {
        cf_buffer is = {0};

        say_bytes(&all[i], &is);
        fprintf(stderr, "%s\n", (const char *)is.data);
        cf_buffer_release(&is);
    }
    cr_assert(file, "version %d has no %s: it gets the lines above; the files of others stay",
              CF_PROTOCOL_VERSION, path);
    for (size_t i = 0; i < count; i++) {
        const char *name = cf_command_name(all[i].command);
        cf_buffer is = {0};

        say_bytes(&all[i], &is);
        cr_assert(fgets(line, sizeof line, file), "%s is new: add to %s\n%s", name, path,
                  (const char *)is.data);
        line[strcspn(line, "\n")] = '\0';
        cr_assert_str_eq((const char *)is.data, line,
                         "the bytes of %s changed: raise CF_PROTOCOL_VERSION (codec/PROTOCOL.md, "
                         "12, says how), or put them back; where version %d is new, %s gets the "
                         "line that is\nwas %s\nis  %s",
                         name, CF_PROTOCOL_VERSION, path, line, (const char *)is.data);
        expect_read_back(line);
        cf_buffer_release(&is);
    }
    cr_assert(!fgets(line, sizeof line, file), "no message here for %s", line);
    fclose(file);
}

static cf_status read_first_frame(cf_bytes first, const cf_frames *frames)
{
    cf_error error;
    cf_arena arena = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];
    size_t count = frames_view(frames, wire);
    cf_message message;
    cf_status status;

    wire[0] = first;
    status = cf_message_read(wire, count, &arena, &message, &error);
    cf_arena_release(&arena);
    return status;
}

Test(message, is_the_same_after_writing_and_reading)
{
    cf_message all[EXAMPLES_MAX];
    cf_frames frames = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];
    bool seen[CF_COMMAND_CONFINED + 1] = {false};
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_message_write(&all[i], &frames);
        expect_same_again(wire, frames_view(&frames, wire));
        seen[all[i].command] = true;
    }
    for (int command = CF_COMMAND_HELLO; command <= CF_COMMAND_CONFINED; command++)
        cr_expect(seen[command], "no example of %s", cf_command_name((cf_command)command));
    cf_frames_release(&frames);
}

Test(message, gives_back_every_field)
{
    cf_error error;
    cf_arena arena = {0};
    cf_message in = {.command = CF_COMMAND_PUBLISH,
                     .publish = {.token = &token,
                                 .without = hashes,
                                 .without_count = 2,
                                 .entry = bulk}},
               out;
    cf_frames frames = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];

    cf_message_write(&in, &frames);
    expect_ok(cf_message_read(wire, frames_view(&frames, wire), &arena, &out, &error), error);
    cr_expect_eq(out.command, CF_COMMAND_PUBLISH);
    cr_expect_eq(out.publish.token->counter, 70000);
    cr_expect_eq(out.publish.without_count, 2);
    cr_expect(cf_hash_equal(&out.publish.without[1], &hashes[1]));
    cr_expect(cf_bytes_equal(out.publish.entry, bulk));
    cf_frames_release(&frames);
    cf_arena_release(&arena);
}

Test(message, is_refused_when_cut_anywhere)
{
    cf_message all[EXAMPLES_MAX];
    cf_frames frames = {0};
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_message_write(&all[i], &frames);
        for (size_t size = 0; size < frames.frame[0].size; size++)
            expect_fails(read_first_frame(cf_bytes_of(frames.frame[0].data, size), &frames),
                         CF_MALFORMED);
    }
    cf_frames_release(&frames);
}

Test(message, with_a_flipped_byte_is_refused_or_another_message)
{
    cf_message all[EXAMPLES_MAX];
    cf_frames frames = {0};
    cf_bytes wire[CF_MESSAGE_FRAMES];
    size_t count = examples(all), refused = 0;

    for (size_t i = 0; i < count; i++) {
        cf_message_write(&all[i], &frames);
        for (size_t at = 0; at < frames.frame[0].size; at++)
            for (unsigned flip = 1; flip < 256; flip++) {
                frames.frame[0].data[at] ^= (uint8_t)flip;
                if (read_first_frame(cf_buffer_view(&frames.frame[0]), &frames) == CF_OK)
                    expect_same_again(wire, frames_view(&frames, wire));
                else
                    refused++;
                frames.frame[0].data[at] ^= (uint8_t)flip;
            }
    }
    cr_expect_gt(refused, 0);
    cf_frames_release(&frames);
}

Test(message, is_refused_with_a_frame_too_many_or_too_few)
{
    cf_error error;
    cf_arena arena = {0};
    cf_message all[EXAMPLES_MAX], out;
    cf_frames frames = {0};
    size_t count = examples(all);

    for (size_t i = 0; i < count; i++) {
        cf_message_write(&all[i], &frames);
        cf_bytes wire[3] = {cf_buffer_view(&frames.frame[0]), bulk, bulk};
        expect_fails(cf_message_read(wire, 0, &arena, &out, &error), CF_MALFORMED);
        expect_fails(cf_message_read(wire, 3 - frames.count, &arena, &out, &error), CF_MALFORMED);
        expect_fails(cf_message_read(wire, 3, &arena, &out, &error), CF_MALFORMED);
        wire[1].size = 0;
        if (frames.count == 2)
            expect_fails(cf_message_read(wire, 2, &arena, &out, &error), CF_MALFORMED);
    }
    cf_frames_release(&frames);
    cf_arena_release(&arena);
}

Test(message, asks_for_the_chains_of_1024_devices_and_no_more)
{
    static cf_hash devices[CF_CHAINS_DEVICES_MAX];
    cf_message chains = {.command = CF_COMMAND_CHAINS,
                         .chains = {.devices = devices, .count = CF_CHAINS_DEVICES_MAX}};
    cf_buffer more = {0};
    cf_frames frames = {0};

    cf_message_write(&chains, &frames);
    cr_expect_eq(read_first_frame(cf_buffer_view(&frames.frame[0]), &frames), CF_OK);
    cf_pack_array(&more, 2);
    cf_pack_text(&more, cf_bytes_of_text("CHAINS"));
    cf_pack_array(&more, CF_CHAINS_DEVICES_MAX + 1);
    for (size_t i = 0; i <= CF_CHAINS_DEVICES_MAX; i++)
        cf_pack_bin(&more, cf_bytes_of(devices[0].bytes, CF_HASH_SIZE));
    cr_expect_eq(read_first_frame(cf_buffer_view(&more), &frames), CF_TOO_LARGE);
    cf_buffer_release(&more);
    cf_frames_release(&frames);
}

Test(message, says_apart_what_it_does_not_know)
{
    cf_error error;
    cf_arena arena = {0};
    cf_buffer wire = {0};
    cf_message out;
    cf_bytes frame;

    cf_pack_array(&wire, 1);
    cf_pack_text(&wire, cf_bytes_of_text("TELEPORT"));
    frame = cf_buffer_view(&wire);
    expect_fails(cf_message_read(&frame, 1, &arena, &out, &error), CF_DENIED);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
}

Test(message, names_no_sequence_that_there_is_not)
{
    cf_error error;
    cf_arena arena = {0};
    cf_message accepted = {.command = CF_COMMAND_ACCEPTED,
                           .accepted = {.head = {{"ann"}, 1, {"x"}}}},
               out;
    const uint64_t sequences[] = {0, 1, CF_SEQUENCE_MAX, CF_SEQUENCE_MAX + 1, UINT64_MAX};
    cf_bytes view[CF_MESSAGE_FRAMES];

    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        cf_frames frames = {0};

        accepted.accepted.head.sequence = sequences[i];
        cf_message_write(&accepted, &frames);
        frames_view(&frames, view);
        cf_status status = cf_message_read(view, 1, &arena, &out, &error);
        cr_assert_eq(status, i == 1 || i == 2 ? CF_OK : CF_MALFORMED);
        cf_frames_release(&frames);
    }
    cf_arena_release(&arena);
}

Test(message, asks_for_no_piece_of_a_size_that_none_has)
{
    static const uint64_t sizes[] = {1, CF_BLOB_STEP, 0, CF_BLOB_STEP + 1, UINT64_MAX};
    cf_error error;
    cf_arena arena = {0};
    cf_bytes view[CF_MESSAGE_FRAMES];
    cf_message out;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const cf_message fetch = {.command = CF_COMMAND_FETCH,
                                  .get = {.id = hashes[0], .offset = 0, .size = sizes[i]}};
        cf_frames frames = {0};

        cf_message_write(&fetch, &frames);
        frames_view(&frames, view);
        cf_status status = cf_message_read(view, 1, &arena, &out, &error);
        cr_expect_eq(status, i < 2 ? CF_OK : CF_MALFORMED, "%zu", i);
        cf_frames_release(&frames);
    }
    cf_arena_release(&arena);
}

/* A PUT whose bytes and a HELLO whose heads are one beyond the limit. */
Test(message, is_refused_beyond_each_limit)
{
    cf_error error;
    cf_arena arena = {0};
    cf_message put = {.command = CF_COMMAND_PUT,
                      .put = {.id = hashes[0], .offset = 0, .total = 9, .bytes = bulk}},
               out;
    cf_frames frames = {0};
    cf_buffer large = {0}, wire = {0};
    cf_bytes view[CF_MESSAGE_FRAMES];

    cf_message_write(&put, &frames);
    frames_view(&frames, view);
    memset(cf_buffer_reserve(&large, CF_FRAME_MAX + 1), 0, CF_FRAME_MAX + 1);
    view[1] = cf_bytes_of(large.data, CF_BLOB_STEP);
    expect_ok(cf_message_read(view, 2, &arena, &out, &error), error);
    view[1].size++;
    expect_fails(cf_message_read(view, 2, &arena, &out, &error), CF_TOO_LARGE);

    view[0] = cf_bytes_of(large.data, CF_FRAME_MAX + 1);
    expect_fails(cf_message_read(view, 1, &arena, &out, &error), CF_TOO_LARGE);

    cf_pack_array(&wire, 2);
    cf_pack_text(&wire, cf_bytes_of_text("HAVE"));
    cf_pack_array(&wire, CF_ENTRY_BLOBS_MAX + 1);
    for (size_t i = 0; i <= CF_ENTRY_BLOBS_MAX; i++)
        cf_pack_bin(&wire, cf_bytes_of(hashes[0].bytes, 32));
    view[0] = cf_buffer_view(&wire);
    expect_fails(cf_message_read(view, 1, &arena, &out, &error), CF_TOO_LARGE);

    memset(large.data, 'x', CF_TEXT_MAX + 1);
    cf_message refusal = {.command = CF_COMMAND_REFUSED,
                          .refused = {.request = cf_bytes_of_text("PUBLISH"),
                                      .name = cf_bytes_of("xyz", 3),
                                      .later = true,
                                      .code = cf_bytes_of_text(CF_REFUSED_GAP),
                                      .text = cf_bytes_of(large.data, CF_TEXT_MAX)}};
    for (int more = 0; more < 2; more++) {
        refusal.refused.text.size = CF_TEXT_MAX + (size_t)more;
        cf_frames_release(&frames);
        cf_message_write(&refusal, &frames);
        frames_view(&frames, view);
        cr_expect_eq(cf_message_read(view, 1, &arena, &out, &error), more ? CF_TOO_LARGE : CF_OK);
    }

    cf_buffer_release(&large);
    cf_buffer_release(&wire);
    cf_frames_release(&frames);
    cf_arena_release(&arena);
}

/* As a later version may say it: more elements, others, and a second frame. */
static void write_later(cf_buffer *out, const char *command, uint64_t version)
{
    cf_pack_array(out, 4);
    cf_pack_text(out, cf_bytes_of_text(command));
    cf_pack_uint(out, version);
    cf_pack_text(out, cf_bytes_of_text("what nobody here knows"));
    cf_pack_nil(out);
}

Test(message, tells_its_version_whatever_follows)
{
    static const char *const commands[] = {"HELLO", "WELCOME", "CLOCK"};

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        for (uint64_t version = 0; version < 4; version++) {
            cf_buffer first = {0};
            cf_arena arena = {0};
            cf_message message;
            cf_error error;

            write_later(&first, commands[i], version);
            const cf_bytes frames[] = {cf_buffer_view(&first), cf_bytes_of_text("a second frame"),
                                       cf_bytes_of_text("a third")};
            cf_status status = cf_message_read(frames, 3, &arena, &message, &error);
            cr_expect_eq(status, version == CF_PROTOCOL_VERSION ? CF_MALFORMED : CF_OK);
            if (!status) {
                cr_expect_str_eq(cf_command_name(message.command), commands[i]);
                cr_expect_eq(i == 0   ? message.hello.version
                             : i == 1 ? message.welcome.version
                                      : message.clock.version,
                             version);
            }
            cf_arena_release(&arena);
            cf_buffer_release(&first);
        }
}

/* [command], and [command, element]. */
Test(message, without_a_version_is_none)
{
    static const char *const commands[] = {"HELLO", "WELCOME", "CLOCK"};
    static const cf_bytes others[] = {
        {(const uint8_t *)"", 0},         {(const uint8_t *)"\xa1\x32", 2}, /* "2" */
        {(const uint8_t *)"\xff", 1},     {(const uint8_t *)"\xc0", 1},
        {(const uint8_t *)"\x91\x02", 2}, {(const uint8_t *)"\xcc\x02", 2}}; /* 2 in two bytes */

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
            cf_buffer first = {0};
            cf_arena arena = {0};
            cf_message message;
            cf_error error;

            cf_pack_array(&first, others[k].size ? 2 : 1);
            cf_pack_text(&first, cf_bytes_of_text(commands[i]));
            cf_pack_raw(&first, others[k]);
            const cf_bytes frame = cf_buffer_view(&first);
            cf_status status = cf_message_read(&frame, 1, &arena, &message, &error);
            cr_expect_eq(status, CF_MALFORMED, "%s, %zu", commands[i], k);
            cf_arena_release(&arena);
            cf_buffer_release(&first);
        }
}
