/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/gateway/communication.h"

#include "tests/support/expect.h"

static const cf_hash ann = {"ann"}, bob = {"bob"};

static void count(void *context)
{
    ++*(int *)context;
}

Test(communication, lets_replays_share_and_what_removes_wait)
{
    cf_communication *communication = cf_communication_new();
    int ready = 0;

    cr_expect(cf_communication_enter(communication, &ann));
    cr_expect(cf_communication_enter(communication, &ann));
    cf_exclusion *exclusion = cf_exclusion_begin(communication, &ann, 0, count, &ready);
    cr_expect_not(cf_communication_enter(communication, &ann), "one that waits isn't passed by");
    cr_expect(cf_communication_enter(communication, &bob));
    cf_communication_leave(communication, &ann);
    cr_expect_eq(ready, 0);
    cf_communication_leave(communication, &ann);
    cr_expect_eq(ready, 1);
    cr_expect(cf_exclusion_is_ready(exclusion));
    cr_expect_not(cf_communication_enter(communication, &ann));
    cf_exclusion_end(&exclusion);
    cr_expect(cf_communication_enter(communication, &ann));
    cf_communication_destroy(&communication);
}

Test(communication, serves_those_who_remove_one_after_the_other)
{
    cf_communication *communication = cf_communication_new();
    int first = 0, second = 0;

    cf_exclusion *one = cf_exclusion_begin(communication, &ann, 0, count, &first);
    cf_exclusion *two = cf_exclusion_begin(communication, &ann, 0, count, &second);
    cr_expect_eq(first, 1);
    cr_expect_eq(second, 0);
    cf_exclusion_end(&one);
    cr_expect_eq(second, 1);
    cf_exclusion_end(&two);
    cf_communication_destroy(&communication);
}

Test(communication, says_when_a_replay_has_held_up_long_enough)
{
    cf_communication *communication = cf_communication_new();
    int ready = 0;

    cf_communication_enter(communication, &ann);
    cr_expect_eq(cf_communication_deadline(communication), UINT64_MAX);
    cf_exclusion *exclusion = cf_exclusion_begin(communication, &ann, 5, count, &ready);
    uint64_t due = 5 + CF_COMMUNICATION_PATIENCE_MS;
    cr_expect_eq(cf_communication_deadline(communication), due);
    cr_expect_not(cf_communication_is_overdue(communication, &ann, due - 1));
    cr_expect(cf_communication_is_overdue(communication, &ann, due));
    cr_expect_not(cf_communication_is_overdue(communication, &bob, due));
    cf_communication_leave(communication, &ann);
    cr_expect_not(cf_communication_is_overdue(communication, &ann, due));
    cf_exclusion_end(&exclusion);
    cf_communication_destroy(&communication);
}
