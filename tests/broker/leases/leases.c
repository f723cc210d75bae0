/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/leases/leases_pack.h"

#include "tests/support/expect.h"

static const cf_id notes = {"notes"}, photos = {"photos"}, all = {{0}}, page = {"page 7"};
static const cf_hash ann = {"ann"}, bob = {"bob"}, cid = {"cid"};

enum { TEN_S = 10000, NOW = 1000000 };

static cf_lease_ask an_ask(const cf_hash *device, const char *request)
{
    cf_lease_ask ask = {
        .collection = notes, .device = *device, .session = device->bytes[0], .for_ms = TEN_S};

    memcpy(ask.request.bytes, request, strlen(request));
    return ask;
}

static cf_lease_ask patient(cf_lease_ask ask)
{
    ask.wait = true;
    return ask;
}

static cf_lease_ask shared(cf_lease_ask ask)
{
    ask.shared = true;
    return ask;
}

static bool is_later(cf_lease_token a, cf_lease_token b)
{
    return a.generation > b.generation || (a.generation == b.generation && a.counter > b.counter);
}

/* Asks, and must get it. */
static cf_lease_held take(cf_leases *leases, cf_lease_ask ask, uint64_t now_ms)
{
    cf_lease_held held = {0};

    cr_assert_eq(cf_leases_lock(leases, &ask, now_ms, &held), CF_LEASE_GRANTED);
    return held;
}

static cf_lease_held is_busy(cf_leases *leases, cf_lease_ask ask, uint64_t now_ms)
{
    cf_lease_held held = {0};

    cr_assert_eq(cf_leases_lock(leases, &ask, now_ms, &held), CF_LEASE_BUSY);
    return held;
}

static void waits(cf_leases *leases, cf_lease_ask ask, uint64_t now_ms)
{
    cf_lease_held held = {0};

    ask.wait = true;
    cr_assert_eq(cf_leases_lock(leases, &ask, now_ms, &held), CF_LEASE_WAITS);
}

/* The one who waits and is served now. */
static void serves(cf_leases *leases, uint64_t now_ms, const cf_hash *device)
{
    cf_lease_ask ask;
    cf_lease_held held;

    cr_assert(cf_leases_next(leases, now_ms, &ask, &held));
    cr_expect(cf_hash_equal(&held.holder, device));
    cr_expect(cf_id_equal(&held.request, &ask.request));
}

static void serves_nobody(cf_leases *leases, uint64_t now_ms)
{
    cf_lease_ask ask;
    cf_lease_held held;

    cr_expect_not(cf_leases_next(leases, now_ms, &ask, &held));
}

Test(leases, says_who_has_it_and_until_when)
{
    cf_leases *leases = cf_leases_new();

    take(leases, an_ask(&ann, "a"), NOW);
    cf_lease_held held = is_busy(leases, an_ask(&bob, "b"), NOW + 1);
    cr_expect(cf_hash_equal(&held.holder, &ann));
    cr_expect_eq(held.until_ms, NOW + TEN_S);
    cf_leases_destroy(&leases);
}

Test(leases, gives_the_same_request_the_same_lease_again)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held first = take(leases, an_ask(&ann, "a"), NOW);
    cf_lease_held again = take(leases, an_ask(&ann, "a"), NOW + 5);

    cr_expect_eq(first.token.counter, again.token.counter);
    cr_expect_eq(again.until_ms, NOW + TEN_S, "asking again is no renewal");
    waits(leases, an_ask(&ann, "another of hers"), NOW + 5);
    is_busy(leases, an_ask(&bob, "a"), NOW + 5);
    cf_leases_destroy(&leases);
}

Test(leases, gives_an_expired_lease_to_the_next_asker)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held old = take(leases, an_ask(&ann, "a"), NOW), by;

    is_busy(leases, an_ask(&bob, "b"), NOW + TEN_S - 1);
    cf_lease_held new = take(leases, an_ask(&bob, "b"), NOW + TEN_S);
    cr_expect(is_later(new.token, old.token));
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &old.token, &by), CF_FENCE_STALE);
    cr_expect_eq(cf_leases_fence(leases, &notes, &bob, &new.token, &by), CF_FENCE_OPEN);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &new.token, &by), CF_FENCE_STALE);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, NULL, &by), CF_FENCE_LOCKED);
    cr_expect(cf_hash_equal(&by.holder, &bob));
    cf_leases_destroy(&leases);
}

