/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs through the gateway, piece by piece. */
#include "broker/gateway/gateway.h"
#include "broker/gateway/session.h"
#include "broker/upkeep/lost_blobs.h"

#include <errno.h>

#include "codec/blob.h"
#include "tests/broker/people/broker_world.h"

static cf_buffer a_large_blob(cf_hash *id)
{
    cf_buffer bytes = {0};

    bytes.size = 3 * CF_BLOB_STEP - 5;
    cf_buffer filled = {0};
    memset(cf_buffer_reserve(&filled, bytes.size), 'b', bytes.size);
    filled.size = bytes.size;
    *id = cf_blob_id(cf_buffer_view(&filled));
    return filled;
}

static void put_piece(household *a, const cf_hash *id, const cf_buffer *blob, size_t offset)
{
    size_t left = blob->size - offset;
    cf_message put = {
        .command = CF_COMMAND_PUT,
        .put = {.id = *id,
                .offset = offset,
                .total = blob->size,
                .bytes = {blob->data + offset, left < CF_BLOB_STEP ? left : CF_BLOB_STEP}}};

    say(a->world, a->at_lap, &put);
}

Test(gateway_blobs, takes_a_blob_piece_by_piece_and_gives_it_back)
{
    household a = a_greeted_household();
    cf_hash id;
    cf_buffer blob = a_large_blob(&id), back = {0};
    cf_message have = {.command = CF_COMMAND_HAVE, .have = {.ids = &id, .id_count = 1}};

    say(a.world, a.at_lap, &have);
    cf_message missing = hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    cr_assert_eq(missing.missing.blob_count, 1);
    cr_expect_eq(missing.missing.blobs[0].held, 0);
    put_piece(&a, &id, &blob, 0);
    missing = hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    cr_expect_eq(missing.missing.blobs[0].held, CF_BLOB_STEP);

    cf_message get = {.command = CF_COMMAND_GET, .get = {.id = id, .offset = 0}};
    say(a.world, a.at_desk, &get);
    hear(a.world, a.at_desk, CF_COMMAND_ABSENT); /* not yet */

    put_piece(&a, &id, &blob, CF_BLOB_STEP);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    put_piece(&a, &id, &blob, 2 * CF_BLOB_STEP);
    hear(a.world, a.at_lap, CF_COMMAND_STORED);
    say(a.world, a.at_lap, &have);
    missing = hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    cr_expect_eq(missing.missing.blob_count, 0);

    while (back.size < blob.size) {
        get.get.offset = back.size;
        say(a.world, a.at_desk, &get);
        cf_message piece = hear(a.world, a.at_desk, CF_COMMAND_BLOB);
        cr_assert_eq(piece.blob.offset, back.size);
        cr_assert_eq(piece.blob.total, blob.size);
        cf_buffer_append(&back, piece.blob.bytes.data, piece.blob.bytes.size);
    }
    cr_expect(cf_bytes_equal(cf_buffer_view(&back), cf_buffer_view(&blob)));
    cf_buffer_release(&blob);
    cf_buffer_release(&back);
    household_end(&a);
}

Test(gateway_blobs, refuses_a_blob_that_is_not_what_it_is_named)
{
    household a = a_greeted_household();
    cf_hash id;
    cf_buffer blob = a_large_blob(&id);

    blob.data[7] ^= 1;
    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP)
        put_piece(&a, &id, &blob, offset);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_FORGED);
    cf_buffer_release(&blob);
    household_end(&a);
}

static void expect_text(const cf_message *refused, const char *words)
{
    cr_expect(cf_bytes_equal(refused->refused.text, cf_bytes_of_text(words)), "%.*s",
              (int)refused->refused.text.size, (const char *)refused->refused.text.data);
}

static cf_status fail_to_read(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                              uint64_t offset, size_t size, cf_buffer *out, uint64_t *total,
                              cf_error *error)
{
    (void)blobs, (void)user, (void)id, (void)offset, (void)size, (void)out, (void)total;
    return cf_fail_errno(error, EIO, "reading a blob");
}

