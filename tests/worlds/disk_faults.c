/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the program that fail on a simulated disk. */
#include <string.h>

#include "tests/worlds/disk_program.h"

enum { BLOCK = 4096, ALWAYS = 1000000 };

static program p;

static void arrive(void)
{
    program_begins(&p, (disk_options){.seed = 7});
    program_makes(&p, "f", named("text"), SYNC_BOTH);
}

static void leave(void)
{
    program_ends(&p);
}

TestSuite(disk_faults, .init = arrive, .fini = leave);

static cf_file *opened(void)
{
    cf_file *file = NULL;

    expect_ok(p.files->reopen_file(p.files, p.folder, named("f"), &file, &p.error), p.error);
    return file;
}

static bool count_name(void *context, cf_bytes name)
{
    (void)name;
    ++*(int *)context;
    return true;
}

Test(disk_faults, fail_what_they_are_asked_to)
{
    cf_file *file = opened();
    char bytes[4];
    size_t read;
    cf_stat stat;
    int count = 0;

    disk_set_rates(p.disk, &(disk_rates){.reads = ALWAYS});
    expect_fails(p.files->read_at(p.files, file, 0, bytes, 4, &read, &p.error), CF_IO);
    expect_fails(p.files->stat(p.files, p.folder, named("f"), &stat, &p.error), CF_IO);
    expect_fails(p.files->list(p.files, p.folder, count_name, &count, &p.error), CF_IO);
    cr_assert_not(p.files->readable(p.files, p.folder, named("f")));
    expect_ok(p.files->write_at(p.files, file, 0, named("T"), &p.error), p.error);
    cr_assert_eq(disk_faults_seen(p.disk), 4);

    disk_set_rates(p.disk, &(disk_rates){.changes = ALWAYS});
    expect_fails(p.files->unlink(p.files, p.folder, named("f"), &p.error), CF_IO);
    expect_fails(p.files->truncate(p.files, file, 0, &p.error), CF_IO);
    expect_ok(p.files->sync_file(p.files, file, &p.error), p.error);
    cr_assert(disk_user_chmods(p.disk, "/home/f", 0600)); /* users go on */

    disk_set_rates(p.disk, &(disk_rates){.full = ALWAYS});
    expect_fails(p.files->make_folder(p.files, p.folder, named("d"), 0755, &p.error), CF_FULL);
    cr_assert_not_null(strstr(p.error.text, "making /home/d: No space left"), "%s", p.error.text);

    disk_set_rates(p.disk, NULL);
    expect_ok(p.files->read_at(p.files, file, 0, bytes, 4, &read, &p.error), p.error);
    cr_assert(read == 4);
    cr_assert(memcmp(bytes, "Text", 4) == 0);
    p.files->close_file(p.files, &file);
}

Test(disk_faults, come_as_often_as_they_are_asked_to)
{
    uint64_t before = disk_faults_seen(p.disk);
    cf_stat stat;
    int failed = 0;

    disk_set_rates(p.disk, &(disk_rates){.reads = ALWAYS / 10});
    for (int i = 0; i < 10000; i++)
        failed += p.files->stat_folder(p.files, p.folder, &stat, &p.error) != CF_OK;
    cr_assert(failed > 800, "%d", failed);
    cr_assert(failed < 1200, "%d", failed);
    cr_assert_eq(disk_faults_seen(p.disk) - before, (size_t)failed);
}

/* Some of what a call that failed was to write may be there, and always its first part. */
Test(disk_faults, strike_in_the_middle_of_a_write)
{
    static uint8_t old[3 * BLOCK], new[3 * BLOCK], found[3 * BLOCK];
    cf_file *file = opened();
    bool partial = false;
    size_t read;

    memset(new, 'n', sizeof new);
    for (int i = 0; i < 50; i++) {
        expect_ok(p.files->write_at(p.files, file, 0, cf_bytes_of(old, sizeof old), &p.error),
                  p.error);
        disk_set_rates(p.disk, &(disk_rates){.changes = ALWAYS});
        expect_fails(p.files->write_at(p.files, file, 0, cf_bytes_of(new, sizeof new), &p.error),
                     CF_IO);
        disk_set_rates(p.disk, NULL);
        expect_ok(p.files->read_at(p.files, file, 0, found, sizeof found, &read, &p.error),
                  p.error);
        size_t length = 0;
        while (length < sizeof found && found[length] == 'n')
            length++;
        for (size_t at = length; at < sizeof found; at++)
            cr_assert_eq(found[at], 0);
        partial = partial || (length > 0 && length < sizeof found);
    }
    cr_assert(partial);
    p.files->close_file(p.files, &file);
}

static uint64_t room(void)
{
    uint64_t bytes = 0;

    expect_ok(p.files->free_bytes(p.files, p.folder, &bytes, NULL, &p.error), p.error);
    return bytes;
}

Test(disk_faults, know_a_disk_that_is_full)
{
    static uint8_t bytes[20 * BLOCK] = {1};
    cf_file *file = opened();
    cf_buffer found = {0};
    cf_stat stat;

    disk_set_capacity(p.disk, 10 * BLOCK);
    uint64_t before = room();
    cr_assert(before > 0);
    cr_assert(before < 10 * BLOCK);
    expect_fails(p.files->write_at(p.files, file, 0, cf_bytes_of(bytes, sizeof bytes), &p.error),
                 CF_FULL);
    expect_ok(p.files->stat_file(p.files, file, &stat, &p.error), p.error);
    cr_assert(stat.size > BLOCK);
    cr_assert(stat.size < 10 * BLOCK);
    cr_assert(stat.size % BLOCK == 0);
    cr_assert_not(
        disk_user_saves(p.disk, "/home/g", cf_bytes_of(bytes, 3 * BLOCK), DISK_SAVE_IN_PLACE));
    expect_ok(p.files->write_at(p.files, file, 0, named("in place"), &p.error), p.error);

    cr_assert(disk_user_unlinks(p.disk, "/home/f"));
    uint64_t open = room();
    p.files->close_file(p.files, &file); /* the last that held it */
    cr_assert_geq(room(), open + stat.size);
    disk_user_removes(p.disk, "/home/g");
    cr_assert(room() >= before);
    cr_assert(
        disk_user_saves(p.disk, "/home/g", cf_bytes_of(bytes, 3 * BLOCK), DISK_SAVE_IN_PLACE));
    cf_buffer_release(&found);
}

Test(disk_faults, count_room_the_same_after_a_power_cut)
{
    disk_set_capacity(p.disk, 100 * BLOCK);
    disk_user_makes_folder(p.disk, "/home/d");
    disk_user_writes(p.disk, "/home/d/f", "text");
    disk_user_makes_link(p.disk, "/home/l", "f");
    disk_user_links(p.disk, "/home/f", "/home/g");
    disk_user_writes(p.disk, "/home/gone", "text");
    disk_user_removes(p.disk, "/home/gone");
    disk_sync(p.disk);
    uint64_t before = room();
    for (int i = 0; i < 30; i++) {
        disk_user_writes(p.disk, "/home/unsynced", "text");
        program_crashes(&p);
        disk_user_removes(p.disk, "/home/unsynced"); /* if it is there */
        disk_sync(p.disk);
        cr_assert_eq(room(), before);
    }
}
