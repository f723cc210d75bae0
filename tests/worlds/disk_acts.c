/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated disk and its users, where they differ from the real files: what
 * tests/broker/platform/files.c does not show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/worlds/disk_program.h"

static program p;
static cf_buffer text;

static void arrive(void)
{
    program_begins(&p, (disk_options){.seed = 1});
}

static void leave(void)
{
    cf_buffer_release(&text);
    program_ends(&p);
}

TestSuite(disk_acts, .init = arrive, .fini = leave);

static void expect_tree(const char *expected)
{
    program_tree(&p, &text);
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_bytes_of_text(expected)),
              "\nfound:\n%.*sexpected:\n%s", (int)text.size, (const char *)text.data, expected);
}

Test(disk_acts, dump_a_tree)
{
    disk_user_makes_folder(p.disk, "/home/d");
    disk_user_writes(p.disk, "/home/d/a\n", "two\\ words");
    disk_user_makes_link(p.disk, "/home/l", "../no where");
    disk_user_makes_fifo(p.disk, "/home/pipe");
    disk_user_touches(p.disk, "/home/-");
    disk_user_chmods(p.disk, "/home/-", 0600);
    expect_tree("f - 600 0 cbf29ce484222325\n"
                "d d 755\n"
                "f d/a\\x0a 644 10 bb32049a51acd622 two\\x5c\\x20words\n"
                "l l 777 -> ../no\\x20where\n"
                "? pipe 644\n");
}

Test(disk_acts, save_in_the_ways_of_programs)
{
    cf_stat first, second, backup;

    disk_user_writes(p.disk, "/home/f", "one");
    cr_assert(disk_user_stat(p.disk, "/home/f", &first));
    cr_assert(disk_user_saves(p.disk, "/home/f", named("two"), DISK_SAVE_IN_PLACE));
    cr_assert(disk_user_stat(p.disk, "/home/f", &second));
    cr_assert(cf_stat_same_file(&first, &second));
    cr_assert(disk_user_saves(p.disk, "/home/f", named("three"), DISK_SAVE_BY_RENAME));
    cr_assert(disk_user_stat(p.disk, "/home/f", &second));
    cr_assert_not(cf_stat_same_file(&first, &second));
    cr_assert(disk_user_saves(p.disk, "/home/f", named("four"), DISK_SAVE_WITH_BACKUP));
    cr_assert(disk_user_stat(p.disk, "/home/f~", &backup));
    cr_assert(cf_stat_same_file(&backup, &second));
    expect_tree("f f 644 4 dd33fe790c41dde5 four\n"
                "f f~ 644 5 5a73f1720ca645a3 three\n");
    disk_user_makes_folder(p.disk, "/home/d");
    for (disk_save_way how = 0; how < DISK_SAVE_WAYS; how++)
        cr_assert_not(disk_user_saves(p.disk, "/home/d", named("x"), how));
}

Test(disk_acts, follow_links_on_the_way_and_not_at_its_end)
{
    disk_user_makes_folder(p.disk, "/home/d");
    disk_user_makes_link(p.disk, "/home/l", "d");
    disk_user_makes_link(p.disk, "/home/d/up", "../.././home/d/f");
    disk_user_makes_link(p.disk, "/home/round", "round");
    cr_assert(disk_user_writes(p.disk, "/home/l/f", "text"));
    cr_assert_not(disk_user_writes(p.disk, "/home/l", "text"));
    cr_assert_not(disk_user_writes(p.disk, "/home/l/up", "text"));
    cr_assert_not(disk_user_writes(p.disk, "/home/round/f", "text"));
    cr_assert(program_has(&p, "/home/d/f"));
    cr_assert(program_has(&p, "/home/l/../l/./f"));
}

Test(disk_acts, go_on_in_an_open_file_wherever_it_is)
{
    disk_hold *hold = NULL;
    cf_file *file = NULL;

    disk_user_writes(p.disk, "/home/f", "text");
    cr_assert(disk_user_opens(p.disk, "/home/f", true, &hold));
    disk_user_moves(p.disk, "/home/f", "/home/g");
    expect_ok(p.files->open_file(p.files, p.folder, named("g"), &file, &p.error), p.error);
    cr_assert_eq(p.files->writer(p.files, file), CF_WRITER_OPEN);
    cr_assert(disk_user_writes_at(hold, 4, named("s")));
    disk_user_closes(&hold);
    cr_assert_eq(p.files->writer(p.files, file), CF_WRITER_NONE);
    disk_user_gives_away(p.disk, "/home/g");
    cr_assert_eq(p.files->writer(p.files, file), CF_WRITER_UNKNOWN);
    expect_fails(p.files->set_file_mode(p.files, file, 0600, &p.error), CF_IO);
    p.files->close_file(p.files, &file);
    cr_assert(disk_user_reads(p.disk, "/home/g", &text));
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), named("texts")));
}