/* 0 is one that has not begun to run. */
Test(leases, end_also_where_the_clock_was_set_to_before_its_beginning)
{
    cf_leases *leases = cf_leases_new();

    take(leases, an_ask(&ann, "a"), NOW);
    cf_leases_clock_set(leases, -5000);
    is_busy(leases, an_ask(&bob, "b"), NOW + TEN_S - 5001);
    cf_leases_clock_set(leases, -2 * NOW);
    cr_expect_eq(cf_leases_deadline(leases), 1);
    cr_expect_eq(cf_leases_expire(leases, 1), 1);
    take(leases, an_ask(&bob, "b"), 1);
    cf_leases_clock_set(leases, INT64_MAX);
    is_busy(leases, an_ask(&ann, "c"), INT64_MAX);
    cf_leases_destroy(&leases);
}

Test(leases, opens_what_nobody_has_to_all_but_an_old_token)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held held = take(leases, an_ask(&ann, "a"), NOW), by;
    cf_lease_ask ask = an_ask(&ann, "a");

    cr_expect_eq(cf_leases_fence(leases, &photos, &bob, NULL, &by), CF_FENCE_OPEN);
    cr_expect(cf_leases_unlock(leases, &ask, &held.token));
    cr_expect_eq(cf_leases_fence(leases, &notes, &bob, NULL, &by), CF_FENCE_OPEN);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &held.token, &by), CF_FENCE_STALE);
    cf_leases_destroy(&leases);
}

/* The same device, with a lease that it has now and the token of one that it had. */
Test(leases, fences_an_old_token_of_the_holder_too)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held old = take(leases, an_ask(&ann, "a"), NOW), by;
    cf_lease_held now = take(leases, an_ask(&ann, "b"), NOW + TEN_S);

    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &old.token, &by), CF_FENCE_STALE);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &now.token, &by), CF_FENCE_OPEN);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, NULL, &by), CF_FENCE_LOCKED);
    cf_leases_destroy(&leases);
}

/* Its home was restored from a copy, say. */
Test(leases, gives_a_holder_that_forgot_its_lease_again)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held before = take(leases, an_ask(&ann, "a"), NOW), after, none;
    cf_lease_ask again = an_ask(&ann, "b"), late = an_ask(&cid, "c");

    waits(leases, an_ask(&bob, "bob"), NOW);
    waits(leases, again, NOW);
    after = take(leases, again, NOW + 5);
    cr_expect(is_later(after.token, before.token));
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &before.token, &none), CF_FENCE_STALE);
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &after.token, &none), CF_FENCE_OPEN);
    cr_expect_eq(after.until_ms, NOW + 5 + TEN_S);
    cr_expect_eq(after.since_ms, NOW);
    cr_expect_eq(take(leases, again, NOW + 6).until_ms, after.until_ms, "the same request again");
    is_busy(leases, shared(an_ask(&ann, "not alone")), NOW + 6);
    cr_expect(cf_leases_unlock(leases, &again, &after.token));
    serves(leases, NOW + 7, &bob);
    cf_leases_forget_device(leases, &bob);
    serves_nobody(leases, NOW + 7);
    cr_expect_eq(cf_leases_lock(leases, &late, NOW + 7, &none), CF_LEASE_GRANTED);
    cf_leases_destroy(&leases);
}

Test(leases, lets_something_in_a_collection_be_leased_beside_it)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask of_page = an_ask(&ann, "a"), of_whole = an_ask(&bob, "b");
    cf_lease_held by;

    of_page.name = page;
    take(leases, of_page, NOW);
    cr_expect_eq(cf_leases_fence(leases, &notes, &bob, NULL, &by), CF_FENCE_OPEN,
                 "what it is called inside is not the broker's to know");
    take(leases, of_whole, NOW);
    of_page.device = cid;
    is_busy(leases, of_page, NOW);
    cf_leases_destroy(&leases);
}

