/* SPDX-License-Identifier: Apache-2.0 */
/* A member whose program has gone mad: everything it may say, with bytes changed, cut and swapped.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/broker/people/broker_world.h"

static uint64_t state = 88172645463325252u;

static size_t draw(size_t limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state >> 33) % limit;
}

static void damage(cf_buffer *frame)
{
    size_t changes = draw(3);

    for (size_t i = 0; i < changes && frame->size; i++)
        frame->data[draw(frame->size)] ^= (uint8_t)(1 + draw(255));
    if (draw(8) == 0)
        frame->size = draw(frame->size + 1);
}

Test(hostile, member_disturbs_nobody)
{
    static const cf_hash blob = {"a blob"};
    static const cf_id collection = {"papers"};
    broker_world *world = a_broker_world();
    person account = an_account(1), desk = a_device(2, &account.user),
           lap = a_device(3, &account.user);
    settle_in(world, &account, &desk, &lap);
    client *mad = connect_client(world, cf_keys_public(desk.keys)->curve);
    client *good = connect_client(world, cf_keys_public(lap.keys)->curve);
    greet(world, good, &account.user, NULL, 0);
    write_change(&desk, "some body", NULL, 0);
    cf_bytes wire = cf_buffer_view(&desk.wire), piece = cf_bytes_of_text("a piece of a blob");
    const cf_message all[] = {
        {.command = CF_COMMAND_HELLO,
         .hello = {.version = CF_PROTOCOL_VERSION,
                   .user = account.user,
                   .heads = &account.head,
                   .head_count = 1,
                   .more = false}},
        {.command = CF_COMMAND_HELLO,
         .hello = {.version = CF_PROTOCOL_VERSION,
                   .user = account.user,
                   .heads = &desk.head,
                   .head_count = 1,
                   .more = true}},
        {.command = CF_COMMAND_SUBSCRIBE,
         .subscribe = {.rungs = &account.head,
                       .rung_count = 1,
                       .collections = &collection,
                       .collection_count = 1,
                       .credit = 1000,
                       .more = false}},
        {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 100}},
        {.command = CF_COMMAND_PUBLISH, .publish = {.entry = wire}},
        {.command = CF_COMMAND_HAVE, .have = {.ids = &blob, .id_count = 1}},
        {.command = CF_COMMAND_PUT, .put = {.id = blob, .offset = 0, .total = 100, .bytes = piece}},
        {.command = CF_COMMAND_GET, .get = {.id = blob, .offset = 0}},
        {.command = CF_COMMAND_GUEST, .guest = {.key = blob, .expires_ms = world->now_ms + 1000}},
        {.command = CF_COMMAND_ADMIT, .admit = {.key = blob, .sealed = piece}},
        {.command = CF_COMMAND_KNOCK,
         .knock = {.user = &account.user, .key = blob, .sealed = piece}},
        {.command = CF_COMMAND_LOCK,
         .lock = {.request = collection,
                  .collection = collection,
                  .name = collection,
                  .for_ms = 9,
                  .shared = true,
                  .wait = false}},
        {.command = CF_COMMAND_LOCATE, .locate = {.user = account.user}},
        {.command = CF_COMMAND_WELCOME, .welcome = {.version = CF_PROTOCOL_VERSION}},
    };
    cf_frames frames = {0};

    for (int i = 0; i < 20000; i++) {
        if (draw(4) == 0)
            say(world, mad, &all[0]);
        cf_message_write(&all[draw(sizeof all / sizeof *all)], &frames);
        for (size_t k = 0; k < frames.count; k++)
            damage(&frames.frame[k]);
        cf_bytes damaged[2] = {cf_buffer_view(&frames.frame[0]), cf_buffer_view(&frames.frame[1])};
        say_bytes(world, mad, damaged, 1 + draw(2));
        if (i % 50 == 0)
            broker_world_settle(world);
        client_forgets(mad);
    }
    cf_frames_release(&frames);
    cr_expect_leq(cf_gateway_count(world->broker.gateway).sessions, 2);
    write_change(&lap, "as if nothing were", NULL, 0);
    publish(world, good, &lap);
    hear(world, good, CF_COMMAND_ACCEPTED);
    person_end(&account);
    person_end(&desk);
    person_end(&lap);
    broker_world_end(world);
}
