/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/delta.h"
#include "peer/commands/patch.h"

#include "codec/limits.h"
#include "tests/support/calls.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Texts that are copied from each other, not small enough to be simply added. */
static char old_text[8000], new_text[8000], other_text[8000];

static void write_texts(void)
{
    size_t used = 0;

    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(old_text + used, sizeof old_text - used, "%d times %d is %d\n", i,
                                 i + 7, i * (i + 7));
    memcpy(new_text, old_text, sizeof new_text);
    memcpy(new_text + 1000, "the blurst of times", 19);
    for (size_t i = 0; i < used; i++)
        other_text[i] = (char)(old_text[i] ^ 1);
}

/* A directory with `old` and `new` in it; the paths of its files end with the scratch. */
typedef struct {
    scratch *scratch;
    char paths[4][96];
} desk;

static const char *path_of(desk *self, int number, const char *name)
{
    snprintf(self->paths[number], sizeof self->paths[number], "%s/%s", self->scratch->path, name);
    return self->paths[number];
}

static desk make_desk(void)
{
    desk made = {.scratch = scratch_new()};

    write_texts();
    scratch_write(made.scratch, "old", old_text);
    scratch_write(made.scratch, "new", new_text);
    return made;
}

static cf_status make_delta(desk *self, const char *source, const char *target, const char *patch,
                            cf_error *error)
{
    return cf_delta_files(path_of(self, 0, source), path_of(self, 1, target),
                          path_of(self, 2, patch), error);
}

static cf_status apply(desk *self, const char *source, const char *patch, const char *target,
                       cf_error *error)
{
    return cf_patch_files(path_of(self, 0, source), path_of(self, 1, patch),
                          path_of(self, 2, target), error);
}

static int count_files(const desk *self)
{
    DIR *folder = opendir(self->scratch->path);
    int count = 0;

    cr_assert_not_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 2; /* without . and .. */
}

Test(delta_files, patch_gives_what_delta_was_given)
{
    cf_error error;
    desk at = make_desk();

    expect_ok(make_delta(&at, "old", "new", "patch", &error), error);
    expect_ok(apply(&at, "old", "patch", "copy", &error), error);
    cr_assert(scratch_holds(at.scratch, "copy", new_text));
    cr_assert_eq(count_files(&at), 4);
    scratch_destroy(&at.scratch);
}

/* The source comes through a pipe, so a copy without a name is made of it. */
Test(delta_files, interruptions_and_parts_change_nothing)
{
    cf_error error;
    char command[256];
    desk at = make_desk();

    scratch_fifo(at.scratch, "fifo");
    setenv("TMPDIR", at.scratch->path, 1);
    snprintf(command, sizeof command, "cd %s && cat old >fifo &", at.scratch->path);
    calls_cut_short(at.scratch->path);
    expect_ok(make_delta(&at, "old", "new", "patch", &error), error);
    cr_assert_eq(system(command), 0);
    expect_ok(apply(&at, "fifo", "patch", "copy", &error), error);
    cr_assert_gt(calls_were_cut_short(), 20);
    calls_cut_short(NULL);
    cr_assert(scratch_holds(at.scratch, "copy", new_text));
    scratch_destroy(&at.scratch);
}

Test(delta_files, target_may_be_the_source)
{
    cf_error error;
    struct stat stat_after;
    desk at = make_desk();

    expect_ok(make_delta(&at, "old", "new", "patch", &error), error);
    cr_assert_eq(chmod(path_of(&at, 0, "old"), 0640), 0);
    scratch_symlink(at.scratch, "link", "old");
    expect_ok(apply(&at, "old", "patch", "link", &error), error);
    cr_assert(scratch_holds(at.scratch, "old", new_text));
    cr_assert_eq(lstat(path_of(&at, 0, "link"), &stat_after), 0);
    cr_assert(S_ISLNK(stat_after.st_mode), "the link was replaced");
    cr_assert_eq(stat(path_of(&at, 0, "old"), &stat_after), 0);
    cr_assert_eq(stat_after.st_mode & 0777, 0640);
    scratch_destroy(&at.scratch);
}

