/* SPDX-License-Identifier: Apache-2.0 */
/* What one act of a session costs the broker: what it asks of its store and of its blobs, what it
 * says, and how many stretches of its code are run. All of that is the same beside few entries
 * and blobs and beside many. Whoever makes an act dearer changes the text here, and says
 * why. */
#include "codec/blob.h"
#include "tests/broker/people/broker_world.h"
#include "tests/broker/costs/tally.h"

#include <stdio.h>
#include <string.h>

enum { TEN_MINUTES = 600000, BLOB_SIZE = 1000, THINGS_OF_A_BLOB = 4, LEASES = 5 };

typedef void act(household *of);

static tally counted;

static cf_id id_of(char kind, size_t number)
{
    return (cf_id){{(uint8_t)kind, (uint8_t)number, (uint8_t)(number >> 8)}};
}

static void say_lock(household *a, client *from, cf_id request, cf_id name)
{
    say(a->world, from,
        &(cf_message){
            .command = CF_COMMAND_LOCK,
            .lock = {
                .request = request, .collection = papers, .name = name, .for_ms = TEN_MINUTES}});
}

static cf_hash put_blob(household *a, client *from, size_t number)
{
    uint8_t bytes[BLOB_SIZE] = {(uint8_t)number, (uint8_t)(number >> 8), 1};
    cf_hash id = cf_blob_id(cf_bytes_of(bytes, sizeof bytes));

    say(a->world, from,
        &(cf_message){.command = CF_COMMAND_PUT,
                      .put = {.id = id,
                              .offset = 0,
                              .total = sizeof bytes,
                              .bytes = cf_bytes_of(bytes, sizeof bytes)}});
    hear(a->world, from, CF_COMMAND_STORED);
    return id;
}

/* So many entries, a quarter as many blobs, some leases; the lap has heard of all. When the first
 * lease ends is looked for among all of its user: they are few. */
static household a_household_beside(size_t things)
{
    household a = a_greeted_household();

    subscribe(a.world, a.at_lap, NULL, 0, CF_MIB);
    for (int entries = 0; entries < 3; entries++)
        hear(a.world, a.at_lap, CF_COMMAND_ENTRY);
    for (size_t i = 0; i < things; i++)
        household_saves(&a);
    for (size_t i = 0; i < things / THINGS_OF_A_BLOB; i++)
        put_blob(&a, a.at_desk, i);
    for (size_t i = 0; i < LEASES; i++) {
        say_lock(&a, a.at_lap, id_of('q', i), id_of('n', i));
        hear(a.world, a.at_lap, CF_COMMAND_LEASE);
    }
    broker_world_settle(a.world);
    return a;
}

static size_t letters_of(const household *a)
{
    size_t count = 0;

    for (size_t i = 0; i < a->world->client_count; i++)
        count += a->world->clients[i]->count;
    return count;
}

static tally cost_beside(void *context, size_t things)
{
    household a = a_household_beside(things);

    tally_store(a.world->broker.store, &counted);
    tally_blobs(a.world->broker.blobs, &counted);
    size_t letters = letters_of(&a);
    tally_begin(&counted);
    (*(act **)context)(&a);
    broker_world_settle(a.world);
    tally_end(&counted);
    counted.of[TALLY_MESSAGES] = letters_of(&a) - letters;
    tally out = counted;
    household_end(&a);
    return out;
}

