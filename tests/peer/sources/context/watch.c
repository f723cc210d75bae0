/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/context/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static scratch *here;
static cf_watch *watch;
static cf_error error;
static int named;       /* events that told a name */
static char seen[4096]; /* "7 arrived, 7 absent"; the same twice in a row once */

static void add_word(const char *word)
{
    size_t size = strlen(seen), length = strlen(word);

    if (size >= length && strcmp(seen + size - length, word) == 0)
        return;
    snprintf(seen + size, sizeof seen - size, "%s%s", size ? ", " : "", word);
}

static void changed(void *context, uint64_t folder, cf_bytes name, cf_event_kind kind)
{
    static const char *const words[] = {"arrived", "written", "absent", "left"};
    char word[64];

    (void)context;
    named += name.size > 0;
    snprintf(word, sizeof word, "%d %s", (int)folder, words[kind]);
    add_word(word);
}

static void renamed(void *context, uint64_t from_folder, cf_bytes from, uint64_t to_folder,
                    cf_bytes to)
{
    char word[1024];

    (void)context;
    snprintf(word, sizeof word, "%d/%.*s is %d/%.*s", (int)from_folder, (int)from.size,
             (const char *)from.data, (int)to_folder, (int)to.size, (const char *)to.data);
    add_word(word);
}

static void moved(void *context, uint64_t folder)
{
    char word[64];

    (void)context;
    snprintf(word, sizeof word, "%d moved", (int)folder);
    add_word(word);
}

static void overflowed(void *context)
{
    (void)context;
    add_word("overflowed");
}

static void arrive(void)
{
    here = scratch_new();
    cf_watch_handler handler = {.changed = changed, .moved = moved, .overflowed = overflowed};
    expect_ok(cf_watch_new(here->files, &handler, &watch, &error), error);
}

static void leave(void)
{
    cf_watch_destroy(&watch);
    scratch_destroy(&here);
}

TestSuite(watch, .init = arrive, .fini = leave);

static void add(const char *name, uint64_t number)
{
    cf_folder *folder = NULL;

    if (name)
        expect_ok(here->files->open_folder(here->files, here->folder, cf_bytes_of_text(name),
                                           &folder, &error),
                  error);
    expect_ok(cf_watch_add(watch, number, folder ? folder : here->folder, &error), error);
    here->files->close_folder(here->files, &folder);
}

/* inotify's events are there when the call that made them returns. */
static void expect_seen(const char *expected)
{
    seen[0] = '\0';
    expect_ok(cf_watch_readable(watch, &error), error);
    cr_assert_str_eq(seen, expected);
}

Test(watch, tells_arrivals_writes_and_absences)
{
    add(NULL, 7);
    expect_seen("");
    scratch_write(here, "f", "text");
    expect_seen("7 written, 7 arrived");
    cr_assert_gt(named, 1);
    int file = scratch_open(here, "f", O_WRONLY);
    cr_assert_eq(write(file, "x", 1), 1);
    expect_seen("7 written");
    close(file);
    expect_seen("7 arrived");
    scratch_rename(here, "f", "g");
    expect_seen("7 left, 7 arrived");
    scratch_mkdir(here, "d");
    expect_seen("7 arrived");
    scratch_symlink(here, "l", "g");
    expect_seen("7 written");
    scratch_remove(here, "g");
    expect_seen("7 absent");
    struct pollfd readable = {.fd = cf_watch_descriptor(watch), .events = POLLIN};
    scratch_remove(here, "l");
    cr_assert_eq(poll(&readable, 1, 1000), 1);
}

Test(watch, knows_directories_apart)
{
    scratch_mkdir(here, "a");
    scratch_mkdir(here, "b");
    add("a", 1);
    add("b", 2);
    scratch_write(here, "a/x", "");
    scratch_write(here, "unwatched", "");
    scratch_rename(here, "a/x", "b/x");
    expect_seen("1 written, 1 arrived, 1 left, 2 arrived");
    cr_assert_eq(cf_watch_count(watch), 2);
    cf_watch_remove(watch, 1);
    scratch_write(here, "a/y", "");
    expect_seen("");
    cf_watch_remove(watch, 1);
    cr_assert_eq(cf_watch_count(watch), 1);
}

