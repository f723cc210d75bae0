/* SPDX-License-Identifier: Apache-2.0 */
/* Roots, locks, and what works with any files. */
#include "broker/platform/files.h"

#include <stdio.h>
#include <string.h>

#include "tests/broker/platform/files_here.h"

static cf_error error;

TestSuite(files_roots, .init = files_arrive, .fini = files_leave);

Test(files_roots, replaces_a_small_file_whole)
{
    cf_buffer read = {0};

    cf_buffer_append_text(&read, "what was there before");
    expect_fails(cf_files_read(files, here->folder, named("f"), 9, &read, &error), CF_MISSING);
    expect_ok(cf_files_write(files, here->folder, named("f"), 0600, named("first"), &error), error);
    scratch_write(here, "f.new", "left by a crash");
    expect_ok(cf_files_write(files, here->folder, named("f"), 0600, named("second"), &error),
              error);
    cr_assert_not(scratch_exists(here, "f.new"));
    expect_ok(cf_files_read(files, here->folder, named("f"), 6, &read, &error), error);
    cr_assert(cf_bytes_equal(cf_buffer_view(&read), named("second")));
    expect_fails(cf_files_read(files, here->folder, named("f"), 5, &read, &error), CF_TOO_LARGE);
    cr_assert_eq(read.size, 6);
    cf_buffer_release(&read);
}

/* The first room is for 16 KiB: around it, and around the limit. */
Test(files_roots, reads_a_file_of_any_size_up_to_the_limit)
{
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 99999, 100000};
    static uint8_t written[100000];
    cf_buffer read = {0};

    for (size_t i = 0; i < sizeof written; i++)
        written[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const cf_bytes all = {written, sizes[i]};

        expect_ok(cf_files_write(files, here->folder, named("f"), 0600, all, &error), error);
        for (size_t limit = sizes[i]; limit <= sizes[i] + 20000; limit += 5000) {
            expect_ok(cf_files_read(files, here->folder, named("f"), limit, &read, &error), error);
            cr_assert(cf_bytes_equal(cf_buffer_view(&read), all), "%zu of %zu", sizes[i], limit);
        }
        if (sizes[i])
            expect_fails(
                cf_files_read(files, here->folder, named("f"), sizes[i] - 1, &read, &error),
                CF_TOO_LARGE);
    }
    cf_buffer_release(&read);
}

Test(files_roots, removes_a_tree_and_nothing_beside_it)
{
    scratch_mkdir(here, "kept");
    scratch_write(here, "kept/f", "text");
    scratch_mkdir(here, "d");
    scratch_mkdir(here, "d/e");
    scratch_write(here, "d/e/f", "text");
    scratch_symlink(here, "d/link", "../kept");
    scratch_fifo(here, "d/e/fifo");
    expect_ok(cf_files_remove(files, here->folder, named("d"), &error), error);
    cr_assert_not(scratch_exists(here, "d"));
    expect_ok(cf_files_remove(files, here->folder, named("d"), &error), error);
    scratch_symlink(here, "link", "kept");
    expect_ok(cf_files_remove(files, here->folder, named("link"), &error), error);
    cr_assert(!scratch_exists(here, "link"));
    cr_assert(scratch_holds(here, "kept/f", "text"));
}

Test(files_roots, locks_out_all_others)
{
    cf_file *lock = NULL, *other = NULL;

    expect_ok(files->lock(files, here->folder, named("lock"), &lock, &error), error);
    expect_fails(files->lock(files, here->folder, named("lock"), &other, &error), CF_LOCKED);
    cr_assert_not_null(strstr(error.text, "is in use by another process"), "%s", error.text);
    cr_assert_null(other);
    files->close_file(files, &lock);
    expect_ok(files->lock(files, here->folder, named("lock"), &other, &error), error);
    expect_fails(files->lock(files, here->folder, named("lock"), &lock, &error), CF_LOCKED);
    files->close_file(files, &other);
    scratch_mkdir(here, "d");
    expect_fails(files->lock(files, here->folder, named("d"), &lock, &error), CF_CHANGED);
}

Test(files_roots, makes_a_root_with_all_above_it)
{
    char path[128];
    cf_folder *root = NULL;
    cf_stat stat;

    cr_assert_gt(snprintf(path, sizeof path, "%s/a/b//c/", here->path), 0);
    for (int i = 0; i < 2; i++)
        expect_ok(files->make_root(files, path, 0700, &error), error);
    expect_ok(files->open_root(files, path, &root, &error), error);
    expect_ok(files->stat_folder(files, root, &stat, &error), error);
    cr_assert_eq(stat.mode, 0700);
    files->close_folder(files, &root);
    cr_assert(scratch_exists(here, "a/b/c"));
    scratch_write(here, "file", "");
    cr_assert_gt(snprintf(path, sizeof path, "%s/file/a", here->path), 0);
    expect_fails(files->make_root(files, path, 0700, &error), CF_CHANGED);
}

Test(files_roots, opens_the_folder_above_a_path)
{
    static const char *const ends[] = {"/new", "/new/", "//new//"};
    char path[128];
    cf_folder *above = NULL;
    cf_bytes name;
    cf_stat stat, expected;

    expect_ok(files->stat_folder(files, here->folder, &expected, &error), error);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        cr_assert_gt(snprintf(path, sizeof path, "%s%s", here->path, ends[i]), 0);
        expect_ok(cf_files_open_above(files, path, &above, &name, &error), error);
        cr_assert(cf_bytes_equal(name, named("new")));
        expect_ok(files->stat_folder(files, above, &stat, &error), error);
        cr_assert(cf_stat_same_file(&stat, &expected));
        files->close_folder(files, &above);
    }
    expect_fails(cf_files_open_above(files, "/", &above, &name, &error), CF_USAGE);
    expect_fails(cf_files_open_above(files, "a/..", &above, &name, &error), CF_USAGE);
    expect_fails(cf_files_open_above(files, "", &above, &name, &error), CF_USAGE);
}

Test(files_roots, knows_the_room_that_is_left)
{
    uint64_t room = 0;

    expect_ok(files->free_bytes(files, here->folder, &room, NULL, &error), error);
    cr_assert_gt(room, 0);
    expect_ok(files->sync_folder(files, here->folder, &error), error);
    cr_assert_gt(files->tick_ns, 0);
    cf_folder *root = NULL;
    expect_fails(files->open_root(files, "/nowhere/at/all", &root, &error), CF_MISSING);
    char path[128];
    scratch_write(here, "file", "");
    cr_assert_gt(snprintf(path, sizeof path, "%s/file", here->path), 0);
    expect_fails(files->open_root(files, path, &root, &error), CF_CHANGED);
}