#define COST(name, known) COSTS(name, known, known, known)
#define COSTS(name, ...)                                                                           \
    static void name(household *a);                                                                \
    Test(costs, of_##name)                                                                         \
    {                                                                                              \
        act *done = name;                                                                          \
                                                                                                   \
        tally_expect(#name, cost_beside, &done, (const char *[]){__VA_ARGS__});                    \
    }                                                                                              \
    static void name(household *a)

COST(nothing, "")
{
    a->world->now_ms += 1000;
    broker_world_settle(a->world);
}

COST(a_save, "gets 2, scans 1, shown 1, writes 1, messages 2")
{
    household_saves(a);
}

/* What was accepted is held. */
COST(the_same_save_again, "gets 1, messages 1")
{
    publish(a->world, a->at_desk, &a->desk);
    hear(a->world, a->at_desk, CF_COMMAND_ACCEPTED);
    hear_nothing(a->world, a->at_lap);
}

COST(a_save_with_a_blob_that_is_there, "gets 2, scans 1, shown 1, writes 1, blobs 3, messages 2")
{
    uint8_t bytes[BLOB_SIZE] = {1, 0, 1};
    cf_hash id = cf_blob_id(cf_bytes_of(bytes, sizeof bytes));

    write_change(&a->desk, "some body", &id, 1);
    publish(a->world, a->at_desk, &a->desk);
    hear(a->world, a->at_desk, CF_COMMAND_ACCEPTED);
    hear(a->world, a->at_lap, CF_COMMAND_ENTRY);
}

COST(a_refusal_of_a_save_after_one_that_is_not_there, "gets 2, messages 1")
{
    write_change(&a->desk, "is kept back", NULL, 0);
    write_change(&a->desk, "comes", NULL, 0);
    publish(a->world, a->at_desk, &a->desk);
    hear(a->world, a->at_desk, CF_COMMAND_REFUSED);
}

/* Who knows all hears nothing. */
COST(coming_again, "gets 6, scans 3, shown 4, messages 2")
{
    cf_head heads[] = {a->account.head, a->desk.head};
    client *again = connect_client(a->world, cf_keys_public(a->lap.keys)->curve);

    greet(a->world, again, &a->account.user, heads, 2);
    subscribe(a->world, again, heads, 2, CF_MIB);
    hear_nothing(a->world, again);
}

/* Who has missed one hears that. */
COST(coming_again_after_one_more, "gets 8, scans 5, shown 7, writes 1, messages 5")
{
    cf_head heads[] = {a->account.head, a->desk.head};
    client *again = connect_client(a->world, cf_keys_public(a->lap.keys)->curve);

    household_saves(a);
    greet(a->world, again, &a->account.user, heads, 2);
    subscribe(a->world, again, heads, 2, CF_MIB);
    hear(a->world, again, CF_COMMAND_ENTRY);
    hear_nothing(a->world, again);
}

COST(an_upload, "gets 1, blobs 1, messages 1")
{
    put_blob(a, a->at_desk, 5000);
}

/* Bytes that are here already. */
COST(the_same_upload_again, "gets 1, blobs 1, messages 1")
{
    put_blob(a, a->at_desk, 1);
}

COST(a_question_for_a_blob, "blobs 1, messages 1")
{
    uint8_t bytes[BLOB_SIZE] = {1, 0, 1};
    cf_hash id = cf_blob_id(cf_bytes_of(bytes, sizeof bytes));

    say(a->world, a->at_desk,
        &(cf_message){.command = CF_COMMAND_HAVE, .have = {.ids = &id, .id_count = 1}});
    hear(a->world, a->at_desk, CF_COMMAND_MISSING);
}

COST(a_download, "blobs 2, messages 1")
{
    uint8_t bytes[BLOB_SIZE] = {1, 0, 1};

    say(a->world, a->at_lap,
        &(cf_message){.command = CF_COMMAND_GET,
                      .get = {.id = cf_blob_id(cf_bytes_of(bytes, sizeof bytes))}});
    hear(a->world, a->at_lap, CF_COMMAND_BLOB);
}

COST(a_lock_that_is_renewed_and_given_back, "gets 1, writes 3, records 4, messages 3")
{
    cf_id request = id_of('r', 1), name = id_of('m', 1);

    say_lock(a, a->at_desk, request, name);
    cf_lease_token token = hear(a->world, a->at_desk, CF_COMMAND_LEASE).lease.token;
    say(a->world, a->at_desk,
        &(cf_message){.command = CF_COMMAND_RENEW,
                      .renew = {.request = request, .token = token, .for_ms = TEN_MINUTES}});
    hear(a->world, a->at_desk, CF_COMMAND_LEASE);
    say(a->world, a->at_desk,
        &(cf_message){
            .command = CF_COMMAND_UNLOCK,
            .unlock = {.request = request, .collection = papers, .name = name, .token = &token}});
    hear(a->world, a->at_desk, CF_COMMAND_LEASE);
}

COST(a_lock_that_another_has, "messages 1")
{
    say_lock(a, a->at_desk, id_of('r', 1), id_of('n', 1));
    hear(a->world, a->at_desk, CF_COMMAND_BUSY);
}

COST(a_new_member, "gets 2, scans 1, shown 1, writes 1, records 1, messages 2")
{
    person phone = a_device(5, &a->account.user);

    learn(&a->desk, &a->account);
    let_in(&a->desk, &phone, CF_ROLE_MEMBER);
    publish(a->world, a->at_desk, &a->desk);
    hear(a->world, a->at_desk, CF_COMMAND_ACCEPTED);
    hear(a->world, a->at_lap, CF_COMMAND_ENTRY);
    person_end(&phone);
}

COST(a_question_for_the_ends_of_a_device, "scans 1, shown 2, messages 1")
{
    say(a->world, a->at_lap,
        &(cf_message){.command = CF_COMMAND_CHAINS,
                      .chains = {.devices = &a->desk.id, .count = 1}});
    hear(a->world, a->at_lap, CF_COMMAND_ENDS);
}

COST(a_report, "writes 1, records 1, messages 1")
{
    cf_head heads[] = {a->account.head, a->desk.head};

    say(a->world, a->at_lap,
        &(cf_message){.command = CF_COMMAND_REPORT,
                      .report = {.heads = heads, .head_count = 2, .more = false}});
    broker_world_settle(a->world);
}