Test(leases, serves_in_the_order_of_coming)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a");
    cf_lease_held held = take(leases, ask, NOW);

    waits(leases, an_ask(&bob, "b"), NOW);
    waits(leases, an_ask(&cid, "c"), NOW);
    serves_nobody(leases, NOW);
    cf_leases_unlock(leases, &ask, &held.token);
    held = is_busy(leases, an_ask(&ann, "again"), NOW);
    cr_expect(cf_hash_equal(&held.holder, &bob), "who comes now doesn't pass those who wait");
    serves(leases, NOW, &bob);
    serves_nobody(leases, NOW);
    cr_expect_eq(cf_leases_expire(leases, NOW + TEN_S), 1);
    serves(leases, NOW + TEN_S, &cid);
    cf_leases_destroy(&leases);
}

Test(leases, shares_but_not_past_one_that_waits)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = shared(an_ask(&ann, "a"));
    cf_lease_held first = take(leases, ask, NOW);

    is_busy(leases, an_ask(&ann, "alone"), NOW);
    cf_lease_held second = take(leases, shared(an_ask(&bob, "b")), NOW), by;
    cr_expect(is_later(second.token, first.token));
    cr_expect_eq(cf_leases_fence(leases, &notes, &ann, &first.token, &by), CF_FENCE_OPEN);
    cr_expect_eq(cf_leases_fence(leases, &notes, &bob, &second.token, &by), CF_FENCE_OPEN);
    waits(leases, an_ask(&cid, "c"), NOW);
    cf_lease_ask late = shared(an_ask(&cid, "d"));
    late.device.bytes[5] = 1;
    is_busy(leases, late, NOW);
    waits(leases, late, NOW);
    cf_leases_unlock(leases, &ask, &first.token);
    serves_nobody(leases, NOW);
    cf_leases_expire(leases, NOW + TEN_S);
    serves(leases, NOW + TEN_S, &cid);
    serves_nobody(leases, NOW + TEN_S);
    cf_leases_destroy(&leases);
}

Test(leases, forgets_who_waits_with_the_session_and_not_what_it_has)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a");
    cf_lease_held held = take(leases, ask, NOW);

    waits(leases, an_ask(&bob, "b"), NOW);
    waits(leases, an_ask(&cid, "c"), NOW);
    cf_leases_forget_session(leases, ann.bytes[0]);
    cf_leases_forget_session(leases, bob.bytes[0]);
    is_busy(leases, an_ask(&bob, "b"), NOW);
    cf_leases_unlock(leases, &ask, &held.token);
    serves(leases, NOW, &cid);
    cf_leases_destroy(&leases);
}

Test(leases, keeps_the_place_of_a_request_that_comes_again)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a"), again = patient(an_ask(&bob, "b"));
    cf_lease_held held = take(leases, ask, NOW);

    waits(leases, again, NOW);
    waits(leases, an_ask(&cid, "c"), NOW);
    again.session = 77;
    waits(leases, again, NOW);
    cf_leases_forget_session(leases, bob.bytes[0]);
    cf_leases_unlock(leases, &ask, &held.token);
    serves(leases, NOW, &bob);
    cf_leases_destroy(&leases);
}

Test(leases, takes_back_a_request_that_waits)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a"), bobs = an_ask(&bob, "b");
    cf_lease_held held = take(leases, ask, NOW);
    cf_lease_token none = {0};

    waits(leases, bobs, NOW);
    bobs.device = cid;
    cr_expect_not(cf_leases_unlock(leases, &bobs, &none), "it is another's");
    bobs.device = bob;
    cr_expect(cf_leases_unlock(leases, &bobs, &none));
    cf_leases_unlock(leases, &ask, &held.token);
    serves_nobody(leases, NOW);
    cf_leases_destroy(&leases);
}

