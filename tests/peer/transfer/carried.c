/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/carried.h"

#include "tests/peer/transfer/depot.h"

#include <stdlib.h>

/* Each content is one blob. */
enum { SIZE = 100000, MINUTE_MS = 60000, AGAIN_MS = 600000, HOUR_MS = 3600000 };

static depot d;
static cf_blob_memory_disk *disk;
static cf_blobs *blobs;

static void carry(uint64_t room)
{
    blobs = cf_blob_memory_new(disk);
    d.carried = cf_carried_new(&(cf_carried_options){&d.peer, blobs, room});
}

static void end(void)
{
    cf_carried_destroy(&d.carried);
    cf_blobs_destroy(&blobs);
}

/* The process ends, and another one begins. */
static void restart(uint64_t room)
{
    end();
    depot_restart(&d);
    carry(room);
    depot_connect(&d);
    cf_carried_ask_again(d.carried);
}

static void open_all(void)
{
    depot_open(&d);
    disk = cf_blob_memory_disk_new();
}

static void close_all(void)
{
    end();
    cf_blob_memory_disk_destroy(&disk);
    depot_close(&d);
}

TestSuite(carried, .init = open_all, .fini = close_all);

static void publish(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *content = noise(d.blob_count + 1, SIZE);

        depot_whole(&d, cf_bytes_of(content, SIZE));
        free(content);
    }
    if (d.carried)
        cf_carried_grew(d.carried);
}

static uint64_t size_of(size_t first, size_t count)
{
    uint64_t size = 0;

    for (size_t i = first; i < first + count; i++)
        size += d.blobs[i].sealed.size;
    return size;
}

static void step(void)
{
    uint64_t deadline_ms = UINT64_MAX;
    cf_error error;

    expect_ok(cf_carried_step(d.carried, true, d.steady_ms, &deadline_ms, &error), error);
}

static void run(void)
{
    for (int quiet = 0, steps = 0; quiet < 3; steps++) {
        const size_t served = d.served;

        cr_assert_lt(steps, 1000, "it comes to rest");
        step();
        depot_pass(&d);
        quiet = d.served > served || cf_carried_works(d.carried) ? 0 : quiet + 1;
    }
}

static bool is_here(size_t blob)
{
    cf_blob_held held;
    cf_error error;

    expect_ok(blobs->held(blobs, &d.author.next.user, &d.blobs[blob].id, &held, &error), error);
    return held.complete;
}

/* Those from `first` on, and no others. */
static void expect_here_from(size_t first)
{
    cf_carried_shown shown;

    for (size_t i = 0; i < d.blob_count; i++)
        cr_expect_eq(is_here(i), i >= first, "blob %zu", i);
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(shown.count, d.blob_count - first);
    cr_expect_eq(shown.size, size_of(first, d.blob_count - first));
    cr_expect_eq(shown.drops_older, first > 0);
    cr_expect(shown.is_known);
    cr_expect_eq(shown.lacks, 0);
}

Test(carried, all_that_entries_name_comes)
{
    publish(5);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    expect_here_from(0);
    publish(2);
    run();
    expect_here_from(0);
    cr_expect_eq(d.served, 7);
}

Test(carried, the_newest_comes_first)
{
    publish(40); /* more than are asked for at once */
    carry(CF_CARRIED_ALL);
    d.serve_max = 10;
    depot_connect(&d);
    run();
    for (size_t i = 0; i < 40; i++)
        cr_expect_eq(is_here(i), i >= 30, "blob %zu", i);
}

/* However much a log names that isn't here: before older ones are looked for, some come. */
Test(carried, few_are_kept_in_mind_before_they_come)
{
    cf_carried_shown shown;

    publish(200);
    carry(CF_CARRIED_ALL);
    d.serve_max = 0;
    depot_connect(&d);
    run();
    cf_carried_show(d.carried, &shown);
    cr_expect_leq(shown.lacks, 128);
    cr_expect_not(shown.is_known);
    d.serve_max = SIZE_MAX;
    restart(CF_CARRIED_ALL);
    run();
    expect_here_from(0);
}

Test(carried, what_fits_exactly_is_kept_and_a_byte_less_drops_the_oldest)
{
    publish(5);
    carry(size_of(0, 5));
    depot_connect(&d);
    run();
    expect_here_from(0);
    cf_carried_allow(d.carried, size_of(0, 5) - 1);
    run();
    expect_here_from(1);
    cf_carried_allow(d.carried, CF_CARRIED_ALL);
    run();
    expect_here_from(0);
}

