/* SPDX-License-Identifier: Apache-2.0 */
/* A device that serves, with the watches of a real folder: what happens in a directory is seen
 * wherever it lies by now, and a move is a move at any moment. Time is the world's. */
#include "tests/peer/small/watched_folder.h"

#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MINUTE_MS = 60000, SOON_MS = 1000, LOOK_CALLS = 40, LOOK_TURNS = 6, COMES_TURNS = 100 };

/* What comes by the watches alone: nothing else looks for it within minutes. */
static void expect_seen(small_device *first, small_device *second, const char *path)
{
    user_writes_text(first, path, "later");
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, path), "%s is not seen", path);
}

Test(engine_watched, a_directory_that_was_moved_over_another)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    cr_assert(user_moves(first, "above/a", "above/b"));
    small_device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/b/later");
    cr_expect(has_path(second, "above/b/one"));
    cr_expect(!has_path(second, "above/a/one"));
    small_world_destroy(&w);
}

Test(engine_watched, two_that_swapped_their_names)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    cr_assert(user_swaps(first, "above/a", "above/b"));
    small_device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/b/later");
    expect_seen(first, second, "above/a/later");
    cr_expect(has_path(second, "above/b/one"));
    cr_expect(!has_path(second, "above/a/one"));
    small_world_destroy(&w);
}

/* Each is found by a look of its own, at a part, and is no node yet when it is watched. */
Test(engine_watched, two_that_were_made_one_after_the_other)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_makes(first, "above/new");
    small_device_passes(first, QUIET_MS);
    user_makes(first, "above/a/new");
    small_device_passes(first, QUIET_MS);
    expect_seen(first, second, "above/new/later");
    expect_seen(first, second, "above/a/new/later");
    small_world_destroy(&w);
}

/* ---- A directory that comes ---- */

static void write_into_new(void *context)
{
    user_writes_text(context, "above/new/quick", "before it is watched");
}

/* The user was faster than the watch, at this call that brings the directory. False: there were
 * not so many calls. */
static bool writes_at_call(uint64_t call)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_makes(second, "above/new");
    cr_assert(small_device_sync(second));
    first->faults.reads = true;
    first->faults.meanwhile = write_into_new;
    first->faults.context = first;
    first->faults.at = first->faults.calls + call;
    for (int turns = 0; turns < COMES_TURNS && !has_path(first, "above/new/quick"); turns++)
        small_device_passes(first, SMALL_TURN_MS);
    bool reached = !first->faults.meanwhile, written = has_path(first, "above/new/quick");
    first->faults = (disk_faults){.calls = first->faults.calls};
    small_device_passes(first, COMES_TURNS * SMALL_TURN_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "above/new/quick") == written, "call %d", (int)call);
    small_world_destroy(&w);
    return reached;
}

Test(engine_watched, a_directory_that_comes_and_is_filled_before_it_is_watched)
{
    uint64_t call = 1;

    while (writes_at_call(call))
        call += one_in_few(1, 2);
    cr_expect_gt(call, 20);
}

/* ---- A file that is moved while another is looked for ---- */

static void move(void *context)
{
    cr_assert(user_moves(context, "above/a/two", "above/b/two"));
}

/* Another file has gone from there, for good, and its directory is looked at twice because of that.
 */
static void moves_during_a_look(uint64_t call, bool known)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, known);

    user_writes_text(second, "above/a/two", "edited");
    user_removes(first, "above/a/one");
    first->faults.reads = true;
    first->faults.meanwhile = move;
    first->faults.context = first;
    first->faults.at = first->faults.calls + call;
    small_device_passes(first, QUIET_MS);
    first->faults = (disk_faults){.calls = first->faults.calls};
    if (!has_path(first, "above/b/two"))
        move(first);
    cr_assert(small_world_settle(w));
    cr_expect(has_path(first, "above/b/two"), "call %d, %d", (int)call, known);
    cr_expect(!has_path(first, "above/a/two"), "call %d, %d", (int)call, known);
    small_world_destroy(&w);
}

Test(engine_watched, a_file_that_is_moved_while_another_is_found_to_be_gone)
{
    for (uint64_t call = 1; call <= LOOK_CALLS; call += one_in_few(1, 2)) {
        moves_during_a_look(call, false);
        if (call % 4 == 0) /* what happens between two looks is heard of before the second */
            moves_during_a_look(call, true);
    }
}