Test(leases, renews_what_is_in_force_only)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_held held = take(leases, an_ask(&ann, "a"), NOW), renewed;

    cr_expect(cf_leases_renew(leases, &ann, &held.token, TEN_S, NOW + TEN_S - 1, &renewed));
    cr_expect_eq(renewed.until_ms, NOW + 2 * TEN_S - 1);
    cr_expect_eq(renewed.token.counter, held.token.counter);
    cr_expect_not(cf_leases_renew(leases, &bob, &held.token, TEN_S, NOW + TEN_S, &renewed));
    cr_expect_not(cf_leases_renew(leases, &ann, &held.token, TEN_S, NOW + 2 * TEN_S - 1, &renewed));
    cr_expect_not(cf_leases_renew(leases, &ann, &held.token, TEN_S, NOW, &renewed), "for ever");
    cf_leases_destroy(&leases);
}

Test(leases, raises_the_token_with_every_end)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a");
    cf_lease_held held = take(leases, ask, NOW);
    cf_lease_token before = cf_leases_token(leases);

    cr_expect_not(cf_leases_unlock(leases, &ask, &(cf_lease_token){0, 99}));
    ask.device = bob;
    cr_expect_not(cf_leases_unlock(leases, &ask, &held.token), "it is another's");
    ask.device = ann;
    cf_leases_unlock(leases, &ask, &held.token);
    cr_expect(is_later(cf_leases_token(leases), before));
    take(leases, an_ask(&bob, "b"), NOW);
    before = cf_leases_token(leases);
    cr_expect_eq(cf_leases_break(leases, &notes, &all), 1);
    cr_expect(is_later(cf_leases_token(leases), before));
    take(leases, an_ask(&cid, "c"), NOW);
    before = cf_leases_token(leases);
    cf_leases_expire(leases, NOW + TEN_S);
    cr_expect(is_later(cf_leases_token(leases), before));
    take(leases, an_ask(&ann, "d"), NOW);
    cr_expect_eq(cf_leases_raise(leases, 3), 1, "it was another home's");
    cr_expect_eq(cf_leases_deadline(leases), UINT64_MAX);
    take(leases, an_ask(&bob, "e"), NOW);
    cr_expect_eq(cf_leases_raise(leases, 3), 0);
    cr_expect_eq(cf_leases_token(leases).generation, 3);
    cf_leases_raise(leases, 2);
    cr_expect_eq(cf_leases_token(leases).generation, 3, "never back");
    cf_leases_destroy(&leases);
}

Test(leases, ends_all_of_a_device_that_is_shut_out)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask elsewhere = an_ask(&ann, "b");

    elsewhere.collection = photos;
    take(leases, an_ask(&ann, "a"), NOW);
    take(leases, elsewhere, NOW);
    waits(leases, an_ask(&bob, "c"), NOW);
    cr_expect_eq(cf_leases_forget_device(leases, &ann), 2);
    serves(leases, NOW, &bob);
    cf_leases_destroy(&leases);
}

Test(leases, bounds_who_waits_and_what_one_has)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&bob, "b");
    cf_lease_held held;

    take(leases, an_ask(&ann, "a"), NOW);
    ask.wait = true;
    for (int i = 0; i < CF_LEASE_WAITERS_OF_SESSION_MAX; i++) {
        ask.request.bytes[8] = (uint8_t)i;
        waits(leases, ask, NOW);
    }
    ask.request.bytes[8] = 255;
    cr_expect_eq(cf_leases_lock(leases, &ask, NOW, &held), CF_LEASE_FULL);
    for (int i = 1; i < CF_LEASES_OF_DEVICE_MAX; i++) {
        ask = an_ask(&ann, "a");
        cf_put_u64(ask.name.bytes, (uint64_t)i);
        take(leases, ask, NOW);
    }
    cf_put_u64(ask.name.bytes, 1 << 20);
    cr_expect_eq(cf_leases_lock(leases, &ask, NOW, &held), CF_LEASE_FULL);
    cf_leases_destroy(&leases);
}

Test(leases, bounds_what_all_devices_of_a_user_have)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&ann, "a");
    cf_lease_held held;

    for (size_t i = 0; i < CF_LEASES_MAX; i++) {
        cf_put_u64(ask.name.bytes, i + 1);
        cf_put_u64(ask.device.bytes, i / CF_LEASES_OF_DEVICE_MAX);
        take(leases, ask, NOW);
    }
    cf_put_u64(ask.name.bytes, CF_LEASES_MAX + 1);
    ask.device = bob;
    cr_expect_eq(cf_leases_lock(leases, &ask, NOW, &held), CF_LEASE_FULL);
    cr_expect_eq(cf_leases_lock(leases, &ask, NOW + TEN_S, &held), CF_LEASE_GRANTED);
    cf_leases_destroy(&leases);
}