/* What the system says of it is for the operator, who hears it once and finds it in the status. */
Test(gateway_blobs, tells_a_disk_that_fails_as_one_and_goes_on_when_it_does_not)
{
    household a = a_greeted_household();
    cf_error why;
    cf_hash id;
    cf_buffer blob = a_large_blob(&id);

    cr_expect_not(cf_gateway_blobs_fail(a.world->broker.gateway, &why));
    cf_blob_memory_disk_fail(a.world->broker.blob_disk, CF_IO);
    for (int i = 0; i < 2; i++) {
        put_piece(&a, &id, &blob, 0);
        cf_message refused = hear(a.world, a.at_lap, CF_COMMAND_REFUSED);
        cr_expect(refused.refused.later);
        expect_text(&refused, CF_TEXT_DISK);
    }
    cr_expect(cf_gateway_blobs_fail(a.world->broker.gateway, &why));
    cr_expect_str_eq(why.text, "the disk in memory fails");

    cf_blob_memory_disk_fail(a.world->broker.blob_disk, CF_FULL); /* which is another matter */
    put_piece(&a, &id, &blob, 0);
    hear_refusal(a.world, a.at_lap, CF_REFUSED_FULL);
    cr_expect(cf_gateway_blobs_fail(a.world->broker.gateway, &why));
    cf_blob_memory_disk_fail(a.world->broker.blob_disk, CF_OK);
    put_piece(&a, &id, &blob, 0);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    cr_expect(cf_gateway_blobs_fail(a.world->broker.gateway, &why),
              "one that was under way works, too");
    a.world->now_ms += 5000;
    put_piece(&a, &id, &blob, CF_BLOB_STEP);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    cr_expect_not(cf_gateway_blobs_fail(a.world->broker.gateway, &why));

    a.world->broker.blobs->get = fail_to_read;
    say(a.world, a.at_lap,
        &(cf_message){.command = CF_COMMAND_GET, .get = {.id = id, .offset = 0}});
    cf_message refused = hear(a.world, a.at_lap, CF_COMMAND_REFUSED);
    cr_expect(refused.refused.later);
    expect_text(&refused, "the broker can't read its disk");
    cf_buffer_release(&blob);
    household_end(&a);
}

Test(gateway_blobs, notes_what_is_asked_for_and_neither_here_nor_wanted)
{
    household a = a_greeted_household();
    cf_hash blob = {"it never came"};
    cf_error error;

    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_GET, .get = {.id = blob, .offset = 0}});
    hear(a.world, a.at_desk, CF_COMMAND_ABSENT);
    cr_expect_eq(a.world->absent, 1);
    cf_log_want(cf_users_find(a.world->broker.users, &a.account.user), &blob);
    expect_ok(a.world->broker.store->commit(a.world->broker.store, &error), error);
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_GET, .get = {.id = blob, .offset = 0}});
    hear(a.world, a.at_desk, CF_COMMAND_ABSENT);
    cr_expect_eq(a.world->absent, 1, "that it is not here is known");
    household_end(&a);
}

/* Ann's blob is not Bob's, even when he knows its name. */
Test(gateway_blobs, keeps_each_users_blobs_apart)
{
    household a = a_greeted_household();
    person bob = an_account(11), pc = a_device(12, &bob.user), pad = a_device(13, &bob.user);
    cf_hash id;
    cf_buffer blob = a_large_blob(&id);

    settle_in(a.world, &bob, &pc, &pad);
    client *at_pc = connect_client(a.world, cf_keys_public(pc.keys)->curve);
    greet(a.world, at_pc, &bob.user, NULL, 0);
    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP)
        put_piece(&a, &id, &blob, offset);
    cf_message get = {.command = CF_COMMAND_GET, .get = {.id = id, .offset = 0}};
    say(a.world, at_pc, &get);
    hear(a.world, at_pc, CF_COMMAND_ABSENT);
    cf_buffer_release(&blob);
    person_end(&bob);
    person_end(&pc);
    person_end(&pad);
    household_end(&a);
}

/* As many as a message holds; the next session hears of more. */
Test(gateway_blobs, asks_for_no_more_at_once_than_a_message_holds)
{
    household a = a_greeted_household();
    cf_lost_blobs missing = {0};
    cf_error error;

    missing.list = cf_allocate(CF_ENTRY_BLOBS_MAX + 1, sizeof *missing.list);
    for (; missing.count <= CF_ENTRY_BLOBS_MAX; missing.count++) {
        missing.list[missing.count].user = a.account.user;
        cf_put_u32(missing.list[missing.count].blob.bytes, (uint32_t)missing.count + 1);
    }
    cf_lost_blobs_note(a.world->broker.users, a.world->broker.quotas, a.world->broker.blobs,
                       &missing);
    expect_ok(a.world->broker.store->commit(a.world->broker.store, &error), error);
    greet(a.world, a.at_desk, &a.account.user, NULL, 0);
    cf_message wanted = hear(a.world, a.at_desk, CF_COMMAND_WANTED);
    cr_expect_eq(wanted.wanted.id_count, CF_ENTRY_BLOBS_MAX);
    hear_nothing(a.world, a.at_desk);
    cf_lost_blobs_release(&missing);
    household_end(&a);
}

/* ---- Damaged ones ---- */

static cf_status (*get_from_disk)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                                  uint64_t offset, size_t size, cf_buffer *out, uint64_t *total,
                                  cf_error *error);