Test(carried, what_comes_makes_room_by_the_oldest)
{
    publish(4);
    carry(3 * size_of(0, 1) + 1);
    depot_connect(&d);
    run();
    expect_here_from(1);
    publish(2);
    run();
    expect_here_from(3);
}

static size_t begun(size_t first)
{
    cf_blob_held held;
    cf_error error;
    size_t count = 0;

    for (size_t i = first; i < d.blob_count; i++) {
        expect_ok(blobs->held(blobs, &d.author.next.user, &d.blobs[i].id, &held, &error), error);
        count += held.size && !held.complete;
    }
    return count;
}

/* What the broker says of a size is nothing to drop anything for. */
Test(carried, what_is_not_whole_makes_no_room)
{
    publish(3);
    carry(size_of(0, 3));
    depot_connect(&d);
    run();
    d.blobs[3].said = size_of(0, 3);
    publish(1);
    run();
    cr_expect_eq(begun(3), 1);
    for (size_t i = 0; i < 3; i++)
        cr_expect(is_here(i), "blob %zu", i);
    d.blobs[3].said = 0;
    restart(size_of(0, 3));
    run();
    expect_here_from(1);
}

/* Beyond the room what is on its way takes no more than a largest blob: one of these at a time. */
Test(carried, few_are_on_their_way_at_a_time_where_there_is_no_room)
{
    const uint64_t room = CF_BLOB_MAX + CF_BLOB_OVERHEAD;

    publish(3);
    carry(room);
    depot_connect(&d);
    run();
    for (size_t i = 3; i < 9; i++)
        d.blobs[i].said = CF_BLOB_MAX;
    publish(6);
    run();
    cr_expect_eq(begun(3), 1, "%zu", begun(3));
    for (size_t i = 3; i < 9; i++)
        d.blobs[i].said = CF_BLOB_MAX / 3;
    restart(room);
    run();
    cr_expect_leq(begun(3), 6);
    for (size_t i = 0; i < 3; i++)
        cr_expect(is_here(i), "blob %zu", i);
    for (size_t i = 3; i < 9; i++)
        d.blobs[i].said = 0;
    restart(room);
    run();
    d.steady_ms += AGAIN_MS;
    run();
    expect_here_from(0);
}

/* The beginning of one that is as large as any may be; whether it was asked for. */
static bool begins(size_t blob)
{
    const cf_bytes bytes = cf_bytes_of(d.blobs[blob].sealed.data, 1000);

    return cf_carried_received(d.carried, &d.blobs[blob].id, 0, CF_BLOB_MAX, bytes);
}

Test(carried, what_has_to_wait_for_room_is_asked_for_once_something_has_ended)
{
    publish(3);
    carry(CF_BLOB_MAX);
    d.serve_max = 0;
    depot_connect(&d);
    run();
    cr_assert(begins(2));
    cr_assert(begins(1));
    cr_assert(begins(0));
    cr_expect_eq(begun(0), 2, "the room is one's, and the other is beyond");
    step();
    cr_expect_not(begins(0), "not asked for");
    cr_assert(cf_carried_absent(d.carried, &d.blobs[2].id));
    step();
    cr_expect(begins(0));
}

Test(carried, what_is_larger_than_all_the_room_is_never_begun)
{
    cf_carried_shown shown;

    publish(2);
    carry(size_of(0, 2));
    depot_connect(&d);
    run();
    d.blobs[2].said = size_of(0, 2) + 1;
    publish(1);
    run();
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(begun(2), 0);
    cr_expect_eq(shown.count, 2);
    cr_expect_eq(shown.lacks, 1);
    cr_expect_eq(shown.absent, 0);
    cr_expect_not(cf_carried_works(d.carried));
}

/* A wider look would fetch what is next, only to drop it. */
Test(carried, a_start_fetches_nothing_for_which_there_is_no_room)
{
    const uint64_t room = 310000;

    publish(6);
    carry(room);
    depot_connect(&d);
    run();
    expect_here_from(3);
    const size_t served = d.served;
    restart(room);
    run();
    expect_here_from(3);
    cr_expect_eq(d.served, served);
    restart(2 * room);
    run();
    expect_here_from(0); /* the process that was told so may have ended at once */
}

