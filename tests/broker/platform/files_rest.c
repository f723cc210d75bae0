/* SPDX-License-Identifier: Apache-2.0 */
/* Folders that are held and rest: nothing of them is open. */
#include "broker/platform/files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/broker/platform/files_here.h"

static cf_error error;
static cf_folder *root, *below;

static void hold_both(void)
{
    char path[128];
    cf_folder *own = NULL;

    files_arrive();
    scratch_mkdir(here, "root");
    scratch_mkdir(here, "root/own");
    scratch_mkdir(here, "root/own/tmp");
    scratch_write(here, "root/f", "first");
    cr_assert_gt(snprintf(path, sizeof path, "%s/root", here->path), 0);
    expect_ok(files->open_root(files, path, &root, &error), error);
    expect_ok(files->open_folder(files, root, named("own"), &own, &error), error);
    expect_ok(files->open_folder(files, own, named("tmp"), &below, &error), error);
    files->close_folder(files, &own);
}

static void let_both_go(void)
{
    files->close_folder(files, &below);
    files->close_folder(files, &root);
    files_leave();
}

TestSuite(files_rest, .init = hold_both, .fini = let_both_go);

static void rest(void)
{
    files->rest_folder(files, below, root);
    files->rest_folder(files, root, NULL);
}

/* How many descriptors of this process lead to the root or below. */
static size_t count_open(void)
{
    DIR *stream = opendir("/proc/self/fd");
    char link[PATH_MAX], path[PATH_MAX], top[128];
    size_t count = 0;

    cr_assert_gt(snprintf(top, sizeof top, "%s/root", here->path), 0);
    cr_assert_not_null(realpath(top, path));
    for (const struct dirent *entry; (entry = readdir(stream));) {
        const ssize_t size = readlinkat(dirfd(stream), entry->d_name, link, sizeof link - 1);

        link[size > 0 ? size : 0] = '\0';
        count += strncmp(link, path, strlen(path)) == 0;
    }
    closedir(stream);
    return count;
}

static cf_status stat_both(void)
{
    cf_stat stat;
    const cf_status status = files->stat_folder(files, root, &stat, &error);

    return status ? status : files->stat_folder(files, below, &stat, &error);
}

Test(files_rest, holds_nothing_open_and_is_the_same_afterwards)
{
    cf_stat before, now;
    cf_buffer read = {0};

    expect_ok(files->stat_folder(files, root, &before, &error), error);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(count_open(), 2);
        rest();
        rest();
        cr_assert_eq(count_open(), 0);
        expect_ok(files->stat_folder(files, root, &now, &error), error);
        cr_assert(cf_stat_same_file(&before, &now));
        cr_assert_eq(count_open(), 1);
        expect_ok(files->make_folder(files, below, named(i ? "b" : "a"), 0700, &error), error);
    }
    expect_ok(cf_files_read(files, root, named("f"), 9, &read, &error), error);
    cr_assert(scratch_exists(here, "root/own/tmp/a"));
    cr_assert(scratch_exists(here, "root/own/tmp/b"));
    cf_buffer_release(&read);
}

Test(files_rest, wakes_what_is_above_it_first)
{
    cf_stat stat;

    rest();
    expect_ok(files->stat_folder(files, below, &stat, &error), error);
    cr_assert_eq(count_open(), 2);
    files->rest_folder(files, root, NULL);
    cr_assert_eq(count_open(), 1);
    expect_ok(stat_both(), error);
}

/* Of neither anything is asked but that: a file that isn't there would be one that was deleted. */
static void expect_away(void)
{
    const cf_folder *const both[] = {root, below};
    cf_folder *folder = NULL;
    cf_file *file = NULL;
    cf_stat stat;

    for (int i = 0; i < 2; i++) {
        expect_fails(files->stat(files, both[i], named("f"), &stat, &error), CF_CHANGED);
        expect_fails(files->open_file(files, both[i], named("f"), &file, &error), CF_CHANGED);
        expect_fails(files->create_file(files, both[i], named("n"), 0600, &file, &error),
                     CF_CHANGED);
        expect_fails(files->open_folder(files, both[i], named("own"), &folder, &error), CF_CHANGED);
        expect_fails(files->unlink(files, both[i], named("f"), &error), CF_CHANGED);
        expect_fails(files->stat_folder(files, both[i], &stat, &error), CF_CHANGED);
        cr_assert_not_null(strstr(error.text, "Stale file handle"), "%s", error.text);
        cr_assert_not(files->readable(files, both[i], named("f")));
        cr_assert_eq(files->descriptor(files, both[i]), -1);
    }
}

Test(files_rest, is_away_while_another_lies_in_its_place_and_back_with_it)
{
    rest();
    scratch_rename(here, "root", "moved");
    expect_away();
    scratch_mkdir(here, "root");
    scratch_mkdir(here, "root/own");
    scratch_mkdir(here, "root/own/tmp");
    scratch_write(here, "root/f", "another one");
    expect_away();
    cr_assert(scratch_holds(here, "root/f", "another one"));
    cr_assert(!scratch_exists(here, "root/n"));
    scratch_rename(here, "root", "other");
    scratch_rename(here, "moved", "root");
    expect_ok(stat_both(), error);
    cr_assert(scratch_holds(here, "root/f", "first"));
}

Test(files_rest, finds_what_is_below_by_its_place)
{
    cf_stat stat;

    rest();
    scratch_rename(here, "root/own/tmp", "root/own/before");
    expect_fails(files->stat_folder(files, below, &stat, &error), CF_CHANGED);
    scratch_mkdir(here, "root/own/tmp");
    expect_ok(files->make_folder(files, below, named("a"), 0700, &error), error);
    cr_assert(scratch_exists(here, "root/own/tmp/a"));
}

Test(files_rest, follows_no_link_to_what_is_below)
{
    cf_stat stat;

    rest();
    scratch_rename(here, "root/own", "elsewhere");
    scratch_symlink(here, "root/own", "../elsewhere");
    expect_fails(files->stat_folder(files, below, &stat, &error), CF_CHANGED);
}
