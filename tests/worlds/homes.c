/* SPDX-License-Identifier: Apache-2.0 */
/* The user goes from one broker to another. */
#include "tests/worlds/inside.h"
#include "tests/worlds/scene.h"

enum { LARGE = 200000 };

/* World 930217: a broker that it had left sent it on to one where the log had nothing new to say.
 * So the device took the word for a lie and went back, again and again. */
Test(homes, a_device_that_knows_where_the_user_went_stays_there)
{
    const world_plan plan = {.seed = 1, .devices = 2, .brokers = 2};
    world *w = world_new(&plan, false);
    device *one = &w->devices[0];
    cf_error error;

    disk_user_writes(one->drive, "/things/file", "from here to there");
    cr_assert(syncs(one));
    cr_assert(world_move_home(w, one, 1));
    cr_assert(syncs(one));
    expect_ok(device_set_broker(one, w->brokers[0].line, &error), error); /* an old setting */
    for (int i = 0; i < 3; i++) {
        cr_expect(syncs(one));
        device_restart(one, END_CALMLY);
    }
    expect_tree(w, "file: from here to there\n");
    world_destroy(&w);
}

/* World 2000608: the copy was taken for that of what the old home had in the place where another
 * version lies by now; and went with it, on all devices. */
Test(homes, one_that_goes_back_alone_loses_no_conflict_copy)
{
    world *w = a_world(2, 2);
    device *first = &w->devices[0], *other = &w->devices[1];

    disk_user_writes(first->drive, "/things/file", "as it was");
    cr_assert(syncs(first));
    cr_assert(syncs(other));
    disk_user_writes(other->drive, "/things/file", "the other's");
    cr_assert(syncs(other));
    device_restart(other, END_CALMLY);
    device_copy(other);
    world_wait(w, 60000);
    disk_user_writes(first->drive, "/things/file", "the first's, and later");
    world_settle(w);
    device_restore(other, false);
    world_settle(w);
    cf_buffer tree = {0};
    device_tree(first, &tree);
    cf_buffer_append(&tree, "", 1);
    cr_expect(strstr((const char *)tree.data, "conflict"), "%s", (const char *)tree.data);
    cf_buffer_release(&tree);
    world_destroy(&w);
}

/* World 2000622: an old backup took the place of the only device that had the content. */
Test(homes, what_only_the_broker_before_has_comes_along)
{
    const world_plan plan = {.seed = 3, .devices = 2, .brokers = 2};
    world *w = world_new(&plan, false);
    device *mover = &w->devices[0], *author = &w->devices[1];
    cf_buffer large = {0}, now = {0};

    mover->env.random(mover->env.context, cf_buffer_reserve(&large, LARGE), LARGE);
    large.size = LARGE;
    device_copy(author);
    world_wait(w, 60000);
    cr_assert(disk_user_saves(author->drive, "/things/large", cf_buffer_view(&large),
                              DISK_SAVE_IN_PLACE));
    cr_assert(syncs(author));
    disk_set_capacity(mover->drive, 1); /* it hears of it, and can't take it */
    cr_assert_not(syncs(mover));
    device_mend(mover);
    device_restore(author, true);
    cr_assert(world_move_home(w, mover, 1));
    for (int i = 0; i < w->count; i++) {
        cr_expect(syncs(&w->devices[i]));
        cr_expect(disk_user_reads(w->devices[i].drive, "/things/large", &now));
        cr_expect(cf_bytes_equal(cf_buffer_view(&now), cf_buffer_view(&large)));
        cf_buffer_clear(&now);
    }
    cf_buffer_release(&large);
    cf_buffer_release(&now);
    world_destroy(&w);
}
