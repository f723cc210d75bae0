/* SPDX-License-Identifier: Apache-2.0 */
/* Over a metered network contents over 1 MiB wait, both ways and under way, and nothing else does;
 * they go on as soon as it is none, or the user says so. */
#include "peer/engine/metered.h"
#include "tests/peer/small/small_folder.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

TestSuite(engine_metered, .timeout = 120);

enum { LARGE = CF_METERED_MAX + 1 };

static void choose(small_device *self, cf_metered_choice choice)
{
    cf_error error;

    expect_ok(cf_metered_keep(self->home, choice, &error), error);
    cf_engine_use_metered(self->engine);
}

static void is_metered(small_device *self)
{
    choose(self, CF_METERED_PAUSE);
    cf_engine_network_is(self->engine, CF_NETWORK_METERED);
}

/* Bytes that nothing makes smaller. */
static void user_fills(small_device *self, const char *path, size_t size)
{
    cf_buffer noise = small_world_noise(self->in, size);

    user_writes(self, path, noise.data, noise.size);
    cf_buffer_release(&noise);
}

static uint64_t size_of(const small_device *self, const char *path)
{
    cf_buffer bytes = {0};

    user_reads(self, path, &bytes);
    const uint64_t size = bytes.size;
    cf_buffer_release(&bytes);
    return size;
}

static void expect_deferred(const small_device *self, size_t count)
{
    cf_metered_status status;

    cf_engine_metered(self->engine, &status);
    cr_expect_eq(status.deferred, count, "%zu wait, not %zu", status.deferred, count);
}

static void expect_waiting(const small_device *self, size_t count)
{
    expect_deferred(self, count);
    cr_expect_eq(small_device_pending(self, NULL, CF_PENDING_WAITS), count);
}

/* It says so of this path. */
static bool says_metered(const small_device *self, const char *path)
{
    cf_arena arena = {0};
    cf_binding_status status;
    bool says = false;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        says |= cf_bytes_equal(status.pending[i].path, cf_bytes_of_text(path)) &&
                strcmp(status.pending[i].reason, CF_WAITS_METERED) == 0;
    cf_arena_release(&arena);
    return says;
}

static void expect_equal(small_world *w)
{
    cf_buffer difference = {0};

    cr_expect(small_world_equal(w, &difference), "%.*s", (int)difference.size,
              (const char *)difference.data);
    cf_buffer_release(&difference);
}

static small_world *begin(small_device **first, small_device **second)
{
    small_world *w = small_world_new(7, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    cr_assert(small_device_sync(*first));
    cr_assert(small_device_sync(*second));
    return w;
}

Test(engine_metered, what_is_large_is_not_sent_and_all_else_is)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);

    is_metered(first);
    user_fills(first, "large", LARGE);
    user_fills(first, "limit", CF_METERED_MAX);
    user_writes_text(first, "small", "1");
    cr_expect(small_device_sync(first));
    expect_waiting(first, 1);
    cr_expect(says_metered(first, "large"));
    cr_expect(small_device_sync(second));
    cr_expect_eq(size_of(second, "limit"), CF_METERED_MAX);
    cr_expect_eq(size_of(second, "small"), 1);
    cr_expect_eq(size_of(second, "large"), 0);
    cf_engine_network_is(first->engine, CF_NETWORK_UNMETERED);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 0);
    cr_expect(small_device_sync(second));
    expect_equal(w);
    small_world_destroy(&w);
}

Test(engine_metered, what_is_large_is_not_fetched_and_all_else_is)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);

    is_metered(second);
    user_fills(first, "large", LARGE);
    user_fills(first, "limit", CF_METERED_MAX);
    user_writes_text(first, "small", "1");
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    expect_waiting(second, 1);
    cr_expect(says_metered(second, "large"));
    cr_expect_eq(size_of(second, "limit"), CF_METERED_MAX);
    cr_expect_eq(size_of(second, "small"), 1);
    cr_expect_eq(size_of(second, "large"), 0);
    choose(second, CF_METERED_SEND);
    cr_expect(small_device_sync(second));
    expect_waiting(second, 0);
    expect_equal(w);
    small_world_destroy(&w);
}

/* What travels is small, and so is what would, of a content that is here by another name. */
Test(engine_metered, a_delta_of_a_large_file_and_a_copy_go)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);
    cf_buffer noise = small_world_noise(w, 3 * LARGE);

    user_writes(first, "large", noise.data, noise.size);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    is_metered(first);
    is_metered(second);
    memcpy(noise.data + LARGE, "edited", 6);
    user_writes(first, "large", noise.data, noise.size);
    cr_expect(small_device_sync(first));
    user_writes(first, "copy", noise.data, noise.size);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    expect_waiting(first, 0);
    expect_waiting(second, 0);
    expect_equal(w);
    cf_buffer_release(&noise);
    small_world_destroy(&w);
}

