/* SPDX-License-Identifier: Apache-2.0 */
/* A source with a limit of its own, as `set --max-delete` gives it. */
#include "tests/peer/small/guarded.h"

#include "tests/support/expect.h"

enum { ALL = 100, PERCENT = 30, FIRST = 20, END = 35 };

static void limit_deletions(small_device *self)
{
    cf_binding *binding = cf_engine_binding_at(self->engine, 0);
    cf_error error;

    binding->limit = (cf_delete_word){.given = true, .percent = true, .limit = PERCENT};
    expect_ok(cf_binding_save(cf_engine_peer(self->engine), binding, &error), error);
}

/* And no time passes. */
static void sync_both(small_device *first, small_device *second)
{
    cr_assert(small_device_sync(first));
    cr_assert(small_device_sync(second));
}

/* 20 and 15 of 100 are more than 30 %, though 15 of the 80 that were left are not; 20 and 10 are
 * as many as may go. */
Test(engine_guard_limit, holds_on_with_what_went_just_before)
{
    small_world *w = a_guarded_world_of(1, ALL);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    limit_deletions(b);
    w->now_ms += CF_RECENT_MS;
    remove_range(b, 0, FIRST);
    sync_both(b, a);
    cr_assert_eq(count_of(a, ALL), ALL - FIRST);
    remove_range(b, FIRST, END);
    for (int crash = 0; crash < 3; crash++) {
        sync_both(b, a);
        cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), END - FIRST, "%d", crash);
        cr_expect_eq(count_of(a, ALL), ALL - FIRST);
        w->now_ms += 10 * CF_RECENT_MS;
        if (crash)
            small_device_crash(b);
    }
    write_files(b, PERCENT, END);
    sync_both(b, a);
    cr_expect_eq(small_device_pending(b, NULL, CF_PENDING_HELD), 0);
    cr_expect_eq(count_of(a, ALL), ALL - PERCENT);
    small_world_destroy(&w);
}
