/* SPDX-License-Identifier: Apache-2.0 */
/* What of files.c the system alone can show. */
#include "broker/platform/files_posix_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

enum { STEPS = 40, STEP_SIZE = 200 }; /* more than a path may have */

static cf_status hold(const cf_bytes *names, size_t count)
{
    cf_folder *held = NULL;

    cf_status status = files->open_below(files, here->folder, names, count, &held, &error);
    files->close_folder(files, &held);
    return status;
}

Test(files_posix, opens_a_folder_below_as_one_after_the_other_would)
{
    cf_bytes inner = cf_bytes_of_text("inner"), real = cf_bytes_of_text("real"),
             way = cf_bytes_of_text("way"), up = cf_bytes_of_text(".."),
             file = cf_bytes_of_text("file"), none = cf_bytes_of_text("none"),
             both = cf_bytes_of_text("inner/real"), empty = {0};

    scratch_mkdir(here, "inner");
    scratch_mkdir(here, "inner/real");
    scratch_mkdir(here, "inner/real/last");
    scratch_write(here, "inner/real/file", "file");
    scratch_symlink(here, "inner/way", "real");
    cf_bytes last = cf_bytes_of_text("last");
    expect_ok(hold((cf_bytes[]){inner, real, last}, 3), error);
    expect_fails(hold((cf_bytes[]){inner, way, last}, 3), CF_CHANGED);
    expect_fails(hold((cf_bytes[]){inner, way}, 2), CF_CHANGED);
    expect_fails(hold((cf_bytes[]){inner, real, file}, 3), CF_CHANGED);
    expect_fails(hold((cf_bytes[]){inner, none, last}, 3), CF_MISSING);
    expect_fails(hold((cf_bytes[]){inner, up, inner}, 3), CF_MALFORMED);
    expect_fails(hold((cf_bytes[]){both, last}, 2), CF_MALFORMED);
    expect_fails(hold((cf_bytes[]){inner, empty, last}, 3), CF_MALFORMED);
}

Test(files_posix, says_which_folder_of_a_way_is_not_there)
{
    cf_folder *held = NULL;
    cf_bytes names[] = {cf_bytes_of_text("inner"), cf_bytes_of_text("none"),
                        cf_bytes_of_text("last")};

    scratch_mkdir(here, "inner");
    expect_fails(cf_files_open_below(files, here->folder, names, 3, &held, &error), CF_MISSING);
    cr_expect(strstr(error.text, "inner/none:"), "%s", error.text);
}

Test(files_posix, opens_a_folder_further_below_than_a_path_may_name)
{
    static char name[STEP_SIZE];
    cf_bytes names[STEPS];
    cf_folder *held = NULL, *below = NULL;
    cf_stat made, found;

    memset(name, 'n', sizeof name);
    for (size_t i = 0; i < STEPS; i++) {
        const cf_folder *at = held ? held : here->folder;

        names[i] = cf_bytes_of(name, sizeof name);
        expect_ok(files->make_folder(files, at, names[i], 0755, &error), error);
        expect_ok(files->open_folder(files, at, names[i], &below, &error), error);
        files->close_folder(files, &held);
        held = below;
    }
    expect_ok(files->stat_folder(files, held, &made, &error), error);
    files->close_folder(files, &held);
    expect_ok(files->open_below(files, here->folder, names, STEPS, &held, &error), error);
    expect_ok(files->stat_folder(files, held, &found, &error), error);
    cr_expect_eq(found.inode, made.inode);
    files->close_folder(files, &held);
    expect_ok(cf_files_remove(files, here->folder, names[0], &error), error);
}