/* Of a line that breaks, say; a piece ends where its blob does. */
Test(gateway_blobs, gives_as_much_of_a_blob_as_is_asked_for)
{
    household a = a_greeted_household();
    cf_hash id, none = {"nobody has it"};
    cf_buffer blob = a_large_blob(&id);
    const struct {
        uint64_t offset, size, given;
    } cases[] = {{0, 1, 1},
                 {5, 4096, 4096},
                 {1, CF_BLOB_STEP, CF_BLOB_STEP},
                 {blob.size - 10, 4096, 10},
                 {blob.size - 1, 1, 1}};

    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP)
        put_piece(&a, &id, &blob, offset);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    hear(a.world, a.at_lap, CF_COMMAND_MISSING);
    hear(a.world, a.at_lap, CF_COMMAND_STORED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cf_message fetch = {.command = CF_COMMAND_FETCH,
                            .get = {.id = id, .offset = cases[i].offset, .size = cases[i].size}};

        say(a.world, a.at_desk, &fetch);
        cf_message piece = hear(a.world, a.at_desk, CF_COMMAND_BLOB);
        cr_expect_eq(piece.blob.offset, cases[i].offset);
        cr_expect_eq(piece.blob.total, blob.size);
        cr_expect(cf_bytes_equal(piece.blob.bytes,
                                 cf_bytes_of(blob.data + cases[i].offset, cases[i].given)),
                  "%zu: %zu bytes", i, piece.blob.bytes.size);
    }
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_FETCH, .get = {.id = none, .offset = 0, .size = 10}});
    hear(a.world, a.at_desk, CF_COMMAND_ABSENT);
    say(a.world, a.at_desk,
        &(cf_message){.command = CF_COMMAND_FETCH,
                      .get = {.id = id, .offset = blob.size, .size = 10}});
    cf_message refused = hear(a.world, a.at_desk, CF_COMMAND_REFUSED);
    cr_expect(cf_bytes_equal(refused.refused.request, cf_bytes_of_text("FETCH")));
    cf_buffer_release(&blob);
    household_end(&a);
}

static size_t gets;
static bool is_worn; /* the disk gives other bytes than it got */

static cf_status get_and_count(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                               uint64_t offset, size_t size, cf_buffer *out, uint64_t *total,
                               cf_error *error)
{
    cf_status status = get_from_disk(blobs, user, id, offset, size, out, total, error);

    gets++;
    if (!status && is_worn && offset == 0)
        out->data[0] ^= 1;
    return status;
}

static void ask_for_all(household *a, const cf_hash *id, size_t size, cf_command last)
{
    for (size_t offset = 0; offset < size; offset += CF_BLOB_STEP) {
        cf_message get = {.command = CF_COMMAND_GET, .get = {.id = *id, .offset = offset}};

        say(a->world, a->at_desk, &get);
        hear(a->world, a->at_desk, offset + CF_BLOB_STEP < size ? CF_COMMAND_BLOB : last);
    }
}

static household a_household_with(cf_hash *id, cf_buffer *blob)
{
    household a = a_greeted_household();

    *blob = a_large_blob(id);
    for (size_t offset = 0; offset < blob->size; offset += CF_BLOB_STEP) {
        put_piece(&a, id, blob, offset);
        hear(a.world, a.at_lap,
             offset + CF_BLOB_STEP < blob->size ? CF_COMMAND_MISSING : CF_COMMAND_STORED);
    }
    get_from_disk = a.world->broker.blobs->get;
    a.world->broker.blobs->get = get_and_count;
    gets = 0;
    is_worn = false;
    return a;
}

Test(gateway_blobs, compares_a_blob_with_its_name_once_an_hour)
{
    cf_hash id;
    cf_buffer blob;
    household a = a_household_with(&id, &blob);

    for (size_t hour = 1; hour <= 3; hour++) {
        gets = 0;
        for (size_t times = 1; times <= 3; times++) {
            ask_for_all(&a, &id, blob.size, CF_COMMAND_BLOB);
            cr_expect_eq(gets, 3 * times + 3, "%zu in hour %zu", gets, hour);
        }
        a.world->now_ms += 3600000;
    }
    cf_buffer_release(&blob);
    household_end(&a);
}

Test(gateway_blobs, hands_out_no_damaged_blob_and_asks_all_for_it)
{
    cf_hash id;
    cf_buffer blob;
    household a = a_household_with(&id, &blob);

    is_worn = true;
    for (size_t offset = 0; offset < 2 * CF_BLOB_STEP; offset += CF_BLOB_STEP) {
        cf_message get = {.command = CF_COMMAND_GET, .get = {.id = id, .offset = offset}};

        say(a.world, a.at_desk, &get);
        hear(a.world, a.at_desk, CF_COMMAND_BLOB);
    }
    cf_message get = {.command = CF_COMMAND_GET, .get = {.id = id, .offset = 2 * CF_BLOB_STEP}};
    say(a.world, a.at_desk, &get);
    cf_message wanted = hear(a.world, a.at_desk, CF_COMMAND_WANTED);
    cr_expect(wanted.wanted.id_count == 1);
    cr_expect(cf_hash_equal(&wanted.wanted.ids[0], &id));
    hear(a.world, a.at_desk, CF_COMMAND_ABSENT);
    hear(a.world, a.at_lap, CF_COMMAND_WANTED);
    is_worn = false;
    for (size_t offset = 0; offset < blob.size; offset += CF_BLOB_STEP) {
        put_piece(&a, &id, &blob, offset);
        hear(a.world, a.at_lap,
             offset + CF_BLOB_STEP < blob.size ? CF_COMMAND_MISSING : CF_COMMAND_STORED);
    }
    ask_for_all(&a, &id, blob.size, CF_COMMAND_BLOB);
    cf_buffer_release(&blob);
    household_end(&a);
}