Test(engine_metered, a_delta_that_is_large_waits)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);
    cf_buffer noise = small_world_noise(w, 4 * LARGE), other = small_world_noise(w, LARGE + 1000);

    user_writes(first, "large", noise.data, noise.size);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    is_metered(first);
    memcpy(noise.data + LARGE, other.data, other.size);
    user_writes(first, "large", noise.data, noise.size);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 1);
    choose(first, CF_METERED_SEND);
    is_metered(second);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    expect_waiting(second, 1);
    choose(second, CF_METERED_SEND);
    cr_expect(small_device_sync(second));
    expect_equal(w);
    cf_buffer_release(&noise);
    cf_buffer_release(&other);
    small_world_destroy(&w);
}

static uint64_t bytes_of(const small_device *self, bool sent)
{
    cf_traffic traffic;

    cf_engine_traffic(self->engine, &traffic);
    return sent ? traffic.bytes_sent : traffic.bytes_received;
}

/* After so many turns the network becomes metered: true where that was in its midst. */
static bool stops_in_its_midst(unsigned turns, bool sends)
{
    enum { SIZE = 12 * CF_MIB };
    small_device *first, *second;
    small_world *w = begin(&first, &second);
    small_device *self = sends ? first : second;

    user_fills(first, "large", SIZE);
    if (!sends)
        cr_assert(small_device_sync(first));
    choose(self, CF_METERED_PAUSE);
    cf_engine_network_is(self->engine, CF_NETWORK_UNMETERED);
    small_device_round(self, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
    const uint64_t before = bytes_of(self, sends);
    cf_engine_network_is(self->engine, CF_NETWORK_METERED);
    cr_expect(small_device_sync(self));
    if (before < SIZE / 2) { /* beyond that the rest may be on its way */
        expect_waiting(self, 1);
        cr_expect(says_metered(self, "large"));
        cr_expect_lt(bytes_of(self, sends), SIZE, "it went to its end all the same");
    }
    cf_engine_network_is(self->engine, CF_NETWORK_UNMETERED);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    cr_expect_lt(bytes_of(self, sends), SIZE + 5 * CF_MIB, "what had gone goes again");
    expect_waiting(self, 0);
    expect_equal(w);
    small_world_destroy(&w);
    return before > CF_MIB && before < SIZE / 2;
}

static void expect_stops(bool sends)
{
    size_t midst = 0;

    for (unsigned turns = 2; turns < 10; turns++)
        midst += stops_in_its_midst(turns, sends);
    cr_expect_gt(midst, 0, "it was never in its midst");
}

Test(engine_metered, an_upload_under_way_stops_and_goes_on_where_it_was)
{
    expect_stops(true);
}

Test(engine_metered, a_download_under_way_stops_and_goes_on_where_it_was)
{
    expect_stops(false);
}

/* The choice is kept, what was heard is not: it is asked again. */
Test(engine_metered, the_choice_is_kept_and_the_network_asked_again_after_a_crash)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);
    cf_metered_status status;

    is_metered(first);
    user_fills(first, "large", LARGE);
    cr_expect(small_device_sync(first));
    small_device_crash(first);
    cf_engine_metered(first->engine, &status);
    cr_expect_eq(status.choice, CF_METERED_PAUSE);
    cr_expect_eq(status.network, CF_NETWORK_ASKED);
    cf_engine_network_is(first->engine, CF_NETWORK_METERED);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 1);
    small_device_crash(first); /* and nobody answers */
    const uint64_t from_ms = small_world_steady(w);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 0);
    cr_expect_geq(small_world_steady(w) - from_ms, CF_METERED_PATIENCE_MS / 2);
    cr_expect(small_device_sync(second));
    expect_equal(w);
    small_world_destroy(&w);
}

Test(engine_metered, what_waits_goes_at_once_where_devices_serve)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);

    small_device_serves(first);
    small_device_serves(second);
    is_metered(first);
    cr_expect(cf_engine_asks_network(first->engine));
    cr_expect(!cf_engine_asks_network(second->engine));
    user_fills(first, "large", LARGE);
    user_writes_text(first, "small", "1");
    for (int i = 0; i < 400 && !size_of(second, "small"); i++) {
        small_device_passes(first, 50);
        small_device_passes(second, 50);
    }
    expect_waiting(first, 1);
    cr_expect_eq(size_of(second, "large"), 0);
    choose(first, CF_METERED_SEND);
    for (int i = 0; i < 400 && size_of(second, "large") != LARGE; i++) {
        small_device_passes(first, 50);
        small_device_passes(second, 50);
    }
    expect_waiting(first, 0);
    expect_equal(w);
    small_world_destroy(&w);
}

/* What is to come into the place of a large file waits with it, and is not lost. */
Test(engine_metered, what_waits_is_edited_moved_and_removed)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);

    is_metered(first);
    user_fills(first, "edited", LARGE);
    user_fills(first, "moved", LARGE);
    user_fills(first, "removed", LARGE);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 3);
    user_fills(first, "edited", LARGE + 1);
    user_moves(first, "moved", "elsewhere");
    user_removes(first, "removed");
    cr_expect(small_device_sync(first));
    choose(first, CF_METERED_SEND);
    cr_expect(small_device_sync(first));
    expect_waiting(first, 0);
    cr_expect(small_device_sync(second));
    cr_expect_eq(size_of(second, "edited"), LARGE + 1);
    expect_equal(w);
    small_world_destroy(&w);
}

