/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker kept back while a device communicated alone: how others get it afterwards, and the
 * blobs that they ask for meanwhile. */
#include "tests/broker/gateway/alone_scene.h"

#include <stdio.h>
#include <string.h>

#include "codec/blob.h"

enum { PAGES = 40 };
static const cf_id pictures = {"pictures"};

/* ---- What was kept back ---- */

Test(gateway_alone, sends_what_it_kept_back_before_the_next_lease)
{
    household a = alone_house();
    const cf_lease_token token = alone_begin(&a);
    const cf_head kept = alone_hold_back(&a, &token);
    const cf_message wait = {
        .command = CF_COMMAND_LOCK,
        .lock = {.request = {"mine"}, .collection = papers, .for_ms = DAY_MS, .wait = true}};

    say(a.world, a.at_lap, &wait);
    hear_nothing(a.world, a.at_lap);
    alone_unlock(&a, a.at_desk, &token);
    hear(a.world, a.at_lap, CF_COMMAND_LEASES);
    alone_expect_entry(&a, a.at_lap, &kept);
    alone_expect_paused(&a, a.at_lap, 0, false);
    hear(a.world, a.at_lap, CF_COMMAND_LEASE);
    household_end(&a);
}

/* Nobody waits for ever who takes little at a time. */
Test(gateway_alone, does_not_keep_back_again_what_it_owes)
{
    household a = alone_house();
    cf_lease_token token = alone_begin(&a);
    cf_head kept[3];
    cf_heads held = {0};
    client *slow = connect_client(a.world, cf_keys_public(a.lap.keys)->curve);
    const cf_message credit = {.command = CF_COMMAND_CREDIT, .credit = {.bytes = 1}};

    cf_heads_insert(&held, &a.account.head);
    cf_heads_insert(&held, &a.desk.head);
    greet(a.world, slow, &a.account.user, held.heads, held.count);
    subscribe(a.world, slow, NULL, 0, 1);
    for (int i = 0; i < 3; i++) {
        alone_write_papers(&a, &token);
        kept[i] = a.desk.head;
    }
    alone_say(&a, a.at_desk, false);
    alone_expect_entry(&a, slow, &kept[0]);
    hear_nothing(a.world, slow);
    alone_say(&a, a.at_desk, true);
    for (int i = 1; i < 3; i++) {
        hear_nothing(a.world, slow);
        say(a.world, slow, &credit);
        alone_expect_entry(&a, slow, &kept[i]);
    }
    alone_write_papers(&a, &token);
    say(a.world, slow, &credit);
    hear_nothing(a.world, slow);
    cf_heads_release(&held);
    household_end(&a);
}

/* ---- Blobs ---- */

static cf_hash store_blob(household *a, client *from, const char *text)
{
    const cf_hash id = cf_blob_id(cf_bytes_of_text(text));
    const cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = id, .offset = 0, .total = strlen(text), .bytes = cf_bytes_of_text(text)}};

    say(a->world, from, &put);
    hear(a->world, from, CF_COMMAND_STORED);
    return id;
}

static void get(household *a, client *by, const cf_hash *id, bool fetches)
{
    const cf_message message = {.command = fetches ? CF_COMMAND_FETCH : CF_COMMAND_GET,
                                .get = {.id = *id, .size = 100}};

    say(a->world, by, &message);
}

static cf_hash write_blob(household *a, const char *text, const cf_lease_token *token)
{
    const cf_hash id = store_blob(a, a->at_desk, text);

    write_change(&a->desk, "some body", &id, 1);
    alone_publish_with(a, a->at_desk, &a->desk, token);
    return id;
}

Test(gateway_alone, keeps_the_blobs_of_that_collection_from_others)
{
    household a = alone_house();
    const cf_hash mine = write_blob(&a, "of the papers", NULL);
    char text[32];

    alone_hear_entry(&a, a.at_lap);
    for (int i = 0; i < PAGES; i++) { /* more than are read at a time */
        snprintf(text, sizeof text, "page %d", i);
        write_blob(&a, text, NULL);
        alone_hear_entry(&a, a.at_lap);
    }
    const cf_hash last = cf_blob_id(cf_bytes_of_text(text));
    alone_turn_to(&a, &pictures);
    const cf_hash other = write_blob(&a, "of the pictures", NULL);
    alone_hear_entry(&a, a.at_lap);
    alone_begin(&a);
    for (int fetches = 0; fetches < 2; fetches++) {
        get(&a, a.at_lap, &mine, fetches);
        hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
        get(&a, a.at_lap, &last, fetches);
        hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
        get(&a, a.at_lap, &other, fetches);
        hear(a.world, a.at_lap, CF_COMMAND_BLOB);
        get(&a, a.at_desk, &mine, fetches);
        hear(a.world, a.at_desk, CF_COMMAND_BLOB);
    }
    store_blob(&a, a.at_lap, "what others bring");
    alone_say(&a, a.at_desk, false);
    alone_expect_paused(&a, a.at_lap, 0, false);
    get(&a, a.at_lap, &mine, false);
    hear(a.world, a.at_lap, CF_COMMAND_BLOB);
    household_end(&a);
}

/* Until it is known whose it is a GET waits, and no more than a client may have without an answer.
 */
Test(gateway_alone, answers_sixteen_that_wait_and_refuses_more)
{
    household a = alone_house();
    const cf_hash mine = write_blob(&a, "of the papers", NULL);

    alone_hear_entry(&a, a.at_lap);
    alone_begin(&a);
    for (int i = 0; i < 17; i++)
        get(&a, a.at_lap, &mine, false);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_BUSY);
    for (int i = 0; i < 16; i++)
        hear_refusal(a.world, a.at_lap, CF_REFUSED_LOCKED);
    hear_nothing(a.world, a.at_lap);
    household_end(&a);
}