Test(leases, bounds_who_waits_in_all_sessions)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask ask = an_ask(&bob, "b");
    cf_lease_held held;

    take(leases, an_ask(&ann, "a"), NOW);
    for (uint64_t i = 0; i < CF_LEASE_WAITERS_MAX; i++) {
        cf_put_u64(ask.request.bytes, i + 1);
        ask.session = 1000 + i / CF_LEASE_WAITERS_OF_SESSION_MAX;
        waits(leases, ask, NOW);
    }
    ask.session = 1;
    ask.wait = true;
    cf_put_u64(ask.request.bytes, CF_LEASE_WAITERS_MAX + 1);
    cr_expect_eq(cf_leases_lock(leases, &ask, NOW, &held), CF_LEASE_FULL);
    cf_leases_destroy(&leases);
}

Test(leases, comes_back_from_its_records_and_runs_its_full_time_again)
{
    cf_leases *leases = cf_leases_new(), *back = cf_leases_new();
    cf_buffer record = {0}, token = {0};
    cf_error error;
    cf_id collection, name;

    take(leases, shared(an_ask(&ann, "a")), NOW);
    take(leases, shared(an_ask(&bob, "b")), NOW);
    cr_assert(cf_leases_changed(leases, &collection, &name));
    cr_expect(cf_id_equal(&collection, &notes));
    cr_expect(cf_id_equal(&name, &all));
    cr_expect_not(cf_leases_changed(leases, &collection, &name));
    cf_leases_pack(leases, &collection, &name, &record);
    cf_leases_pack_token(leases, &token);
    expect_ok(cf_leases_read(back, &notes, &all, cf_buffer_view(&record), &error), error);
    expect_ok(cf_leases_read_token(back, cf_buffer_view(&token), &error), error);
    cr_expect_eq(cf_leases_token(back).counter, cf_leases_token(leases).counter);
    cr_expect_eq(cf_leases_deadline(back), 0, "it starts as soon as a time is heard");
    is_busy(back, an_ask(&cid, "c"), NOW + 100 * TEN_S);
    cr_expect_eq(cf_leases_deadline(back), NOW + 101 * TEN_S);
    take(back, shared(an_ask(&ann, "a")), NOW + 100 * TEN_S);
    cf_leases_expire(back, NOW + 101 * TEN_S);
    cf_buffer_clear(&record);
    cf_leases_pack(back, &notes, &all, &record);
    cr_expect_eq(record.size, 0);
    for (size_t cut = 0; cut < token.size; cut++)
        expect_fails(cf_leases_read_token(back, cf_bytes_of(token.data, cut), &error), CF_BROKEN);
    cf_buffer_release(&record);
    cf_buffer_release(&token);
    cf_leases_destroy(&leases);
    cf_leases_destroy(&back);
}

/* An array that says it has this many elements, where there are others. */
static cf_buffer with_count(const cf_buffer *record, size_t at, uint8_t count)
{
    cf_buffer changed = {0};

    cf_buffer_append(&changed, record->data, record->size);
    changed.data[at] = (uint8_t)(0x90 | count);
    cf_buffer_append(&changed, "\0", 1); /* of which there is one more */
    return changed;
}

static void expect_broken(cf_buffer damaged)
{
    cf_leases *leases = cf_leases_new();
    cf_error error;

    expect_fails(cf_leases_read(leases, &notes, &all, cf_buffer_view(&damaged), &error), CF_BROKEN);
    expect_fails(cf_leases_read_token(leases, cf_buffer_view(&damaged), &error), CF_BROKEN);
    cf_leases_destroy(&leases);
    cf_buffer_release(&damaged);
}