Test(delta_files, failure_leaves_everything_as_it_was)
{
    cf_error error;
    desk at = make_desk();

    expect_ok(make_delta(&at, "old", "new", "patch", &error), error);
    scratch_write(at.scratch, "kept", "kept");
    scratch_write(at.scratch, "other", other_text);
    /* Made for another source: the checksum tells. */
    expect_fails(apply(&at, "other", "patch", "kept", &error), CF_MALFORMED);
    expect_fails(apply(&at, "old", "kept", "kept", &error), CF_MALFORMED);
    expect_fails(apply(&at, "missing", "patch", "kept", &error), CF_MISSING);
    expect_fails(apply(&at, "old", "missing", "kept", &error), CF_MISSING);
    cr_assert(strstr(error.text, "missing"), "%s", error.text);
    expect_fails(make_delta(&at, "old", "missing", "kept", &error), CF_MISSING);
    cr_assert(scratch_holds(at.scratch, "kept", "kept"));
    cr_assert_eq(count_files(&at), 5);
    scratch_destroy(&at.scratch);
}

Test(delta_files, what_is_larger_than_files_may_be_is_refused)
{
    cf_error error;
    desk at = make_desk();

    scratch_resize(at.scratch, "new", CF_FILE_MAX + 1);
    expect_fails(make_delta(&at, "old", "new", "patch", &error), CF_TOO_LARGE);
    cr_assert_eq(count_files(&at), 2);
    scratch_destroy(&at.scratch);
}

Test(delta_files, directories_are_refused)
{
    cf_error error;
    desk at = make_desk();

    scratch_mkdir(at.scratch, "folder");
    expect_fails(make_delta(&at, "folder", "new", "patch", &error), CF_USAGE);
    expect_fails(make_delta(&at, "old", "folder", "patch", &error), CF_USAGE);
    expect_fails(make_delta(&at, "old", "new", "folder", &error), CF_USAGE);
    expect_fails(make_delta(&at, "old", "new", "nowhere/patch", &error), CF_MISSING);
    cr_assert_eq(count_files(&at), 3);
    scratch_destroy(&at.scratch);
}

/* The text must fit a pipe's buffer. */
static void feed_standard_input(const char *path)
{
    char bytes[4096];
    int ends[2], file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(file, bytes, sizeof bytes);

    cr_assert(size > 0);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], bytes, (size_t)size), size);
    cr_assert_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    close(ends[1]);
    close(file);
}

static void send_standard_output(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    cr_assert(file >= 0);
    cr_assert_eq(dup2(file, STDOUT_FILENO), STDOUT_FILENO);
    close(file);
}

Test(delta_files, dash_is_a_pipe_too)
{
    cf_error error;
    desk at = make_desk();

    expect_ok(make_delta(&at, "old", "new", "patch", &error), error);
    feed_standard_input(path_of(&at, 0, "patch"));
    send_standard_output(path_of(&at, 1, "copy"));
    expect_ok(cf_patch_files(path_of(&at, 2, "old"), "-", "-", &error), error);
    cr_assert(scratch_holds(at.scratch, "copy", new_text));
    expect_fails(cf_patch_files("-", "-", "-", &error), CF_USAGE);
    expect_fails(cf_delta_files("-", "-", "-", &error), CF_USAGE);
    scratch_destroy(&at.scratch);
}

Test(delta_files, what_is_no_file_is_not_replaced)
{
    cf_error error;
    struct stat null_device;
    desk at = make_desk();

    expect_ok(cf_delta_files(path_of(&at, 0, "old"), path_of(&at, 1, "new"), "/dev/null", &error),
              error);
    cr_assert_eq(stat("/dev/null", &null_device), 0);
    cr_assert(S_ISCHR(null_device.st_mode));
    scratch_destroy(&at.scratch);
}