/* Most numbers as linux/magic.h has them; the others as in the drivers of those file systems. */
Test(files_posix, knows_file_systems_that_others_change_and_that_number_anew)
{
    static const struct {
        const char *name;
        uint32_t type;
        cf_posix_type is;
    } systems[] = {
        {"FUSE", FUSE_SUPER_MAGIC, {.is_fuse = true, .renumbers = true}},
        {"NFS", NFS_SUPER_MAGIC, {.is_remote = true}},
        {"SMB", SMB_SUPER_MAGIC, {.is_remote = true, .renumbers = true}},
        {"CIFS", CIFS_SUPER_MAGIC, {.is_remote = true, .renumbers = true}},
        {"SMB2", SMB2_SUPER_MAGIC, {.is_remote = true, .renumbers = true}},
        {"9P", V9FS_MAGIC, {.is_remote = true, .renumbers = true}},
        {"Ceph", CEPH_SUPER_MAGIC, {.is_remote = true}},
        {"OpenAFS", AFS_SUPER_MAGIC, {.is_remote = true}},
        {"AFS", AFS_FS_MAGIC, {.is_remote = true}},
        {"Coda", CODA_SUPER_MAGIC, {.is_remote = true}},
        {"GFS2", 0x01161970, {.is_remote = true}},
        {"OCFS2", OCFS2_SUPER_MAGIC, {.is_remote = true}},
        {"Lustre", 0x0bd00bd0, {.is_remote = true}},
        {"GPFS", 0x47504653, {.is_remote = true}},
        {"VirtualBox", 0x786f4256, {.is_remote = true, .renumbers = true}},
        {"VMware", 0xbacbacbc, {.is_remote = true, .renumbers = true}},
        {"vfat", MSDOS_SUPER_MAGIC, {.renumbers = true}},
        {"exFAT", EXFAT_SUPER_MAGIC, {.renumbers = true}},
        {"squashfs", SQUASHFS_MAGIC, {.renumbers = true}},
        {"EROFS", EROFS_SUPER_MAGIC_V1, {.renumbers = true}},
        {"ISO 9660", ISOFS_SUPER_MAGIC, {.renumbers = true}},
        {"UDF", UDF_SUPER_MAGIC, {.renumbers = true}},
        {"cramfs", CRAMFS_MAGIC, {.renumbers = true}},
        {"romfs", 0x7275, {.renumbers = true}},
        {"ext4", EXT4_SUPER_MAGIC, {0}},
        {"XFS", XFS_SUPER_MAGIC, {0}},
        {"btrfs", BTRFS_SUPER_MAGIC, {0}},
        {"tmpfs", TMPFS_MAGIC, {0}},
        {"overlay", OVERLAYFS_SUPER_MAGIC, {0}},
    };

    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
        const cf_posix_type told = cf_posix_type_of(systems[i].type);

        cr_expect_eq(told.is_fuse, systems[i].is.is_fuse, "%s", systems[i].name);
        cr_expect_eq(told.is_remote, systems[i].is.is_remote, "%s", systems[i].name);
        cr_expect_eq(told.renumbers, systems[i].is.renumbers, "%s", systems[i].name);
    }
}

Test(files_posix, writes_blocks_of_zeros_as_holes)
{
    enum { END = 5 * CF_HOLE_BLOCK + 10 };
    static uint8_t bytes[END], found[END + 1];
    struct stat stat;
    cf_file *file = NULL;
    char path[200];
    size_t read;

    bytes[2 * CF_HOLE_BLOCK] = bytes[3 * CF_HOLE_BLOCK - 1] = 1;
    expect_ok(files->create_file(files, here->folder, cf_bytes_of_text("f"), 0644, &file, &error),
              error);
    cf_file_bytes to = {.files = files, .file = file, .offset = 0};
    cf_sink sink = cf_sparse_sink_of_file(&to);
    expect_ok(cf_sink_write(&sink, bytes, 100, &error), error);
    expect_ok(cf_sink_write(&sink, bytes + 100, END - 100, &error), error);
    cr_expect_eq(to.offset, END);
    expect_ok(files->truncate(files, file, to.offset, &error), error);
    expect_ok(files->read_at(files, file, 0, found, sizeof found, &read, &error), error);
    cr_expect_eq(read, END);
    cr_expect_eq(memcmp(found, bytes, END), 0);
    files->close_file(files, &file);
    snprintf(path, sizeof path, "%s/f", here->path);
    cr_assert_eq(lstat(path, &stat), 0);
    cr_expect_eq(stat.st_blocks * 512, CF_HOLE_BLOCK);
}
