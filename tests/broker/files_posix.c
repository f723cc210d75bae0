/* SPDX-License-Identifier: Apache-2.0 */
/* What of files.c the system alone can show. */
#include "broker/files_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/support/calls.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

static scratch *here;
static cf_files *files;
static cf_error error;

static void arrive(void)
{
    here = scratch_new();
    files = here->files;
}

static void leave(void)
{
    scratch_destroy(&here);
}

TestSuite(files_posix, .init = arrive, .fini = leave);

static cf_file *opened(const char *name)
{
    cf_file *file = NULL;

    expect_ok(files->open_file(files, here->folder, cf_bytes_of_text(name), &file, &error), error);
    return file;
}

Test(files_posix, sees_a_writer_that_closed_its_descriptor_and_keeps_a_mapping)
{
    scratch_write(here, "f", "text");
    cf_file *file = opened("f");
    int writer = scratch_open(here, "f", O_RDWR);
    void *mapped = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0);
    close(writer);
    cr_assert_neq(mapped, MAP_FAILED);
    cr_assert_eq(files->writer(files, file), CF_WRITER_OPEN);
    munmap(mapped, 4);
    cr_assert_eq(files->writer(files, file), CF_WRITER_NONE);
    files->close_file(files, &file);
}

Test(files_posix, cannot_tell_the_writers_of_another_owner)
{
    scratch_write(here, "f", "text");
    if (geteuid() != 0)
        cr_skip("needs root to make another owner's file");
    scratch_be_nobody(here);
    cf_file *file = opened("f");
    cr_assert_eq(files->writer(files, file), CF_WRITER_UNKNOWN);
    files->close_file(files, &file);
}

Test(files_posix, makes_each_folder_durable_on_the_way_to_a_root)
{
    static const char *const above[] = {"", "/a", "/a/b"};
    char path[128];

    cr_assert_gt(snprintf(path, sizeof path, "%s/a/b/c", here->path), 0);
    expect_ok(files->make_root(files, path, 0700, &error), error);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_gt(snprintf(path, sizeof path, "%s%s", here->path, above[i]), 0);
        cr_assert(syncs_had(path), "%s", path);
    }
}

/* Names are checked before; this holds even if they were not. */
Test(files_posix, opens_nothing_that_is_not_in_the_folder_itself)
{
    cf_folder *inner = NULL;

    scratch_write(here, "secret", "secret");
    scratch_mkdir(here, "inner");
    scratch_mkdir(here, "inner/real");
    scratch_write(here, "inner/real/file", "file");
    scratch_symlink(here, "inner/way", "real");
    expect_ok(files->open_folder(files, here->folder, cf_bytes_of_text("inner"), &inner, &error),
              error);
    int within = cf_posix_open(inner, "real/file", O_RDONLY, 0);
    cr_expect_geq(within, 0);
    close(within);
    cr_expect_lt(cf_posix_open(inner, "../secret", O_RDONLY, 0), 0);
    cr_expect_eq(errno, EXDEV);
    cr_expect_lt(cf_posix_open(inner, "/", O_RDONLY, 0), 0);
    cr_expect_eq(errno, EXDEV);
    cr_expect_lt(cf_posix_open(inner, "way/file", O_RDONLY, 0), 0);
    cr_expect_eq(errno, ELOOP);
    files->close_folder(files, &inner);
}

/* ---- A disk whose folders can't be read to the end ---- */

static bool count_name(void *context, cf_bytes name)
{
    (void)name;
    ++*(size_t *)context;
    return true;
}

Test(files_posix, does_not_take_a_listing_that_broke_off_for_one)
{
    size_t count = 0;

    scratch_write(here, "a", "");
    scratch_write(here, "b", "");
    calls_list_only(3);
    expect_fails(files->list(files, here->folder, count_name, &count, &error), CF_IO);
    calls_list_only(-1);
    count = 0;
    expect_ok(files->list(files, here->folder, count_name, &count, &error), error);
    cr_expect_eq(count, 2);
}
