/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's rounds cost its user at the broker, and what it says once that is too much. */
#include "tests/peer/small/small_checks.h"

#include "broker/door/allowances.h"
#include "broker/gateway/prices.h"
#include "broker/management/work_budget.h"
#include "codec/limits.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { ROUNDS = 300, STEP = 4 * CF_KIB, POINTS = 150 };

/* A broker that pays back so many points in a second. */
static small_world *patient_world(uint64_t points)
{
    small_world *w = small_world_new(61, 2);

    cr_assert(small_world_settle(w));
    w->options.waste_per_second = points;
    small_broker_crash(w);
    return w;
}

static uint64_t owed(small_world *w)
{
    const cf_hash *user = cf_peer_user(cf_engine_peer(w->devices[0].engine));

    return cf_authority_owed(w->broker.authority, user, w->now_ms);
}

/* As a verb that begins, does its round and ends. */
static bool sync_anew(small_device *self)
{
    small_device_crash(self);
    return small_device_sync(self);
}

Test(engine_patience, of_a_round_without_work_is_less_than_a_tenth_of_a_second)
{
    small_world *w = patient_world(1);

    cr_assert(sync_anew(&w->devices[0]));
    cr_expect_gt(owed(w), 0);
    cr_expect_lt(owed(w), cf_allowances_default.waste_per_second / 10);
    small_world_destroy(&w);
}

Test(engine_patience, is_not_lost_by_a_loop_of_edits_and_rounds)
{
    small_world *w = patient_world(cf_allowances_default.waste_per_second / 10);
    small_device *a = &w->devices[0];
    char text[20];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "edit %d", i);
        user_writes_text(a, "f", text);
        cr_assert(sync_anew(a), "round %d", i);
        expect_nothing_pending(a);
    }
    cr_expect_lt(owed(w), w->options.waste_per_second * CF_WORK_BUDGET_S / 10);
    cr_assert(small_device_sync(&w->devices[1]));
    expect_text(&w->devices[1], "f", text);
    small_world_destroy(&w);
}

Test(engine_patience, ends_with_the_reason_and_how_long)
{
    small_world *w = patient_world(1);
    small_device *a = &w->devices[0];
    cf_broker_status broker = {0};

    for (int i = 0; i < ROUNDS && !broker.trouble; i++) {
        cr_assert(sync_anew(a));
        cf_engine_broker_status(a->engine, &broker);
    }
    cr_assert_eq(broker.trouble, CF_UNREACHABLE, "%d: %s", broker.trouble, broker.text);
    cr_expect_not_null(strstr(broker.text, "it hears them again in "), "%s", broker.text);
    w->now_ms += CF_WORK_BUDGET_S * 1000;
    cr_assert(sync_anew(a));
    cf_engine_broker_status(a->engine, &broker);
    cr_expect_eq(broker.trouble, CF_OK, "%s", broker.text);
    small_world_destroy(&w);
}

/* What a sync that fetches a file over a slow line costs, begun anew. */
static uint64_t costs_of_fetching(small_world *w, const char *name)
{
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer noise = small_world_noise(w, 100000);

    user_writes(a, name, noise.data, noise.size);
    cr_assert(small_device_sync(a));
    small_device_crash(b);
    cf_link_brings(cf_engine_link(b->engine), STEP, 4 * STEP);
    const uint64_t before = owed(w);
    cr_assert(small_device_sync(b));
    const uint64_t after = owed(w); /* some of it was paid back meanwhile */
    cr_expect(holds_bytes(b, name, cf_buffer_view(&noise)));
    cf_buffer_release(&noise);
    return after > before ? after - before : 0;
}

/* It is asked by GET until a day is over; then it may have been brought up to date. */
Test(engine_patience, is_paid_once_a_day_where_the_broker_is_older_than_what_is_asked)
{
    small_world *w = patient_world(POINTS);

    w->is_old = true;
    cr_expect_gt(costs_of_fetching(w, "first"), CF_PRICE_GARBAGE / 2);
    cr_expect_lt(costs_of_fetching(w, "second"), CF_PRICE_GARBAGE / 2);
    w->now_ms += CF_DAY_MS - 60000;
    cr_expect_lt(costs_of_fetching(w, "third"), CF_PRICE_GARBAGE / 2);
    w->now_ms += 60000;
    cr_expect_gt(costs_of_fetching(w, "fourth"), CF_PRICE_GARBAGE / 2);
    w->is_old = false;
    w->now_ms += CF_DAY_MS;
    cr_expect_lt(costs_of_fetching(w, "fifth"), CF_PRICE_GARBAGE / 2);
    small_world_destroy(&w);
}

/* A clock that was far ahead when that was noted does not have it believed for years. */
Test(engine_patience, asks_again_where_the_clock_was_set_back_since)
{
    small_world *w = patient_world(POINTS);

    w->is_old = true;
    w->skew_ms = 2 * (int64_t)CF_DAY_MS / 3;
    cr_expect_gt(costs_of_fetching(w, "first"), CF_PRICE_GARBAGE / 2);
    w->skew_ms = 0;
    cr_expect_gt(costs_of_fetching(w, "second"), CF_PRICE_GARBAGE / 2);
    small_world_destroy(&w);
}
