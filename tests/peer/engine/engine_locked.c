/* SPDX-License-Identifier: Apache-2.0 */
/* A round at another's lock: it does all else, and is over without waiting when it is to leave what
 * is locked. */
#include "tests/peer/small/small_checks.h"
#include "tests/peer/small/small_table.h"

#include "tests/support/expect.h"

#include <stdio.h>

enum { MANY = 1100, LARGE = 3 << 20 };

/* There are leases only of what has an entry. */
static void begin_collection(small_world *w)
{
    user_writes_text(&w->devices[0], "first", "first");
    cr_assert(small_world_settle(w));
}

static void unlock(small_device *self, const cf_id *request)
{
    cf_locks_give_back(cf_engine_locks(self->engine), request);
    cr_assert(small_device_sync(self));
}

/* As `sync` does it: how it ended. */
static bool ends_locked_out(small_device *self, unsigned turns)
{
    cf_round_options options = {
        .kind = CF_ROUND_SYNC, .word = cf_delete_word_all(), .leaves_locked = true};

    cr_assert(small_device_round(self, &options, turns), "it waits");
    return small_device_pending(self, NULL, CF_PENDING_LOCKED) > 0;
}

Test(engine_locked, ends_when_all_else_is_done)
{
    for (int shared = 0; shared < 2; shared++) {
        small_world *w = small_world_new(71, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        small_world_bind_tables(w);
        begin_collection(w);
        cf_id request = small_device_lock(b, shared);
        user_writes_text(a, "mine", "mine");
        user_writes_row(a, 7);
        user_writes_text(b, "theirs", "theirs");
        cr_assert(small_device_sync(b));
        cr_expect(ends_locked_out(a, SMALL_TURNS_MAX));
        expect_text(a, "theirs", "theirs");
        cr_assert(small_device_sync(b));
        cr_expect(user_has_row(b, 7));
        cr_expect_not(is_there(b, "mine"));
        unlock(b, &request);
        cr_expect_not(ends_locked_out(a, SMALL_TURNS_MAX));
        cr_assert(small_device_sync(b));
        expect_text(b, "mine", "mine");
        small_world_destroy(&w);
    }
}

/* More entries than go out at a time wait for the lock, and another one behind them doesn't. */
Test(engine_locked, holds_up_nothing_else_however_much_it_is)
{
    small_world *w = small_world_new(72, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    char text[20];

    small_world_bind_tables(w);
    begin_collection(w);
    small_device_lock(b, false);
    small_device_unplug(a);
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "edit %d", i);
        user_writes_text(a, "f", text);
        small_device_sync(a);
    }
    user_writes_row(a, 8);
    small_device_sync(a);
    a->offline = false;
    cr_expect(ends_locked_out(a, SMALL_TURNS_MAX));
    cr_assert(small_device_sync(b));
    cr_expect(user_has_row(b, 8));
    cr_expect_not(is_there(b, "f"));
    small_world_destroy(&w);
}

Test(engine_locked, ends_where_the_lock_is_taken_meanwhile)
{
    unsigned locked = 0;

    for (unsigned turns = 1; turns < 40; turns += 3) {
        small_world *w = small_world_new(73, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        begin_collection(w);
        user_writes_sparse(a, "large", LARGE, cf_bytes_of_text("end"));
        user_writes_text(a, "small", "small");
        small_device_round(a, &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
        cf_id request = small_device_lock(b, false);
        locked += ends_locked_out(a, SMALL_TURNS_MAX);
        unlock(b, &request);
        settles_equal(w);
        expect_text(b, "small", "small");
        small_world_destroy(&w);
    }
    cr_expect_gt(locked, 0);
}