Test(leases, are_broken_with_an_element_more_or_bytes_behind)
{
    cf_leases *leases = cf_leases_new();
    cf_buffer record = {0}, token = {0};

    take(leases, an_ask(&ann, "a"), NOW);
    cf_leases_pack(leases, &notes, &all, &record);
    cf_leases_pack_token(leases, &token);
    cr_assert_eq(record.data[1], 0x97); /* behind the array of all leases */
    cr_assert_eq(token.data[0], 0x92);
    expect_broken(with_count(&record, 1, 8));
    expect_broken(with_count(&record, 1, 7));
    expect_broken(with_count(&token, 0, 3));
    expect_broken(with_count(&token, 0, 2));
    cf_buffer_release(&record);
    cf_buffer_release(&token);
    cf_leases_destroy(&leases);
}

/* ---- What the halves of conditions are for ---- */

static cf_lease_ask of(const cf_id *collection, cf_lease_ask ask)
{
    ask.collection = *collection;
    return ask;
}

Test(leases, keeps_who_waits_for_another_collection_apart)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask served;
    cf_lease_held held;

    take(leases, an_ask(&ann, "a"), NOW);
    waits(leases, an_ask(&bob, "b"), NOW);
    take(leases, of(&photos, an_ask(&cid, "c")), NOW);
    waits(leases, of(&photos, an_ask(&bob, "b")), NOW);
    cr_expect_eq(cf_leases_break(leases, &photos, &all), 1);
    cr_assert(cf_leases_next(leases, NOW, &served, &held));
    cr_expect(cf_id_equal(&held.collection, &photos), "under the same request bob waits for both");
    serves_nobody(leases, NOW);
    cf_leases_destroy(&leases);
}

Test(leases, gives_a_device_one_share_of_a_thing)
{
    cf_leases *leases = cf_leases_new();

    take(leases, shared(an_ask(&ann, "a")), NOW);
    take(leases, shared(an_ask(&bob, "b")), NOW);
    waits(leases, shared(an_ask(&ann, "another of hers")), NOW);
    cf_leases_destroy(&leases);
}

/* Ann, who has it, waits under "w" and bob under "n"; then she asks anew under "n". */
Test(leases, drops_no_other_request_when_a_device_asks_anew)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask again = an_ask(&ann, "n");

    take(leases, an_ask(&ann, "a"), NOW);
    waits(leases, an_ask(&ann, "w"), NOW);
    waits(leases, an_ask(&bob, "n"), NOW);
    cf_lease_held held = take(leases, again, NOW);
    cr_expect(cf_leases_unlock(leases, &again, &held.token));
    serves(leases, NOW, &ann);
    cr_expect_eq(cf_leases_break(leases, &notes, &all), 1);
    serves(leases, NOW, &bob);
    cf_leases_destroy(&leases);
}

Test(leases, says_busy_to_who_does_not_wait_though_the_same_request_waits)
{
    cf_leases *leases = cf_leases_new();

    take(leases, an_ask(&ann, "a"), NOW);
    waits(leases, an_ask(&bob, "b"), NOW);
    is_busy(leases, an_ask(&bob, "b"), NOW);
    cf_leases_destroy(&leases);
}

Test(leases, are_not_idle_while_somebody_waits)
{
    cf_leases *leases = cf_leases_new();

    take(leases, an_ask(&ann, "a"), NOW);
    waits(leases, an_ask(&bob, "b"), NOW);
    cf_leases_break(leases, &notes, &all);
    cr_expect_not(cf_leases_is_idle(leases));
    cf_leases_forget_session(leases, an_ask(&bob, "b").session);
    cr_expect(cf_leases_is_idle(leases));
    cf_leases_destroy(&leases);
}

Test(leases, note_each_thing_that_changed_once)
{
    cf_leases *leases = cf_leases_new();
    cf_lease_ask of_page = an_ask(&ann, "c");
    size_t changed = 0;
    cf_id collection, name;

    of_page.collection = photos;
    of_page.name = page;
    take(leases, an_ask(&ann, "a"), NOW);
    take(leases, of(&photos, an_ask(&ann, "b")), NOW);
    take(leases, of_page, NOW);
    take(leases, an_ask(&ann, "again"), NOW);
    while (cf_leases_changed(leases, &collection, &name))
        changed++;
    cr_expect_eq(changed, 3);
    cf_leases_destroy(&leases);
}