Test(disk_acts, remove_a_tree)
{
    disk_user_makes_folder(p.disk, "/home/d");
    disk_user_makes_folder(p.disk, "/home/d/e");
    disk_user_writes(p.disk, "/home/d/e/f", "text");
    disk_user_makes_link(p.disk, "/home/d/l", "/home");
    cr_assert_not(disk_user_unlinks(p.disk, "/home/d"));
    cr_assert(disk_user_removes(p.disk, "/home/d"));
    expect_tree("");
}

Test(disk_acts, know_other_file_systems)
{
    bool cloned = true;
    cf_file *source = NULL, *target = NULL;

    disk_mount(p.disk, "/home/mnt");
    disk_user_writes(p.disk, "/home/f", "text");
    cf_folder *there = program_enters(&p, "mnt");
    expect_fails(p.files->rename(p.files, p.folder, named("f"), there, named("f"), &p.error),
                 CF_USAGE);
    cr_assert_not(disk_user_links(p.disk, "/home/f", "/home/mnt/f"));
    cr_assert_not(disk_user_unlinks(p.disk, "/home/mnt"));
    expect_ok(p.files->open_file(p.files, p.folder, named("f"), &source, &p.error), p.error);
    expect_ok(p.files->create_file(p.files, there, named("f"), 0644, &target, &p.error), p.error);
    expect_ok(p.files->clone(p.files, source, target, &cloned, &p.error), p.error);
    cr_assert_not(cloned);
    cf_stat here, beyond;
    expect_ok(p.files->stat_folder(p.files, p.folder, &here, &p.error), p.error);
    expect_ok(p.files->stat_file(p.files, target, &beyond, &p.error), p.error);
    cr_assert_neq(here.device, beyond.device);
    p.files->close_file(p.files, &source);
    p.files->close_file(p.files, &target);
    p.files->close_folder(p.files, &there);
}

/* ---- Inodes and times ---- */

static void note_number(void *context, const disk_thing *thing)
{
    bool *seen = context;

    cr_assert_lt(thing->stat.inode, 1000);
    cr_assert_not(seen[thing->stat.inode], "two things are number %d", (int)thing->stat.inode);
    seen[thing->stat.inode] = true;
}

Test(disk_acts, use_a_number_again_and_never_twice_at_a_time)
{
    int again = 0;
    cf_stat first, second;

    disk_user_makes_folder(p.disk, "/home/other");
    disk_sync(p.disk);
    for (int i = 0; i < 200; i++) {
        bool seen[1000] = {false};
        char path[32];

        snprintf(path, sizeof path, "/home/%d", i % 7);
        disk_user_writes(p.disk, path, "text");
        cr_assert(disk_user_stat(p.disk, path, &first));
        disk_user_unlinks(p.disk, path);
        p.now_ms += 10;
        disk_user_writes(p.disk, "/home/other/f", "text");
        cr_assert(disk_user_stat(p.disk, "/home/other/f", &second));
        if (first.inode == second.inode) {
            again++;
            cr_assert_not(cf_stat_same_file(&first, &second));
        }
        if (i % 3 == 0)
            program_crashes(&p);
        cr_assert(disk_walk(p.disk, "/", &(disk_walk_options){0}, note_number, seen));
        disk_user_moves(p.disk, "/home/other/f", path);
    }
    cr_assert_gt(again, 20);
}

Test(disk_acts, stamp_with_the_time_of_the_last_tick)
{
    cf_stat stat;

    p.now_ms = 1000003;
    disk_user_writes(p.disk, "/home/f", "text");
    p.now_ms = 2000007;
    disk_user_chmods(p.disk, "/home/f", 0600);
    p.now_ms = 500; /* the clock was set back */
    cr_assert(disk_user_stat(p.disk, "/home/f", &stat));
    cr_assert_eq(stat.birth_ns, 1000000 * INT64_C(1000000));
    cr_assert_eq(stat.mtime_ns, 1000000 * INT64_C(1000000));
    cr_assert_eq(stat.ctime_ns, 2000004 * INT64_C(1000000));
    disk_user_touches(p.disk, "/home/f");
    cr_assert(disk_user_stat(p.disk, "/home/f", &stat));
    cr_assert_eq(stat.mtime_ns, 500 * INT64_C(1000000));
}

/* ---- Order, and the same again ---- */

static bool note_name(void *context, cf_bytes name)
{
    cf_buffer *out = context;

    cf_buffer_append(out, name.data, name.size);
    cf_buffer_append(out, " ", 1);
    return true;
}

