/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the user named is whole, or as it was; and nothing else is touched. */
#include "peer/commands/target_file.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 300 };

static void path_in(const scratch *folder, const char *name, char path[PATH])
{
    snprintf(path, PATH, "%s/%s", folder->path, name);
}

static void write_text(const char *path, const char *text, bool committed)
{
    cf_target_file *file;
    cf_error error;

    expect_ok(cf_target_file_open(path, &file, &error), error);
    const cf_sink *sink = cf_target_file_sink(file);
    expect_ok(sink->write(sink->context, text, strlen(text), &error), error);
    if (committed)
        expect_ok(cf_target_file_commit(file, &error), error);
    cf_target_file_destroy(&file);
    cr_expect_null(file);
}

static bool count_name(void *context, cf_bytes name)
{
    (void)name;
    (*(size_t *)context)++;
    return true;
}

static size_t count_in(const scratch *folder)
{
    size_t count = 0;
    cf_error error;

    expect_ok(folder->files->list(folder->files, folder->folder, count_name, &count, &error),
              error);
    return count;
}

Test(target_file, is_there_when_it_was_committed_and_else_as_it_was)
{
    scratch *folder = scratch_new();
    char path[PATH];

    path_in(folder, "out", path);
    write_text(path, "first", true);
    cr_expect(scratch_holds(folder, "out", "first"));
    write_text(path, "second", false);
    cr_expect(scratch_holds(folder, "out", "first"));
    write_text(path, "third", true);
    cr_expect(scratch_holds(folder, "out", "third"));
    cr_expect_eq(count_in(folder), 1, "what was begun lies there");
    scratch_destroy(&folder);
}

/* Whoever asks goes on reading what the user types. */
Test(target_file, that_can_not_be_opened_leaves_standard_input_open)
{
    scratch *folder = scratch_new();
    cf_target_file *file = NULL;
    struct stat before, after;
    char path[PATH];
    cf_error error;

    cr_assert_eq(fstat(STDIN_FILENO, &before), 0);
    cr_expect_eq(cf_target_file_open(folder->path, &file, &error), CF_USAGE);
    cr_expect_eq(fstat(STDIN_FILENO, &after), 0);
    cr_expect_eq(after.st_ino, before.st_ino);
    path_in(folder, "none/out", path);
    cr_expect(cf_target_file_open(path, &file, &error));
    cr_expect_eq(fstat(STDIN_FILENO, &after), 0);
    cr_expect_null(file);
    scratch_destroy(&folder);
}
