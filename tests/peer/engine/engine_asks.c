/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks whether all is in sync is told what the broker has, not what this device last heard; and
 * whoever sets the time of day, the broker is found again. */
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

TestSuite(engine_asks, .timeout = 120);

enum { HOUR_MS = 60 * 60 * 1000, SOON_MS = 15000, REST_MS = 60000 };

/* Both have the same, and a session. */
static small_world *calm_world(small_device **first, small_device **second)
{
    small_world *w = small_world_new(11, 2);

    *first = &w->devices[0];
    *second = &w->devices[1];
    user_writes_text(*first, "a.txt", "one");
    cr_assert(small_device_sync(*first));
    cr_assert(small_device_sync(*second));
    cr_assert(small_device_sync(*first));
    return w;
}

static void edits_elsewhere(small_device *second)
{
    user_writes_text(second, "a.txt", "an edit elsewhere");
    cr_assert(small_device_sync(second));
}

static bool has_edit(small_device *self)
{
    cf_buffer found = {0};
    bool has = user_reads(self, "a.txt", &found) &&
               cf_bytes_equal(cf_buffer_view(&found), cf_bytes_of_text("an edit elsewhere"));

    cf_buffer_release(&found);
    return has;
}

/* A NAT forgot the connection: neither end knows, and another one would do. */
Test(engine_asks, sees_what_waits_behind_a_connection_that_is_dead)
{
    small_device *first, *second;
    small_world *w = calm_world(&first, &second);

    first->dead = first->session;
    edits_elsewhere(second);
    cr_expect(small_device_sync(first));
    cr_expect(has_edit(first), "it was in sync with what it had heard before");
    cr_expect_neq(first->session, first->dead);
    small_world_destroy(&w);
}

Test(engine_asks, is_not_in_sync_with_a_broker_that_does_not_answer)
{
    small_device *first, *second;
    small_world *w = calm_world(&first, &second);

    first->deaf = true;
    edits_elsewhere(second);
    cr_expect_not(small_device_sync(first), "nobody has told it that nothing is new");
    first->deaf = false;
    small_device_passes(first, REST_MS);
    cr_expect(small_device_sync(first));
    cr_expect(has_edit(first));
    small_world_destroy(&w);
}

Test(engine_asks, makes_no_session_of_its_own_where_the_broker_answers)
{
    small_device *first, *second;
    small_world *w = calm_world(&first, &second);
    const uint64_t session = first->session;

    for (int i = 0; i < 5; i++)
        cr_expect(small_device_sync(first));
    edits_elsewhere(second);
    cr_expect(small_device_sync(first));
    cr_expect(has_edit(first));
    cr_expect_eq(first->session, session);
    small_world_destroy(&w);
}

/* The broker is back, and so is the time of day: by three hours. */
static void expect_found_again(int64_t set_ms)
{
    small_device *first, *second;
    small_world *w = calm_world(&first, &second);

    small_device_serves(first);
    small_device_passes(first, SOON_MS);
    small_device_unplug(first);
    small_device_passes(first, REST_MS);
    edits_elsewhere(second);
    w->skew_ms = set_ms;
    first->offline = false;
    small_device_passes(first, SOON_MS);
    cr_expect(has_edit(first), "the clock was set by %lld h", (long long)(set_ms / HOUR_MS));
    small_world_destroy(&w);
}

Test(engine_asks, finds_the_broker_again_whoever_sets_the_clock)
{
    expect_found_again(-3 * HOUR_MS);
    expect_found_again(3 * HOUR_MS);
}

/* It had said that the clock is off, as it was; then somebody set it. */
Test(engine_asks, looks_at_the_clock_again_once_it_is_set)
{
    small_device *first, *second;
    small_world *w = calm_world(&first, &second);

    small_device_serves(first);
    small_device_passes(first, SOON_MS);
    w->skew_ms = -48 * (int64_t)HOUR_MS;
    small_device_passes(first, SOON_MS);
    const uint64_t entries = small_world_entries(w);
    user_writes_text(first, "b.txt", "not sent with this clock");
    small_device_passes(first, SOON_MS);
    cr_expect_eq(small_world_entries(w), entries, "what this clock says was published");
    w->skew_ms = 0;
    small_device_passes(first, SOON_MS);
    cr_expect_gt(small_world_entries(w), entries, "nobody has looked at the clock again");
    small_world_destroy(&w);
}