/* Each save of a large file while the network was metered stayed there to be sent. */
Test(engine_metered, what_waited_of_a_file_goes_when_it_has_another_content_or_is_gone)
{
    small_device *first, *second;
    small_world *w = begin(&first, &second);

    user_fills(first, "large", 2 * LARGE);
    cr_expect(small_device_sync(first));
    is_metered(first);
    for (size_t i = 1; i < 5; i++) {
        user_fills(first, "large", 2 * LARGE + i);
        cr_expect(small_device_sync(first));
        expect_deferred(first, 1);
    }
    user_fills(first, "new", LARGE);
    cr_expect(small_device_sync(first));
    user_fills(first, "new", LARGE + 1);
    cr_expect(small_device_sync(first));
    expect_deferred(first, 2);
    user_removes(first, "large");
    cr_expect(small_device_sync(first));
    expect_deferred(first, 1);
    choose(first, CF_METERED_SEND);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    expect_equal(w);
    small_world_destroy(&w);
}

/* A row waits for its long value, and others don't wait for it. */
Test(engine_metered, a_record_waits_for_its_large_value)
{
    enum { VALUE = 2 * CF_MIB - 10 }; /* as much as a cell may have; it is sent compressed */
    small_device *first, *second;
    small_world *w = begin(&first, &second);
    cf_arena arena = {0};
    table rows = {0};

    small_world_bind_tables(w);
    is_metered(first);
    is_metered(second);
    table_add(&rows, 1, 100, noise_text(w, VALUE, &arena));
    table_add(&rows, 2, 200, cf_bytes_of_text("short"));
    user_writes_table(first, &rows);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    table_release(&rows);
    cr_assert(user_reads_table(second, &rows));
    cr_expect(!table_find(&rows, 1));
    cr_expect(table_find(&rows, 2));
    table_release(&rows);
    choose(first, CF_METERED_SEND);
    cr_expect(small_device_sync(first));
    cr_expect(small_device_sync(second));
    cr_assert(user_reads_table(second, &rows));
    cr_expect(!table_find(&rows, 1), "it is not fetched");
    table_release(&rows);
    choose(second, CF_METERED_SEND);
    cr_expect(small_device_sync(second));
    cr_assert(user_reads_table(second, &rows));
    cr_assert(table_find(&rows, 1));
    cr_expect_eq(table_find(&rows, 1)->note.size, VALUE);
    table_release(&rows);
    cf_arena_release(&arena);
    small_world_destroy(&w);
}

/* What is sealed of a delta is made again when it goes on. */
Test(engine_metered, a_delta_under_way_stops_and_is_made_again)
{
    size_t stopped = 0;

    for (unsigned turns = 2; turns < 20; turns += 3) {
        small_device *first, *second;
        small_world *w = begin(&first, &second);
        cf_buffer noise = small_world_noise(w, 8 * LARGE), other = small_world_noise(w, 3 * LARGE);

        user_writes(first, "large", noise.data, noise.size);
        cr_expect(small_device_sync(first));
        memcpy(noise.data + LARGE, other.data, other.size);
        user_writes(first, "large", noise.data, noise.size);
        small_device_round(first, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
        is_metered(first);
        cr_expect(small_device_sync(first));
        stopped += small_device_pending(first, NULL, CF_PENDING_WAITS);
        choose(first, CF_METERED_SEND);
        cr_expect(small_device_sync(first));
        cr_expect(small_device_sync(second));
        expect_waiting(first, 0);
        expect_equal(w);
        cf_buffer_release(&noise);
        cf_buffer_release(&other);
        small_world_destroy(&w);
    }
    cr_expect_geq(stopped, 2);
}

Test(engine_metered, a_choice_that_is_damaged_is_not_believed)
{
    static const char *const wrong[] = {"", "sen", "pause ", "pause\n", "\xff", "3"};
    small_world *w = small_world_new(7, 1);
    cf_home *home = w->devices[0].home;
    cf_metered_choice choice = CF_METERED_PAUSE;
    cf_error error;

    expect_ok(cf_metered_recall(home, &choice, &error), error);
    cr_expect_eq(choice, CF_METERED_SEND);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_ok(cf_home_set(home, "metered", cf_bytes_of_text(wrong[i]), &error), error);
        expect_fails(cf_metered_recall(home, &choice, &error), CF_BROKEN);
    }
    expect_ok(cf_home_set(home, "metered", cf_bytes_of("pause\0", 6), &error), error);
    expect_fails(cf_metered_recall(home, &choice, &error), CF_BROKEN);
    choose(&w->devices[0], CF_METERED_PAUSE);
    expect_ok(cf_metered_recall(home, &choice, &error), error);
    cr_expect_eq(choice, CF_METERED_PAUSE);
    small_world_destroy(&w);
}