/* All is looked at, and so it is seen at both places when one of them was listed before. False:
 * there were not so many calls. */
static bool moves_during_a_look_at_all(uint64_t call)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_writes_text(second, "above/a/two", "edited");
    first->faults = (disk_faults){.reads = true,
                                  .calls = first->faults.calls,
                                  .at = first->faults.calls + call,
                                  .meanwhile = move,
                                  .context = first};
    small_device_round(first, &(cf_round_options){.kind = CF_ROUND_SYNC}, LOOK_TURNS);
    bool reached = !first->faults.meanwhile;
    first->faults = (disk_faults){.calls = first->faults.calls};
    if (!reached)
        move(first);
    cr_assert(small_world_settle(w));
    cr_expect(has_path(first, "above/b/two"), "call %d", (int)call);
    cr_expect(!has_path(first, "above/a/two"), "call %d", (int)call);
    small_world_destroy(&w);
    return reached;
}

Test(engine_watched, a_file_that_is_moved_while_all_is_looked_at)
{
    uint64_t call = 1;

    while (moves_during_a_look_at_all(call))
        call += one_in_few(2, 3);
    cr_expect_gt(call, 20);
}

/* ---- What an event does not name ---- */

static void expect_line(small_device *first, small_device *second, const char *line)
{
    small_device_passes(first, SOON_MS);
    cr_assert(small_device_sync(second));
    cr_expect(small_device_has_line(second, line), "%s is not seen", line);
}

Test(engine_watched, modes_of_directories_and_files)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_changes_mode(first, "above/b", 0700);
    expect_line(first, second, "above/b/ 700\n");
    user_changes_mode(first, "above", 0750);
    expect_line(first, second, "above/ 750\n");
    user_changes_mode(first, "above/a/one", 0640);
    expect_line(first, second, "above/a/one 640 ");
    user_makes(first, "above/b/new"); /* that no look has found yet */
    user_changes_mode(first, "above/b/new", 0711);
    expect_line(first, second, "above/b/new/ 711\n");
    user_changes_mode(first, "above/b/new", 0701);
    expect_line(first, second, "above/b/new/ 701\n");
    small_world_destroy(&w);
}

Test(engine_watched, a_mode_that_changes_with_the_place)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    cr_assert(user_moves(first, "above/a", "above/b/a"));
    user_changes_mode(first, "above/b/a", 0700);
    user_changes_mode(first, "above/b/a/one", 0600);
    small_device_passes(first, QUIET_MS);
    expect_line(first, second, "above/b/a/ 700\n");
    expect_line(first, second, "above/b/a/one 600 ");
    user_changes_mode(first, "above/b/a", 0755);
    expect_line(first, second, "above/b/a/ 755\n");
    small_world_destroy(&w);
}

Test(engine_watched, a_link_that_points_elsewhere)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    cr_assert(user_points(first, "above/link", "a/one"));
    expect_line(first, second, "above/link 777 -> a/one");
    cr_assert(user_points(first, "above/made", "a/two"));
    cr_assert(user_moves(first, "above/made", "above/link"));
    expect_line(first, second, "above/link 777 -> a/two");
    user_removes(first, "above/link");
    cr_assert(user_points(first, "above/link", "b"));
    expect_line(first, second, "above/link 777 -> b");
    small_world_destroy(&w);
}

Test(engine_watched, a_time_that_is_set)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    char path[256];
    struct stat found;

    user_stamps(first, "above/a/one", 1000000);
    small_device_passes(first, SOON_MS);
    cr_assert(small_device_sync(second));
    snprintf(path, sizeof path, "%s/above/a/one", second->folder);
    cr_assert_eq(stat(path, &found), 0);
    cr_expect_eq(found.st_mtime, 1000000);
    small_world_destroy(&w);
}

/* Its watches go with it, at every depth. */
Test(engine_watched, what_lies_below_a_directory_that_was_renamed)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_makes(first, "above/a/deep");
    user_makes(first, "above/a/deep/deeper");
    small_device_passes(first, QUIET_MS);
    cr_assert(user_moves(first, "above", "aside"));
    user_writes_text(first, "aside/a/deep/deeper/at_once", "before the move is told");
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "aside/a/deep/deeper/at_once"));
    cr_expect(has_path(second, "aside/a/one"));
    cr_expect(!has_path(second, "above/a/one"));
    expect_seen(first, second, "aside/a/deep/deeper/later");
    small_world_destroy(&w);
}