/* Begins to tell of renames, too. */
static void tell_renames(void)
{
    cf_watch_handler handler = {
        .changed = changed, .renamed = renamed, .moved = moved, .overflowed = overflowed};

    cf_watch_destroy(&watch);
    expect_ok(cf_watch_new(here->files, &handler, &watch, &error), error);
}

Test(watch, tells_what_was_renamed)
{
    char longest[256] = "";

    memset(longest, 'n', 255);
    tell_renames();
    scratch_mkdir(here, "a");
    scratch_mkdir(here, "b");
    add("a", 1);
    add("b", 2);
    scratch_write(here, "a/x", "");
    expect_seen("1 written, 1 arrived");
    scratch_rename(here, "a/x", "b/y");
    expect_seen("1 left, 1/x is 2/y, 2 arrived");
    scratch_rename(here, "b/y", "elsewhere");
    expect_seen("2 left");
    scratch_rename(here, "elsewhere", "a/z");
    expect_seen("1 arrived");
    char path[300];
    snprintf(path, sizeof path, "a/%s", longest);
    scratch_rename(here, "a/z", path);
    char expected[600];
    snprintf(expected, sizeof expected, "1 left, 1/z is 1/%s, 1 arrived", longest);
    expect_seen(expected);
}

Test(watch, follows_a_directory_that_is_moved)
{
    scratch_mkdir(here, "a");
    add("a", 1);
    scratch_rename(here, "a", "b");
    expect_seen("1 moved");
    scratch_write(here, "b/x", "");
    expect_seen("1 written, 1 arrived");
    add("b", 9);
    scratch_write(here, "b/y", "");
    expect_seen("9 written, 9 arrived");
    cr_assert_eq(cf_watch_count(watch), 1);
}

Test(watch, knows_a_directory_by_the_number_that_it_got_later)
{
    scratch_mkdir(here, "a");
    scratch_mkdir(here, "b");
    add("a", 1);
    add("b", 2);
    cf_watch_renumber(watch, 1, 1);
    cf_watch_renumber(watch, 7, 1);
    scratch_write(here, "a/x", "");
    expect_seen("1 written, 1 arrived");
    cf_watch_renumber(watch, 1, 2);
    scratch_write(here, "a/y", "");
    scratch_write(here, "b/y", "");
    expect_seen("2 written, 2 arrived");
    cr_assert_eq(cf_watch_count(watch), 1);
}

Test(watch, forgets_a_directory_that_is_deleted)
{
    scratch_mkdir(here, "a");
    add("a", 1);
    cr_assert(cf_watch_has(watch, 1));
    scratch_remove(here, "a");
    expect_seen("1 moved");
    cr_assert_not(cf_watch_has(watch, 1));
    cr_assert_eq(cf_watch_count(watch), 0);
    scratch_mkdir(here, "b");
    add("b", 1);
    scratch_mkdir(here, "c");
    add("c", 1);
    cr_assert_eq(cf_watch_count(watch), 1);
    scratch_write(here, "b/x", "");
    expect_seen("");
    scratch_write(here, "c/x", "");
    expect_seen("1 written, 1 arrived");
}

static int no_descriptor(cf_files *files, const cf_folder *folder)
{
    (void)files, (void)folder;
    return -1;
}

Test(watch, counts_what_it_can_not_watch)
{
    cf_files without = *here->files;

    here->files->descriptor = no_descriptor;
    for (int i = 0; i < 2; i++) {
        expect_fails(cf_watch_add(watch, 1, here->folder, &error), CF_MISSING);
        cr_assert_eq(cf_watch_missing(watch), 1);
    }
    *here->files = without;
    add(NULL, 1);
    cr_assert_eq(cf_watch_missing(watch), 0);
    cf_watch_remove(watch, 1);
    cr_assert_eq(cf_watch_count(watch), 0);
}