/* Everything that depends on a seed. */
static void run(uint64_t seed, cf_buffer *out)
{
    program it;
    char path[32];

    program_begins(&it, (disk_options){.seed = seed});
    disk_set_rates(it.disk, &(disk_rates){100000, 100000, 100000, 100000});
    for (int i = 0; i < 300; i++) {
        cf_file *file = NULL;
        char name[16];

        it.now_ms += 3;
        snprintf(name, sizeof name, "%d", i % 20);
        snprintf(path, sizeof path, "/home/%d", (i * 7) % 20);
        if (it.files->create_file(it.files, it.folder, named(name), 0644, &file, &it.error) ==
            CF_OK)
            it.files->write_at(it.files, file, (uint64_t)i, named("some bytes"), &it.error);
        cf_buffer_append_text(out, "%s\n", it.error.text);
        if (file && i % 3)
            it.files->sync_file(it.files, file, &it.error);
        if (i % 4 == 0)
            it.files->sync_folder(it.files, it.folder, &it.error);
        if (i % 2)
            disk_user_unlinks(it.disk, path);
        it.files->close_file(it.files, &file);
        if (i % 50 == 49) {
            disk_crash(it.disk);
            it.files->close_folder(it.files, &it.folder);
            while (it.files->open_root(it.files, "/home", &it.folder, &it.error))
                ;
        }
    }
    disk_set_rates(it.disk, NULL);
    expect_ok(it.files->list(it.files, it.folder, note_name, out, &it.error), it.error);
    cr_assert(disk_dump(it.disk, "/", &(disk_dump_options){.times = true, .inodes = true}, out));
    program_ends(&it);
}

Test(disk_acts, are_the_same_with_the_same_seed)
{
    cf_buffer first = {0}, again = {0}, other = {0};

    run(5, &first);
    run(5, &again);
    run(6, &other);
    cr_assert_gt(first.size, 1000);
    cr_assert(cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&again)));
    cr_assert_not(cf_bytes_equal(cf_buffer_view(&first), cf_buffer_view(&other)));
    cf_buffer_release(&first);
    cf_buffer_release(&again);
    cf_buffer_release(&other);
}

Test(disk_acts, list_in_an_order_of_the_seed)
{
    cf_buffer orders[2] = {{0}, {0}};

    for (uint64_t seed = 0; seed < 2; seed++) {
        program it;
        char path[32];

        program_begins(&it, (disk_options){.seed = seed});
        for (int i = 0; i < 8; i++) {
            snprintf(path, sizeof path, "/home/%d", i);
            disk_user_touches(it.disk, path);
        }
        expect_ok(it.files->list(it.files, it.folder, note_name, &orders[seed], &it.error),
                  it.error);
        cr_assert_eq(orders[seed].size, 16);
        program_ends(&it);
    }
    cr_assert_not(cf_bytes_equal(cf_buffer_view(&orders[0]), cf_buffer_view(&orders[1])));
    cf_buffer_release(&orders[0]);
    cf_buffer_release(&orders[1]);
}

/* ---- Images ---- */

Test(disk_acts, come_back_as_an_image_has_them)
{
    static const disk_dump_options all = {.times = true, .inodes = true};
    cf_buffer before = {0};
    program other;
    cf_file *file = NULL;

    disk_mount(p.disk, "/home/mnt");
    disk_user_makes_folder(p.disk, "/home/d");
    disk_user_writes(p.disk, "/home/d/f", "text");
    disk_user_links(p.disk, "/home/d/f", "/home/g");
    disk_user_makes_link(p.disk, "/home/l", "g");
    disk_sync(p.disk);
    cr_assert(disk_dump(p.disk, "/", &all, &before));
    disk_image *image = disk_snapshot(p.disk);
    disk_user_writes(p.disk, "/home/g", "other");
    disk_user_removes(p.disk, "/home/d");
    disk_sync(p.disk);
    expect_ok(p.files->open_file(p.files, p.folder, named("g"), &file, &p.error), p.error);

    disk_restore(p.disk, image);
    cr_assert(disk_dump(p.disk, "/", &all, &text));
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_buffer_view(&before)));
    cf_stat stat;
    expect_fails(p.files->stat_file(p.files, file, &stat, &p.error), CF_IO);
    p.files->close_file(p.files, &file);
    p.files->close_folder(p.files, &p.folder);
    program_opens(&p);

    program_begins(&other, (disk_options){.seed = 99});
    disk_user_writes(other.disk, "/home/mine", "text");
    other.files->close_folder(other.files, &other.folder);
    disk_restore(other.disk, image);
    disk_image_destroy(&image);
    program_opens(&other);
    cf_buffer_clear(&text);
    cr_assert(disk_dump(other.disk, "/", &all, &text));
    cr_assert(cf_bytes_equal(cf_buffer_view(&text), cf_buffer_view(&before)));
    cr_assert(disk_user_writes(other.disk, "/home/g", "another"));
    expect_ok(other.files->sync_folder(other.files, other.folder, &other.error), other.error);
    cr_assert(disk_user_reads(p.disk, "/home/d/f", &before));
    cr_assert_eq(memcmp(before.data + before.size - 4, "text", 4), 0);
    program_ends(&other);
    cf_buffer_release(&before);
}

Test(disk_acts, are_in_an_image_only_when_they_are_durable)
{
    disk_user_writes(p.disk, "/home/f", "text");
    disk_image *image = disk_snapshot(p.disk);
    disk_restore(p.disk, image);
    disk_image_destroy(&image);
    cr_assert_not(program_has(&p, "/home/f"));
}
