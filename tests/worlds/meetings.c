/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that meet without a broker. */
#include "tests/worlds/inside.h"
#include "tests/worlds/scene.h"

#include "peer/log/forks.h"

#include <stdlib.h>

static size_t forks_told(device *by, const cf_hash *of)
{
    cf_fork *forks;
    size_t count, told = 0;
    cf_error error;

    expect_ok(cf_forks_find(device_peer(by), device_now(by), &forks, &count, &error), error);
    for (size_t i = 0; i < count; i++)
        told += cf_hash_equal(&forks[i].device, of);
    cr_expect_eq(told, count);
    free(forks);
    return told;
}

Test(meetings, bring_what_no_broker_has_heard_of)
{
    world *w = a_world(1, 3);

    for (int i = 0; i < w->count; i++)
        w->devices[i].offline = true;
    disk_user_writes(w->devices[0].drive, "/things/file", "by hand");
    syncs(&w->devices[0]);
    devices_meet(&w->devices[0], &w->devices[1]);
    devices_meet(&w->devices[2], &w->devices[1]); /* what it heard of it tells, too */
    for (int i = 0; i < w->count; i++) {
        cf_buffer found = {0};

        syncs(&w->devices[i]);
        cr_expect(disk_user_reads(w->devices[i].drive, "/things/file", &found));
        cf_buffer_release(&found);
    }
    w->devices[2].offline = false; /* and so does it to a broker */
    cr_expect(syncs(&w->devices[2]));
    expect_tree(w, "file: by hand\n");
    world_destroy(&w);
}

/* World 15000917: a store that failed fails until its process ends, and begins again. */
Test(meetings, go_on_after_a_store_that_failed_once)
{
    for (uint64_t call = 1; call <= 40; call++) {
        world *w = a_world(call, 2);
        device *one = &w->devices[0];

        disk_user_writes(one->drive, "/things/file", "by hand");
        one->faults.at = one->faults.calls + call;
        one->faults.once = true;
        one->faults.status = CF_FULL;
        syncs(one);
        device_mend(one);
        devices_meet(one, &w->devices[1]);
        expect_tree(w, "file: by hand\n");
        world_destroy(&w);
    }
}

/* The second device and the third are one by their keys, and each has signed the same number. */
static world *a_world_with_twins(void)
{
    world *w = a_world(2, 2);
    device *first = &w->devices[0], *lap = &w->devices[1], *twin = &w->devices[2];

    disk_user_writes(lap->drive, "/things/file", "before");
    cr_assert(syncs(lap));
    cr_assert(syncs(first));
    device_restart(lap, END_CALMLY);
    twin->number = w->count++;
    device_clone(twin, lap);
    for (int i = 0; i < w->count; i++)
        w->devices[i].offline = true;
    disk_user_writes(lap->drive, "/things/one", "by the one");
    disk_user_writes(twin->drive, "/things/other", "by the other");
    syncs(lap), syncs(twin);
    return w;
}

/* Two that are one by their keys sign the same number, each something else. */
Test(meetings, tell_of_a_device_that_there_is_twice)
{
    world *w = a_world_with_twins();
    device *first = &w->devices[0], *lap = &w->devices[1], *twin = &w->devices[2];
    const cf_hash *id = cf_peer_device(device_peer(lap));

    devices_meet(first, lap);
    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(forks_told(&w->devices[i], id), 0, "%d", i);
        cr_expect_eq(device_doubles(&w->devices[i]), 0, "%d", i);
    }
    devices_meet(first, twin);
    cr_expect_eq(device_doubles(first), 1);
    cr_expect_eq(forks_told(first, id), 1);
    cr_expect_eq(forks_told(twin, id), 1);
    cr_expect_eq(forks_told(lap, id), 0, "it has met nobody since");
    devices_meet(lap, twin);
    cr_expect_eq(forks_told(lap, id), 1);
    /* From now on they are two. */
    disk_user_writes(lap->drive, "/things/one", "again");
    disk_user_writes(twin->drive, "/things/other", "again, too");
    syncs(lap), syncs(twin);
    devices_meet(lap, twin);
    cr_expect_eq(device_doubles(lap), 1);
    expect_tree(w, "file: before\none: again\nother: again, too\n");
    world_destroy(&w);
}

static uint64_t time_of_fork(device *by, uint64_t now_ms)
{
    cf_fork *forks;
    size_t count;
    cf_error error;

    expect_ok(cf_forks_find(device_peer(by), now_ms, &forks, &count, &error), error);
    cr_assert_eq(count, 1);
    const uint64_t time_ms = forks->time_ms;
    free(forks);
    return time_ms;
}

/* Else it would be news each time, and told for ever. */
Test(meetings, keep_since_when_a_device_is_known_to_be_twice)
{
    enum { HOUR_MS = 3600000 };
    world *w = a_world_with_twins();
    device *first = &w->devices[0];

    devices_meet(first, &w->devices[1]);
    devices_meet(first, &w->devices[2]);
    const uint64_t seen_ms = device_now(first) + HOUR_MS;
    cr_expect_eq(time_of_fork(first, seen_ms), seen_ms, "by when it was seen, not by its word");
    cr_expect_eq(time_of_fork(first, seen_ms + HOUR_MS), seen_ms);
    device_restart(first, END_CALMLY);
    cr_expect_eq(time_of_fork(first, seen_ms + 2 * HOUR_MS), seen_ms);
    world_destroy(&w);
}