/* ---- A file that is open for writing ---- */

static cf_writer_answer (*ask_writer)(cf_files *files, const cf_file *file);
static size_t asked, open_for;

/* As the kernel, which tells the closing of a file before it counts it as closed. */
static cf_writer_answer closes_late(cf_files *files, const cf_file *file)
{
    return asked++ < open_for ? CF_WRITER_OPEN : ask_writer(files, file);
}

Test(engine_watched, a_file_whose_closing_is_told_before_it_counts)
{
    for (open_for = 1; open_for <= 3; open_for++) {
        small_device *first, *second;
        small_world *w = served_world(&first, &second, true);

        ask_writer = first->env.files->writer;
        first->env.files->writer = closes_late;
        asked = 0;
        user_writes_text(first, "above/a/one", "saved");
        small_device_passes(first,
                            3 * MINUTE_MS); /* by the world's clock the file has rested for long */
        cr_expect_gt(asked, open_for);
        cr_expect(shows(second, "above/a/one", "saved"), "told %zu times too early", open_for);
        small_world_destroy(&w);
    }
}

/* The directory of the name by which it was opened is told of the closing, and no other one. */
Test(engine_watched, a_file_that_was_written_to_by_a_name_elsewhere)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    char inside[PATH_MAX], outside[PATH_MAX];

    snprintf(inside, sizeof inside, "%s/above/a/one", first->folder);
    snprintf(outside, sizeof outside, "%s/outside", w->path);
    cr_assert_eq(link(inside, outside), 0);
    int writer = open(outside, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(writer, "logged", 6), 6);
    user_changes_mode(first, "above/a/one", 0600); /* is seen */
    small_device_passes(first, QUIET_MS);
    cr_expect_not(shows(second, "above/a/one", "logged"));
    close(writer);
    small_device_passes(first, 2 * MINUTE_MS);
    cr_expect(shows(second, "above/a/one", "logged"));
    small_world_destroy(&w);
}

enum { OPEN_FILES = 3 };

static void open_files(const small_device *self, const char *text, int writers[OPEN_FILES])
{
    char path[PATH_MAX];

    for (int i = 0; i < OPEN_FILES; i++) {
        snprintf(path, sizeof path, "%s/above/b/%d", self->folder, i);
        writers[i] = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        cr_assert_eq(write(writers[i], text, strlen(text)), (ssize_t)strlen(text));
    }
}

/* As the image of a machine that does nothing at the moment. */
Test(engine_watched, files_that_stay_open_go_when_they_have_rested_for_a_minute)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    int writers[OPEN_FILES];

    open_files(first, "x", writers);
    small_device_passes(first, MINUTE_MS / 2);
    cr_expect_not(has_path(second, "above/b/2") || shows(second, "above/b/2", "x"));
    small_device_passes(first, MINUTE_MS);
    cr_expect(shows(second, "above/b/2", "x"));
    cr_assert_eq(write(writers[2], "y", 1), 1);
    for (int i = 0; i < OPEN_FILES; i++)
        close(writers[i]);
    small_device_passes(first, QUIET_MS);
    cr_expect(shows(second, "above/b/2", "xy"));
    small_world_destroy(&w);
}

/* Databases are not read while they are open. Each time twice as late, and once a minute in the
 * end, all of them together. */
Test(engine_watched, files_that_stay_open_are_seldom_asked_for)
{
    enum { FILES = OPEN_FILES, MINUTES = 5, ASKS_MAX = FILES * (12 + MINUTES) };
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    int writers[FILES];

    open_files(first, "SQLite format 3", writers);
    for (int i = 0; i < FILES; i++)
        cr_assert_eq(write(writers[i], "", 1), 1);
    ask_writer = first->env.files->writer;
    first->env.files->writer = closes_late;
    asked = open_for = 0;
    small_device_passes(first, MINUTES * MINUTE_MS);
    cr_expect(asked >= FILES * MINUTES, "asked %zu times", asked);
    cr_expect(asked <= ASKS_MAX, "asked %zu times", asked);
    cr_assert(small_device_sync(second));
    cr_expect_not(has_path(second, "above/b/2"));
    for (int i = 0; i < FILES; i++)
        close(writers[i]);
    small_device_passes(first, QUIET_MS);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "above/b/2"));
    small_world_destroy(&w);
}

