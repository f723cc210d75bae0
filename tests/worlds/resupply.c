/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that lost everything has it again from the devices: also what they could not show at the
 * moment when it was wanted. */
#include "tests/worlds/notes.h"
#include "tests/worlds/scene.h"

enum { SIZE = 200000 };

static void writes(device *who, size_t size)
{
    cf_buffer bytes = {0};

    who->env.random(who->env.context, cf_buffer_reserve(&bytes, size), size);
    bytes.size = size;
    cr_assert(
        disk_user_saves(who->drive, "/things/large", cf_buffer_view(&bytes), DISK_SAVE_IN_PLACE));
    cf_buffer_release(&bytes);
}

static void expect_the_same(const device *a, const device *b)
{
    cf_buffer first = {0}, other = {0};

    device_tree(a, &first);
    device_tree(b, &other);
    cr_expect(cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&other)),
              "one holds\n%.*sthe other\n%.*s", (int)first.size, (const char *)first.data,
              (int)other.size, (const char *)other.data);
    cf_buffer_release(&first);
    cf_buffer_release(&other);
}

/* The broker wants it of a device whose process runs, and that looks at its folder only later. */
static void is_brought_after(void (*meanwhile)(device *who))
{
    world *w = a_world(1, 2);
    device *owner = &w->devices[0], *author = &w->devices[1];

    author->serves = true;
    cf_engine_binding_at(author->engine, 0)->base = CF_BASE_LEAVES; /* the file alone has it */
    writes(author, SIZE);
    cr_assert(syncs(author));
    world_wait(w, 1000);
    broker_crash(&w->brokers[0], BROKER_EMPTY);
    meanwhile(author);
    cr_assert(world_move_home(w, owner, 0));
    world_wait(w, 60000);
    for (int i = 0; i < 100; i++)
        world_turn(w);
    cr_assert(syncs(author));
    cr_assert(syncs(owner), "what it waits for is not brought");
    expect_the_same(owner, author);
    world_destroy(&w);
}

static void begins_anew(device *who)
{
    device_restart(who, END_CALMLY);
}

Test(resupply, brings_what_stands_in_a_folder_that_was_not_open_yet)
{
    is_brought_after(begins_anew);
}

static void touches(device *who)
{
    cr_assert(disk_user_touches(who->drive, "/things/large"));
}

Test(resupply, brings_what_had_to_be_read_again_first)
{
    is_brought_after(touches);
}

/* World 2001023: the broker went back, and who had put the content there was shut out. */
static world *a_world_that_lost(cf_buffer *content)
{
    world *w = a_world(1, 3);
    device *owner = &w->devices[0], *author = &w->devices[1];

    author->env.random(author->env.context, cf_buffer_reserve(content, SIZE), SIZE);
    content->size = SIZE;
    cr_assert(disk_user_saves(author->drive, "/things/large", cf_buffer_view(content),
                              DISK_SAVE_IN_PLACE));
    cr_assert(syncs(author));
    disk_set_capacity(owner->drive, 1); /* it hears of it, and can't take it */
    cr_assert_not(syncs(owner));
    device_mend(owner);
    broker_crash(&w->brokers[0], BROKER_AS_OF_OLD);
    note_broker_lost(w);
    shuts_out(owner, author);
    return w;
}

Test(resupply, takes_from_a_folder_what_only_who_is_shut_out_had)
{
    cf_buffer content = {0};
    world *w = a_world_that_lost(&content);
    device *owner = &w->devices[0], *other = &w->devices[2];

    cr_assert_not(syncs(owner));
    cr_expect(owner->is_bereft, "nobody who is in has it");
    cr_assert(disk_user_saves(other->drive, "/things/large", cf_buffer_view(&content),
                              DISK_SAVE_IN_PLACE));
    cr_assert_not(syncs(owner));
    cr_expect_not(owner->is_bereft, "another has it by now");
    world_settle(w);
    cr_expect(syncs(owner));
    cr_expect(syncs(other));
    expect_the_same(owner, other);
    cf_buffer_release(&content);
    world_destroy(&w);
}

/* An entry was refused once more after one of its blobs was there, and all of them counted as
 * lacking for ever: who moved was told that a version is gone which the new broker has. */
Test(resupply, lacks_nothing_once_all_is_brought_piece_by_piece)
{
    for (uint64_t seed = 1; seed <= 24; seed++) {
        world *w = a_world(seed, 2);
        device *author = &w->devices[0];

        author->serves = true;
        writes(author, 3 * CF_MIB);
        cr_assert(syncs(author));
        broker_crash(&w->brokers[0], BROKER_EMPTY);
        w->plan.lag_ms = 400;
        cr_assert(world_move_home(w, author, 0));
        for (int i = 0; i < 300; i++) {
            world_wait(w, 20);
            world_turn(w);
        }
        cr_expect_eq(cf_contents_lacking(device_peer(author)->contents), 0, "seed %d", (int)seed);
        w->plan.lag_ms = 0;
        cr_assert(syncs(author));
        cr_expect(syncs(&w->devices[1]));
        expect_the_same(author, &w->devices[1]);
        world_destroy(&w);
    }
}