/* While the program didn't run its user allowed less. */
Test(carried, what_lies_there_beyond_the_size_goes)
{
    publish(4);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    restart(size_of(0, 2));
    run();
    expect_here_from(2);
    restart(0);
    run();
    expect_here_from(4);
}

Test(carried, what_the_broker_does_not_have_is_said_and_asked_for_again)
{
    cf_carried_shown shown;

    publish(3);
    carry(CF_CARRIED_ALL);
    d.blobs[1].lacks = true;
    depot_connect(&d);
    run();
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(shown.count, 2);
    cr_expect_eq(shown.lacks, 1);
    cr_expect_eq(shown.absent, 1);
    for (int times = 1; times <= 2; times++) {
        d.steady_ms += AGAIN_MS - 1;
        d.blobs[1].lacks = false;
        run();
        cr_expect_not(is_here(1), "not before, the %d. time", times);
        d.blobs[1].lacks = times == 1;
        d.steady_ms++;
        run();
    }
    expect_here_from(0);
    d.blobs[3].lacks = true;
    publish(1);
    run();
    cr_expect_not(is_here(3));
    d.blobs[3].lacks = false;
    cf_carried_ask_again(d.carried);
    run();
    expect_here_from(0);
}

Test(carried, a_full_disk_is_said_and_tried_again_after_a_minute)
{
    cf_carried_shown shown;

    publish(3);
    carry(CF_CARRIED_ALL);
    cf_blob_memory_disk_fail(disk, CF_FULL);
    depot_connect(&d);
    run();
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(shown.count, 0);
    cr_expect_eq(shown.lacks, 3);
    cr_assert(shown.trouble);
    cf_blob_memory_disk_fail(disk, CF_OK);
    d.steady_ms += MINUTE_MS;
    run();
    expect_here_from(0);
    cf_carried_show(d.carried, &shown);
    cr_expect_null(shown.trouble);
}

/* The broker took it away meanwhile. */
Test(carried, no_trouble_is_said_once_nothing_waits_for_the_disk)
{
    cf_carried_shown shown;

    publish(1);
    carry(CF_CARRIED_ALL);
    cf_blob_memory_disk_fail(disk, CF_FULL);
    depot_connect(&d);
    run();
    cf_carried_show(d.carried, &shown);
    cr_assert(shown.trouble);
    d.blobs[0].lacks = true;
    d.steady_ms += MINUTE_MS;
    run();
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(shown.absent, 1);
    cr_expect_null(shown.trouble);
}

/* A broker that lied about its size had begun to give it. */
Test(carried, what_is_here_of_a_blob_may_be_longer_than_the_blob)
{
    publish(1);
    carry(CF_CARRIED_ALL);
    uint8_t *bytes = noise(9, CF_BLOB_STEP);
    blobs->put(blobs, &(cf_blob_put){.user = d.author.next.user,
                                     .id = d.blobs[0].id,
                                     .total = 2 * CF_BLOB_STEP,
                                     .bytes = cf_bytes_of(bytes, CF_BLOB_STEP)});
    free(bytes);
    depot_connect(&d);
    run();
    cr_expect_not(is_here(0), "it was asked to go on after its end");
    d.steady_ms += AGAIN_MS;
    run();
    expect_here_from(0);
}

/* Its bytes are not what their name says. */
Test(carried, what_the_broker_has_damaged_is_not_kept)
{
    cf_carried_shown shown;

    publish(2);
    depot_damage(&d, 0);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    cr_expect_not(is_here(0));
    cr_expect(is_here(1));
    cf_carried_show(d.carried, &shown);
    cr_expect_eq(shown.absent, 1);
    cr_expect_eq(shown.size, size_of(1, 1));
}

Test(carried, the_broker_gets_what_it_lacks_and_is_here)
{
    cf_buffer piece = {0};

    publish(2);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    cf_hash wanted[] = {d.blobs[0].id, {{1}}};
    depot_say(
        &d, &(cf_message){.command = CF_COMMAND_WANTED, .wanted = {.ids = wanted, .id_count = 2}});
    cf_transfer *transfer = cf_link_transfer(d.peer.link);
    cr_assert(cf_transfer_is_offering(transfer));
    cr_assert(cf_carried_piece(d.carried, &wanted[0], 10, 1000, &piece));
    cr_expect(
        cf_bytes_equal(cf_buffer_view(&piece), cf_bytes_of(d.blobs[0].sealed.data + 10, 1000)));
    cf_transfer_forget_offer(transfer, &wanted[0]);
    cr_expect_not(cf_transfer_is_offering(transfer), "the other one is not here");
    cf_buffer_release(&piece);
}

