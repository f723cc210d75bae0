/* SPDX-License-Identifier: Apache-2.0 */
/* What a device's rounds cost its user at the broker, and what it says once that is too much. */
#include "tests/peer/small_checks.h"

#include "broker/door/restraints.h"
#include "broker/gateway/patience.h"
#include "tests/support/expect.h"

#include <stdio.h>

enum { ROUNDS = 300 };

/* A broker that pays back so many points in a second. */
static world *patient_world(uint64_t points)
{
    world *w = world_new(61, 2);

    cr_assert(world_settle(w));
    w->waste_per_second = points;
    broker_crash(w);
    return w;
}

static uint64_t owed(world *w)
{
    const cf_hash *user = cf_peer_user(cf_engine_peer(w->devices[0].engine));

    return cf_gateway_owed(w->gateway, user, w->now_ms);
}

/* As a verb that begins, does its round and ends. */
static bool sync_anew(device *self)
{
    device_crash(self);
    return device_sync(self);
}

Test(engine_patience, of_a_round_without_work_is_less_than_a_tenth_of_a_second)
{
    world *w = patient_world(1);

    cr_assert(sync_anew(&w->devices[0]));
    cr_expect_gt(owed(w), 0);
    cr_expect_lt(owed(w), cf_restraints_default.waste_per_second / 10);
    world_destroy(&w);
}

Test(engine_patience, is_not_lost_by_a_loop_of_edits_and_rounds)
{
    world *w = patient_world(cf_restraints_default.waste_per_second / 10);
    device *a = &w->devices[0];
    char text[20];

    for (int i = 0; i < ROUNDS; i++) {
        snprintf(text, sizeof text, "edit %d", i);
        user_writes_text(a, "f", text);
        cr_assert(sync_anew(a), "round %d", i);
        expect_nothing_pending(a);
    }
    cr_expect_lt(owed(w), w->waste_per_second * CF_PATIENCE_S / 10);
    cr_assert(device_sync(&w->devices[1]));
    expect_text(&w->devices[1], "f", text);
    world_destroy(&w);
}

Test(engine_patience, ends_with_the_reason_and_how_long)
{
    world *w = patient_world(1);
    device *a = &w->devices[0];
    cf_broker_status broker = {0};

    for (int i = 0; i < ROUNDS && !broker.trouble; i++) {
        cr_assert(sync_anew(a));
        cf_engine_broker_status(a->engine, &broker);
    }
    cr_assert_eq(broker.trouble, CF_UNREACHABLE, "%d: %s", broker.trouble, broker.text);
    cr_expect_not_null(strstr(broker.text, "it hears them again in "), "%s", broker.text);
    w->now_ms += CF_PATIENCE_S * 1000;
    cr_assert(sync_anew(a));
    cf_engine_broker_status(a->engine, &broker);
    cr_expect_eq(broker.trouble, CF_OK, "%s", broker.text);
    world_destroy(&w);
}