Test(watch, counts_anew_what_it_could_not_watch_and_does_not_know)
{
    cf_files without = *here->files;
    uint64_t first = cf_watch_unknown(watch, 1), other = cf_watch_unknown(watch, 2);

    cr_assert_neq(first, cf_watch_unknown(watch, 1));
    here->files->descriptor = no_descriptor;
    expect_fails(cf_watch_add(watch, first, here->folder, &error), CF_MISSING);
    expect_fails(cf_watch_add(watch, other, here->folder, &error), CF_MISSING);
    expect_fails(cf_watch_add(watch, (uint64_t)1 << 32 | 5, here->folder, &error), CF_MISSING);
    *here->files = without;
    cr_assert(!cf_watch_misses(watch, 0));
    cr_assert(!cf_watch_misses(watch, 3));
    cf_watch_count_anew(watch, 1);
    cr_assert_eq(cf_watch_missing(watch), 2);
    cr_assert(cf_watch_misses(watch, 1));
    cr_assert(cf_watch_misses(watch, 2));
    cf_watch_count_anew(watch, 2);
    cr_assert_eq(cf_watch_missing(watch), 1);
    cr_assert(cf_watch_misses(watch, 1));
    cr_assert(!cf_watch_misses(watch, 2));
    cf_watch_forget_source(watch, 1);
    cr_assert(!cf_watch_misses(watch, 1));
}

static bool write_setting(const char *path, const char *text)
{
    int setting = open(path, O_WRONLY | O_CLOEXEC);
    bool done = setting >= 0 && write(setting, text, strlen(text)) > 0;

    if (setting >= 0)
        close(setting);
    return done;
}

/* In a user namespace of its own, so that the machine's limit stays as it is. */
static bool limit_watches(const char *limit)
{
    char map[64];

    snprintf(map, sizeof map, "0 %u 1", (unsigned)geteuid());
    return unshare(CLONE_NEWUSER) == 0 && write_setting("/proc/self/uid_map", map) &&
           write_setting("/proc/sys/user/max_inotify_watches", limit);
}

enum { SKIPPED = 77 };

/* 0, or which step went wrong. */
static int run_out_of_watches(cf_folder *third)
{
    cf_watch_handler handler = {.changed = changed, .moved = moved, .overflowed = overflowed};
    cf_watch *limited;

    if (!limit_watches("2"))
        return SKIPPED;
    if (cf_watch_new(here->files, &handler, &limited, &error))
        return 1;
    if (cf_watch_add(limited, 1, here->folder, &error) || cf_watch_add(limited, 2, third, &error))
        return 2;
    scratch_mkdir(here, "b");
    cf_folder *folder = NULL;
    if (here->files->open_folder(here->files, here->folder, cf_bytes_of_text("b"), &folder, &error))
        return 3;
    if (cf_watch_add(limited, 3, folder, &error) != CF_FULL)
        return 4;
    if (!strstr(error.text, "max_user_watches") || cf_watch_missing(limited) != 1)
        return 5;
    cf_watch_remove(limited, 2);
    if (cf_watch_add(limited, 3, folder, &error) || cf_watch_missing(limited) != 0)
        return 6;
    return 0;
}

/* A process of its own: only one with a single thread may leave its user namespace. */
Test(watch, names_the_setting_when_watches_run_out)
{
    cf_folder *folder = NULL;
    int result;

    scratch_mkdir(here, "a");
    expect_ok(
        here->files->open_folder(here->files, here->folder, cf_bytes_of_text("a"), &folder, &error),
        error);
    pid_t child = fork();
    if (child == 0)
        _exit(run_out_of_watches(folder));
    cr_assert_eq(waitpid(child, &result, 0), child);
    here->files->close_folder(here->files, &folder);
    cr_assert(WIFEXITED(result));
    if (WEXITSTATUS(result) == SKIPPED)
        cr_skip("this machine allows no user namespace");
    cr_assert_eq(WEXITSTATUS(result), 0, "step %d", WEXITSTATUS(result));
}