static uint64_t disk_left;

static cf_status play_room(cf_files *files, const cf_folder *folder, uint64_t *out, uint64_t *all,
                           cf_error *error)
{
    (void)files, (void)folder, (void)error;
    *out = disk_left;
    *all = 80 * CF_MIB;
    return CF_OK;
}

/* An eighth of so small a disk: without it the store could not be opened again. */
Test(carried, what_this_device_needs_of_the_disk_itself_is_left)
{
    cf_files files = *d.env.files, *real = d.env.files;
    cf_carried_shown shown;

    d.env.files = &files;
    files.free_bytes = play_room;
    publish(1);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    disk_left = 10 * CF_MIB + d.blobs[0].sealed.size - 1;
    run();
    cr_expect_not(is_here(0));
    cf_carried_show(d.carried, &shown);
    cr_assert_not_null(shown.trouble);
    cr_expect_not_null(strstr(shown.trouble, "needs itself"), "%s", shown.trouble);
    disk_left++;
    d.steady_ms += MINUTE_MS;
    run();
    cr_expect(is_here(0));
    d.env.files = real;
}

static uint64_t known(void)
{
    cf_carried_shown shown;

    cf_carried_show(d.carried, &shown);
    return shown.count + shown.lacks;
}

/* However many blobs an entry names: a step looks at some, and the next one goes on. */
Test(carried, a_step_looks_at_few_blobs_whatever_entries_name)
{
    enum { MANY = 1000, AT_MOST = 256 };

    publish(2);
    carry(CF_CARRIED_ALL);
    step();
    depot_names(&d, MANY);
    cf_carried_grew(d.carried);
    for (uint64_t before = known(), steps = 0; before < MANY + 2; before = known(), steps++) {
        cr_assert_lt(steps, 20);
        cr_expect(cf_carried_works(d.carried));
        step();
        cr_expect_leq(known() - before, AT_MOST);
    }
    step();
    cr_expect_not(cf_carried_works(d.carried));
    restart(CF_CARRIED_ALL);
    step();
    cr_expect_leq(known(), AT_MOST);
    run();
    cr_expect(is_here(0), "they come after all that nobody has");
    cr_expect(is_here(1), "they come after all that nobody has");
}

static void passes(uint64_t ms)
{
    d.past_ms += ms;
    d.steady_ms += ms;
}

/* Nobody has asked for it: the broker itself doesn't know. */
Test(carried, what_the_broker_has_lost_since_is_brought_within_an_hour)
{
    publish(3);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    cr_expect_eq(d.asked, 3, "at once: nobody knows of when they are");
    d.blobs[1].lacks = true;
    passes(HOUR_MS - 1);
    run();
    restart(CF_CARRIED_ALL);
    run();
    cr_expect_eq(d.asked, 3, "not before, whoever asks");
    passes(1);
    run();
    cr_expect_eq(d.asked, 6);
    cr_expect_eq(d.brought, 1);
    cr_expect_not(d.blobs[1].lacks);
    expect_here_from(0);
}

Test(carried, so_many_are_compared_at_a_time_and_the_next_process_goes_on)
{
    enum { MANY = 300, AT_ONCE = 256 };

    publish(MANY);
    carry(CF_CARRIED_ALL);
    depot_connect(&d);
    run();
    cr_expect_eq(d.asked, AT_ONCE);
    d.blobs[0].lacks = d.blobs[MANY - 1].lacks = true;
    restart(CF_CARRIED_ALL);
    passes(HOUR_MS);
    run();
    cr_expect_eq(d.asked, MANY, "the others");
    cr_expect_eq(d.brought, 1, "of which the oldest is one");
    passes(HOUR_MS);
    run();
    cr_expect_eq(d.asked, MANY + AT_ONCE, "and again from the newest on");
    cr_expect_eq(d.brought, 2);
    d.past_ms = 0; /* the clock is set back */
    run();
    cr_expect_eq(d.asked, 2 * MANY);
}
