/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/replay_lock.h"

#include "tests/support/expect.h"

static const cf_hash ann = {"ann"}, bob = {"bob"};

static void count(void *context)
{
    ++*(int *)context;
}

Test(replay_lock, lets_replays_share_and_what_removes_wait)
{
    cf_replay_lock *replay_lock = cf_replay_lock_new();
    int ready = 0;

    cr_expect(cf_replay_lock_enter(replay_lock, &ann));
    cr_expect(cf_replay_lock_enter(replay_lock, &ann));
    cf_exclusion *exclusion = cf_exclusion_begin(replay_lock, &ann, 0, count, &ready);
    cr_expect_not(cf_replay_lock_enter(replay_lock, &ann), "one that waits isn't passed by");
    cr_expect(cf_replay_lock_enter(replay_lock, &bob));
    cf_replay_lock_leave(replay_lock, &ann);
    cr_expect_eq(ready, 0);
    cf_replay_lock_leave(replay_lock, &ann);
    cr_expect_eq(ready, 1);
    cr_expect(cf_exclusion_is_ready(exclusion));
    cr_expect_not(cf_replay_lock_enter(replay_lock, &ann));
    cf_exclusion_end(&exclusion);
    cr_expect(cf_replay_lock_enter(replay_lock, &ann));
    cf_replay_lock_destroy(&replay_lock);
}

Test(replay_lock, serves_those_who_remove_one_after_the_other)
{
    cf_replay_lock *replay_lock = cf_replay_lock_new();
    int first = 0, second = 0;

    cf_exclusion *one = cf_exclusion_begin(replay_lock, &ann, 0, count, &first);
    cf_exclusion *two = cf_exclusion_begin(replay_lock, &ann, 0, count, &second);
    cr_expect_eq(first, 1);
    cr_expect_eq(second, 0);
    cf_exclusion_end(&one);
    cr_expect_eq(second, 1);
    cf_exclusion_end(&two);
    cf_replay_lock_destroy(&replay_lock);
}

Test(replay_lock, says_when_a_replay_has_held_up_long_enough)
{
    cf_replay_lock *replay_lock = cf_replay_lock_new();
    int ready = 0;

    cf_replay_lock_enter(replay_lock, &ann);
    cr_expect_eq(cf_replay_lock_deadline(replay_lock), UINT64_MAX);
    cf_exclusion *exclusion = cf_exclusion_begin(replay_lock, &ann, 5, count, &ready);
    uint64_t due = 5 + CF_REPLAY_LOCK_WAIT_MS;
    cr_expect_eq(cf_replay_lock_deadline(replay_lock), due);
    cr_expect_not(cf_replay_lock_is_overdue(replay_lock, &ann, due - 1));
    cr_expect(cf_replay_lock_is_overdue(replay_lock, &ann, due));
    cr_expect_not(cf_replay_lock_is_overdue(replay_lock, &bob, due));
    cf_replay_lock_leave(replay_lock, &ann);
    cr_expect_not(cf_replay_lock_is_overdue(replay_lock, &ann, due));
    cf_exclusion_end(&exclusion);
    cf_replay_lock_destroy(&replay_lock);
}