Test(watch, says_that_events_were_lost)
{
    unsigned long limit = 0;
    FILE *file = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%lu", &limit), 1);
    fclose(file);
    if (limit > 200000)
        cr_skip("the queue of this machine is too long to fill");
    add(NULL, 1);
    scratch_write(here, "a", "");
    scratch_write(here, "b", "");
    int top = here->files->descriptor(here->files, here->folder);
    for (unsigned long i = 0; i <= limit; i += 2) { /* equal neighbours would be joined */
        cr_assert_eq(fchmodat(top, "a", 0600, 0), 0);
        cr_assert_eq(fchmodat(top, "b", 0600, 0), 0);
    }
    seen[0] = '\0';
    for (int i = 0; i < 100 && !strstr(seen, "overflowed"); i++)
        expect_ok(cf_watch_readable(watch, &error), error);
    cr_assert_not_null(strstr(seen, "overflowed"));
}

/* ---- In two parts ---- */

static int arm(const char *name)
{
    cf_folder *folder = NULL;

    expect_ok(here->files->open_folder(here->files, here->folder, cf_bytes_of_text(name), &folder,
                                       &error),
              error);
    int answer = cf_watch_arm(here->files, cf_watch_descriptor(watch), folder);
    here->files->close_folder(here->files, &folder);
    return answer;
}

Test(watch, tells_what_happened_before_it_was_entered)
{
    scratch_mkdir(here, "a");
    scratch_mkdir(here, "b");
    cf_watch_await(watch);
    int a = arm("a"), b = arm("b");
    scratch_write(here, "a/x", "");
    scratch_write(here, "b/y", "");
    expect_seen("");
    seen[0] = '\0';
    expect_ok(cf_watch_enter(watch, 1, a, "a", &error), error);
    cr_expect_str_eq(seen, "1 written, 1 arrived");
    scratch_write(here, "a/z", "");
    expect_seen("1 written, 1 arrived");
    seen[0] = '\0';
    expect_ok(cf_watch_enter(watch, 2, b, "b", &error), error);
    cr_expect_str_eq(seen, "2 written, 2 arrived");
    cf_watch_await_no_more(watch);
    cr_expect_eq(cf_watch_count(watch), 2);
}

Test(watch, knows_that_it_ended_before_it_was_entered)
{
    scratch_mkdir(here, "a");
    add("a", 1);
    cf_watch_await(watch);
    int a = arm("a");
    scratch_remove(here, "a");
    expect_seen("1 moved");
    seen[0] = '\0';
    expect_ok(cf_watch_enter(watch, 2, a, "a", &error), error);
    cr_expect_str_eq(seen, "2 moved");
    cf_watch_await_no_more(watch);
    cr_expect_eq(cf_watch_count(watch), 0);
    cr_expect_not(cf_watch_has(watch, 2));
}

Test(watch, keeps_no_more_than_some_of_what_was_not_entered)
{
    enum { MANY = 3000 };

    scratch_mkdir(here, "a");
    cf_watch_await(watch);
    int a = arm("a");
    for (int i = 0; i < MANY; i++) {
        scratch_write(here, "a/x", "");
        scratch_remove(here, "a/x");
    }
    seen[0] = '\0';
    expect_ok(cf_watch_readable(watch, &error), error);
    cr_expect_not_null(strstr(seen, "overflow"));
    expect_ok(cf_watch_enter(watch, 1, a, "a", &error), error);
    cf_watch_await_no_more(watch);
}

Test(watch, forgets_what_nobody_entered)
{
    scratch_mkdir(here, "a");
    cf_watch_await(watch);
    int a = arm("a");
    scratch_write(here, "a/x", "");
    expect_seen("");
    cf_watch_await_no_more(watch);
    scratch_write(here, "a/y", "");
    expect_seen("");
    seen[0] = '\0';
    expect_ok(cf_watch_enter(watch, 1, a, "a", &error), error);
    cr_expect_str_eq(seen, "");
}