/* ---- A look that takes its time ---- */

/* Jobs are under way: what is asked for again at once would be asked for without end. */
static void expect_rest(small_device *self)
{
    uint64_t deadline_ms;
    cf_error error;

    for (int i = 0; i < 2; i++)
        expect_ok(cf_engine_step(self->engine, self->in->now_ms, &deadline_ms, &error), error);
    cr_expect_gt(deadline_ms, self->in->now_ms, "it spins");
}

static void hears(small_device *self)
{
    cf_error error;

    expect_ok(cf_watch_readable(cf_engine_watch(self->engine), &error), error);
}

Test(engine_watched, what_happens_while_a_file_is_read_waits_without_haste)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    user_writes_text(first, "above/a/one", "edited");
    hears(first);
    expect_rest(first);
    user_writes_text(first, "above/b/three", "3");
    hears(first);
    expect_rest(first);
    small_device_passes(first, QUIET_MS);
    cr_expect(shows(second, "above/a/one", "edited"));
    cr_expect(shows(second, "above/b/three", "3"));
    small_world_destroy(&w);
}

/* At each moment of what two devices that serve do with an edit, new files and a move. */
Test(engine_watched, nobody_asks_to_go_on_at_once_while_nothing_came)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    small_device_serves(second);
    small_device_passes(second, QUIET_MS);
    user_writes_text(first, "above/a/one", "edited");
    user_makes(first, "above/new");
    user_writes_text(first, "above/new/four", "4");
    cr_assert(user_moves(first, "above/a/two", "above/new/two"));
    for (int turns = 0; turns < COMES_TURNS; turns++)
        for (int i = 0; i < w->count; i++) {
            small_device_passes(&w->devices[i], SMALL_TURN_MS);
            hears(&w->devices[i]);
            expect_rest(&w->devices[i]);
        }
    small_device_passes(first, QUIET_MS);
    cr_expect(shows(second, "above/new/two", "2"));
    cr_expect(shows(second, "above/new/four", "4"));
    small_world_destroy(&w);
}

/* ---- The clock ---- */

enum { SET_BACK_MS = 260000 };

/* `written`: the file is still open when the clock is set, else its look is due. */
static void expect_sent_by_a_clock_set_back(bool written)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/above/a/one", first->folder);
    int writer = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(writer, "saved", 5), 5);
    if (!written)
        close(writer);
    hears(first);
    w->now_ms -= SET_BACK_MS;
    small_device_passes(first, QUIET_MS);
    if (written)
        close(writer);
    small_device_passes(first, QUIET_MS);
    cr_expect(shows(second, "above/a/one", "saved"), "written %d", written);
    small_world_destroy(&w);
}

Test(engine_watched, a_save_that_waits_while_the_clock_is_set_back)
{
    expect_sent_by_a_clock_set_back(false);
    expect_sent_by_a_clock_set_back(true);
}

/* A program that saves takes the file away and puts another one there: what was gone for a moment
 * is not gone, however long nothing happened before. */
Test(engine_watched, a_file_that_vanishes_after_a_long_rest)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);

    small_device_serves(second);
    small_device_passes(second, QUIET_MS);
    w->now_ms += 10 * MINUTE_MS;
    user_removes(first, "above/a/one");
    hears(first);
    small_device_passes(first, 100);
    small_device_passes(second, 100);
    cr_expect(has_path(second, "above/a/one"), "it counts as gone at once");
    small_device_passes(first, QUIET_MS);
    small_device_passes(second, QUIET_MS);
    cr_expect_not(has_path(second, "above/a/one"));
    small_world_destroy(&w);
}

/* The kernel has few of them. */
Test(engine_watched, a_source_that_is_removed_is_not_watched_any_more)
{
    small_device *first, *second;
    small_world *w = served_world(&first, &second, true);
    cf_error error;

    cr_assert_geq(cf_watch_count(cf_engine_watch(first->engine)), 4); /* the root, above, a, b */
    expect_ok(cf_engine_drop_binding(first->engine, cf_engine_binding_at(first->engine, 0), &error),
              error);
    cr_expect_eq(cf_watch_count(cf_engine_watch(first->engine)), 0);
    cr_expect_eq(cf_watch_missing(cf_engine_watch(first->engine)), 0);
    small_world_destroy(&w);
}
