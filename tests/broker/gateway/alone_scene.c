/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/gateway/alone_scene.h"

#include <string.h>

static const cf_id list = {"list"};

void alone_lock(household *a, client *from, const char *request, bool shared)
{
    cf_message message = {.command = CF_COMMAND_LOCK,
                          .lock = {.collection = papers, .for_ms = DAY_MS, .shared = shared}};

    memcpy(message.lock.request.bytes, request, strlen(request));
    say(a->world, from, &message);
}

cf_lease_token alone_take(household *a, client *from, const char *request, bool shared)
{
    alone_lock(a, from, request, shared);
    return hear(a->world, from, CF_COMMAND_LEASE).lease.token;
}

void alone_unlock(household *a, client *from, const cf_lease_token *token)
{
    const cf_message message = {.command = CF_COMMAND_UNLOCK,
                                .unlock = {.collection = papers, .token = token}};

    say(a->world, from, &message);
}

void alone_say(household *a, client *from, bool begins)
{
    const cf_message message = {.command = CF_COMMAND_ALONE,
                                .alone = {.collection = papers, .begins = begins}};

    say(a->world, from, &message);
}

void alone_publish_with(household *a, client *from, const person *author,
                        const cf_lease_token *token)
{
    const cf_message message = {
        .command = CF_COMMAND_PUBLISH,
        .publish = {.token = token, .entry = cf_buffer_view(&author->wire)}};

    say(a->world, from, &message);
    hear(a->world, from, CF_COMMAND_ACCEPTED);
}

void alone_write_papers(household *a, const cf_lease_token *token)
{
    write_change(&a->desk, "some body", NULL, 0);
    alone_publish_with(a, a->at_desk, &a->desk, token);
}

void alone_turn_to(household *a, const cf_id *collection)
{
    begin_chain(&a->desk, collection, &a->account.head);
}

void alone_follow(household *a, client *by)
{
    const cf_message locks = {.command = CF_COMMAND_LOCKS, .locks = {.request = list}};

    say(a->world, by, &locks);
    hear(a->world, by, CF_COMMAND_LEASES);
}

household alone_house(void)
{
    household a = a_household();

    greet(a.world, a.at_desk, &a.account.user, &a.account.head, 1);
    greet(a.world, a.at_lap, &a.account.user, &a.account.head, 1);
    alone_write_papers(&a, NULL);
    subscribe(a.world, a.at_lap, NULL, 0, CF_WINDOW);
    hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    alone_follow(&a, a.at_lap);
    return a;
}

cf_head alone_hear_entry(household *a, client *by)
{
    const cf_message message = hear(a->world, by, CF_COMMAND_ENTRY);
    cf_arena arena = {0};
    cf_entry entry;
    cf_error error;

    expect_ok(cf_entry_read(message.entry.entry, &arena, &entry, &error), error);
    const cf_head head = cf_head_of(&entry);
    cf_arena_release(&arena);
    return head;
}

void alone_expect_entry(household *a, client *by, const cf_head *expected)
{
    const cf_head came = alone_hear_entry(a, by);

    cr_expect(cf_hash_equal(&came.hash, &expected->hash));
}

void alone_expect_paused(household *a, client *by, size_t count, bool waits)
{
    const cf_message paused = hear(a->world, by, CF_COMMAND_PAUSED);

    cr_assert_eq(paused.paused.count, count);
    if (count) {
        cr_expect(cf_id_equal(&paused.paused.collections[0].collection, &papers));
        cr_expect_eq(paused.paused.collections[0].waits, waits);
    }
}

cf_lease_token alone_begin(household *a)
{
    const cf_lease_token token = alone_take(a, a->at_desk, "one", false);

    alone_say(a, a->at_desk, true);
    hear(a->world, a->at_lap, CF_COMMAND_LEASES);
    alone_expect_paused(a, a->at_lap, 1, false);
    return token;
}

cf_head alone_hold_back(household *a, const cf_lease_token *token)
{
    alone_write_papers(a, token);
    alone_expect_paused(a, a->at_lap, 1, true);
    hear_nothing(a->world, a->at_lap);
    return a->desk.head;
}

void alone_expect_over(household *a, const cf_head *head)
{
    alone_expect_entry(a, a->at_lap, head);
    alone_expect_paused(a, a->at_lap, 0, false);
    hear_nothing(a->world, a->at_lap);
}
