/* SPDX-License-Identifier: Apache-2.0 */
/* What the user limits takes its time, and is waited for; what is kept of limits is read with care.
 */
#include "broker/link/rate_limit.h"
#include "peer/engine/limits.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

TestSuite(engine_limits, .timeout = 120);

enum { RATE = 4096, LARGE = 200000 };

static void limit(small_device *self, uint64_t up, uint64_t down)
{
    cf_error error;

    expect_ok(cf_limits_keep(self->home, &(cf_limits){up, down}, &error), error);
    cf_engine_use_limits(self->engine);
}

/* How long a sync of what was written takes, by the world's clock. */
static uint64_t seconds_of_sync(small_device *self)
{
    const uint64_t from_ms = small_world_steady(self->in);

    cr_expect(small_device_round(self, &(cf_round_options){.kind = CF_ROUND_SYNC}, 1000000));
    return (small_world_steady(self->in) - from_ms) / 1000;
}

/* A blob takes longer than a sync waits for a broker that says nothing. */
Test(engine_limits, are_waited_for_by_a_sync)
{
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_buffer noise = small_world_noise(w, LARGE), difference = {0};

    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    limit(first, RATE, 0);
    limit(second, 0, RATE);
    user_writes(first, "large", noise.data, noise.size);
    cr_expect_geq(seconds_of_sync(first), LARGE / RATE - 3);
    small_device_sync(second);
    cr_expect(small_world_equal(w, &difference));
    cf_buffer_release(&difference);
    cf_buffer_release(&noise);
    small_world_destroy(&w);
}

/* What is shown while a limited sync goes on, up and down. */
static void expect_flow(small_device *self, bool up)
{
    cf_flows flows;

    cf_engine_flows(self->engine, &flows);
    const cf_flow_shown flow = up ? flows.up : flows.down, other = up ? flows.down : flows.up;
    cr_expect_eq(flow.done + flow.left, LARGE);
    cr_expect_gt(flow.done, 0);
    cr_expect_geq(flow.taken_ms, 8000);
    cr_expect(flow.rate > RATE / 2, "%zu", (size_t)flow.rate);
    cr_expect(flow.rate < RATE * 2, "%zu", (size_t)flow.rate);
    cr_expect_eq(cf_flow_seconds_left(&flow), (flow.left + flow.rate - 1) / flow.rate);
    cr_expect_eq(other.left, 0);
}

Test(engine_limits, are_seen_in_what_is_told_of_the_way)
{
    enum { TEN_SECONDS = 10000 / SMALL_TURN_MS };
    small_world *w = small_world_new(7, 2);
    small_device *first = &w->devices[0], *second = &w->devices[1];
    cf_buffer noise = small_world_noise(w, LARGE);
    cf_flows flows;

    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
    limit(first, RATE, 0);
    user_writes(first, "large", noise.data, noise.size);
    cr_assert_not(
        small_device_round(first, &(cf_round_options){.kind = CF_ROUND_SYNC}, TEN_SECONDS));
    expect_flow(first, true);
    limit(first, 0, 0);
    cr_assert(small_device_sync(first));
    cf_engine_flows(first->engine, &flows);
    cr_expect_eq(flows.up.done + flows.up.left, 0);
    cf_buffer_release(&noise);
    small_world_destroy(&w);
}

Test(engine_limits, hold_after_a_crash)
{
    small_world *w = small_world_new(7, 1);
    small_device *first = &w->devices[0];
    cf_buffer noise = small_world_noise(w, LARGE);
    cf_limits kept;
    cf_error error;

    cr_assert(small_device_sync(first));
    limit(first, RATE, 2 * RATE);
    small_device_crash(first);
    expect_ok(cf_limits_recall(first->home, &kept, &error), error);
    cr_expect(kept.up == RATE);
    cr_expect(kept.down == 2 * RATE);
    user_writes(first, "large", noise.data, noise.size);
    cr_expect_geq(seconds_of_sync(first), LARGE / RATE - 3);
    cf_buffer_release(&noise);
    small_world_destroy(&w);
}

Test(engine_limits, are_not_believed_where_they_are_damaged)
{
    static const char *const wrong[] = {
        "", "1024", "1024 x", "1024 1024 ", "1024 1024 1", "1 0", "0 1023", "0 1099511627777"};
    small_world *w = small_world_new(7, 1);
    cf_home *home = w->devices[0].home;
    cf_limits kept = {5, 5};
    cf_error error;

    expect_ok(cf_limits_recall(home, &kept, &error), error);
    cr_expect(kept.up == 0);
    cr_expect(kept.down == 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_ok(cf_home_set(home, "limits", cf_bytes_of_text(wrong[i]), &error), error);
        expect_fails(cf_limits_recall(home, &kept, &error), CF_BROKEN);
    }
    expect_ok(cf_limits_keep(home, &(cf_limits){CF_RATE_MIN, CF_RATE_MAX}, &error), error);
    expect_ok(cf_limits_recall(home, &kept, &error), error);
    cr_expect(kept.up == CF_RATE_MIN);
    cr_expect(kept.down == CF_RATE_MAX);
    small_world_destroy(&w);
}
