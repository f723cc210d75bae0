/* SPDX-License-Identifier: Apache-2.0 */
/* A user who saves between any two calls that apply makes to the disk, and perhaps the process ends
 * there and then: what he saved last is somewhere in the folder, and on the other device. */
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"
#include "tests/support/short_form.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THEIR_TIME = 1000000 };

/* What comes from the other device. */
typedef enum { EDIT, TOUCH, CHMOD, MOVE, DELETE, REMOTE_ACTS } remote_act;
/* What this user does after his save, before the next call of all. */
typedef enum {
    NOTHING_MORE,
    SAVES_AGAIN,
    TAKES_AWAY,
    CRASHES,
    CRASHES_AND_TAKES_AWAY,
    SEQUELS
} user_sequel;

static const char *const remote_names[] = {"edit", "touch", "chmod", "move", "delete"};
static const char *const sequel_names[] = {"nothing more", "saves again", "takes away", "crashes",
                                           "crashes and takes away"};

typedef struct {
    small_device *user;
    user_sequel sequel;
    uint64_t gap;   /* calls between the save and the sequel */
    char token[64]; /* of what he saved last; empty: nothing yet */
} user_race;

static void act_remotely(small_device *a, remote_act act)
{
    switch (act) {
    case EDIT:
        user_saves(a, "f", cf_bytes_of_text("theirs"), SAVE_BY_RENAME);
        break;
    case TOUCH:
        user_stamps(a, "f", THEIR_TIME);
        break;
    case CHMOD:
        user_changes_mode(a, "f", 0600);
        break;
    case MOVE:
        user_moves(a, "f", "g");
        break;
    default:
        user_removes(a, "f");
        break;
    }
}

static void save_as(user_race *self, const char *text, save_way how)
{
    if (user_saves(self->user, "f", cf_bytes_of_text(text), how))
        cr_assert(small_device_token(self->user, "f", self->token));
}

static void follow(void *context)
{
    user_race *self = context;

    if (self->sequel == SAVES_AGAIN)
        save_as(self, "more", SAVE_BY_RENAME);
    else if (self->sequel == TAKES_AWAY)
        user_moves(self->user, "f", "kept");
    else
        self->user->faults.status = CF_IO; /* nothing reaches the disk from here on */
}

static void save(void *context)
{
    user_race *self = context;
    disk_faults *faults = &self->user->faults;

    save_as(self, "mine", SAVE_IN_PLACE);
    if (self->sequel == NOTHING_MORE)
        return;
    faults->at = faults->calls + self->gap;
    faults->meanwhile = follow;
}

static void sync_in_race(user_race *self, uint64_t at)
{
    small_device *user = self->user;
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    user->faults.reads = true;
    user->faults.at = user->faults.calls + at;
    user->faults.meanwhile = save;
    user->faults.context = self;
    small_device_round(user, &options, 300);
    user->faults = (disk_faults){.calls = user->faults.calls};
    if (self->sequel == CRASHES_AND_TAKES_AWAY)
        user_moves(user, "f", "kept");
    if (self->sequel >= CRASHES || user->trouble)
        small_device_crash(user);
}

/* False: the round was over before call `at`. */
static bool run_race(remote_act act, user_sequel sequel, uint64_t at, uint64_t gap)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0], *user = &w->devices[1];
    user_race race = {user, sequel, gap, ""};

    user_writes_text(a, "f", "base");
    cr_assert(small_world_settle(w));
    act_remotely(a, act);
    cr_assert(small_device_sync(a));
    sync_in_race(&race, at);
    cr_assert(small_world_settle(w), "%s, %s, at %d + %d: no rest", remote_names[act],
              sequel_names[sequel], (int)at, (int)gap);
    for (size_t i = 0; i < 2; i++)
        cr_expect(!race.token[0] || small_device_has_line(&w->devices[i], race.token),
                  "%s, %s, at %d + %d: lost on %zu", remote_names[act], sequel_names[sequel],
                  (int)at, (int)gap, i);
    small_world_destroy(&w);
    return race.token[0];
}

static void run_all(remote_act act)
{
    for (user_sequel sequel = NOTHING_MORE; sequel < SEQUELS; sequel++)
        for (uint64_t gap = 1; gap <= (sequel == NOTHING_MORE ? 1 : 2); gap++)
            for (uint64_t at = 1; run_race(act, sequel, at, gap); at += one_in_few(1, 3))
                ;
}

/* ---- A folder in the place of another ---- */

static void put_another_in_its_place(void *context)
{
    user_moves(context, "d", "kept");
    user_makes(context, "d");
}

/* The folder was deleted elsewhere; this one is empty, too, and not that one. No system call looks
 * and removes in one: who puts it there between the two loses an empty folder. */
Test(engine_races, folder_that_takes_a_deleted_ones_place_stays)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    bool goes_on = true;
    int lost = 0;

    for (uint64_t at = 1; goes_on; at++) {
        small_world *w = small_world_new(1, 2);
        small_device *a = &w->devices[0], *user = &w->devices[1];
        disk_faults *faults = &user->faults;
        cf_buffer tree = {0};

        user_makes(a, "d");
        cr_assert(small_world_settle(w));
        user_removes(a, "d");
        cr_assert(small_device_sync(a));
        faults->reads = true;
        faults->at = faults->calls + at;
        faults->meanwhile = put_another_in_its_place;
        faults->context = user;
        small_device_round(user, &options, 300);
        goes_on = !faults->meanwhile;
        *faults = (disk_faults){.calls = faults->calls};
        cr_assert(small_world_settle(w));
        small_device_tree(a, &tree);
        lost += goes_on && !memmem(tree.data, tree.size, "d/ ", 3);
        cf_buffer_release(&tree);
        small_world_destroy(&w);
    }
    cr_expect_leq(lost, 1);
}

/* ---- A file that a program has open ---- */

/* What it will write goes into that very file, wherever it is by then. */
Test(engine_races, file_that_is_being_written_is_not_taken_from_who_writes)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0], *user = &w->devices[1];
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    char path[256], token[64];

    user_writes_text(a, "f", "base");
    user_writes_text(a, "sample", "mine");
    cr_assert(small_world_settle(w));
    cr_assert(small_device_token(a, "sample", token));
    user_removes(a, "sample");
    user_saves(a, "f", cf_bytes_of_text("theirs"), SAVE_BY_RENAME);
    cr_assert(small_device_sync(a));
    snprintf(path, sizeof path, "%s/f", user->folder);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(file, 0);
    small_device_round(user, &options, 100);
    cr_assert_eq(write(file, "mine", 4), 4);
    close(file);
    cr_assert(small_world_settle(w));
    cr_expect(small_device_has_line(a, token), "what was written is lost");
    cr_expect(small_device_has_line(user, token), "what was written is lost");
    small_world_destroy(&w);
}

/* ---- A file that is away for a moment ---- */

static void bring_back(void *context)
{
    user_moves(context, "../aside", "f");
}

/* As programs and people move things out and in again: whenever it returns before a second look has
 * ended, nobody hears that it was away. */
Test(engine_races, file_that_is_missing_for_a_moment_is_never_deleted)
{
    small_world *w = small_world_new(1, 2);
    small_device *user = &w->devices[1];
    disk_faults *faults = &user->faults;

    user_writes_text(user, "f", "here");
    user_writes_text(user, "g", "beside it");
    cr_assert(small_world_settle(w));
    uint64_t entries = small_world_entries(w), first = faults->calls;
    faults->reads = true;
    cr_assert(small_device_sync(user));
    uint64_t look = faults->calls - first;
    for (uint64_t at = 1; at <= look; at++) {
        cr_assert(user_moves(user, "f", "../aside"));
        faults->at = faults->calls + at;
        faults->meanwhile = bring_back;
        faults->context = user;
        cr_assert(small_device_sync(user));
        user_moves(user, "../aside", "f");
        *faults = (disk_faults){.calls = faults->calls, .reads = true};
        cr_assert(small_world_settle(w));
        cr_assert_eq(small_world_entries(w), entries, "something was published at %d of %d",
                     (int)at, (int)look);
    }
    small_world_destroy(&w);
}

/* ---- A file that goes elsewhere ---- */

static void move_aside(void *context)
{
    user_moves(context, "f", "d/f");
}

/* The look that the edit asks for, which finds f no more, is one at its place. */
Test(engine_races, file_that_is_moved_while_an_edit_comes_has_that)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};
    bool goes_on = true;

    for (uint64_t at = 1; goes_on; at++) {
        small_world *w = small_world_new(1, 2);
        small_device *a = &w->devices[0], *user = &w->devices[1];
        disk_faults *faults = &user->faults;

        user_makes(a, "d");
        user_writes_text(a, "f", "base");
        cr_assert(small_world_settle(w));
        act_remotely(a, EDIT);
        cr_assert(small_device_sync(a));
        faults->reads = true;
        faults->at = faults->calls + at;
        faults->meanwhile = move_aside;
        faults->context = user;
        small_device_round(user, &options, 300);
        goes_on = !faults->meanwhile;
        *faults = (disk_faults){.calls = faults->calls};
        cr_assert(small_world_settle(w));
        for (size_t i = 0; i < 2 && goes_on; i++)
            cr_expect(user_reads_as(&w->devices[i], "d/f", "theirs"), "at %d: lost on %zu", (int)at,
                      i);
        small_world_destroy(&w);
    }
}

/* ---- A time for what was saved meanwhile ---- */

/* Whether what the user saved before call `at` has their time; `*over`: there was no such call. */
static bool gets_their_time(uint64_t at, bool *over)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0], *user = &w->devices[1];
    user_race race = {user, NOTHING_MORE, 0, ""};
    cf_buffer path = {0};
    struct stat now;

    user_writes_text(a, "f", "base");
    cr_assert(small_world_settle(w));
    act_remotely(a, TOUCH);
    cr_assert(small_device_sync(a));
    sync_in_race(&race, at);
    cf_buffer_append_text(&path, "%s/f", user->folder);
    cr_assert_eq(stat((const char *)path.data, &now), 0);
    cf_buffer_release(&path);
    *over = !race.token[0];
    small_world_destroy(&w);
    return !*over && now.st_mtime == THEIR_TIME;
}

/* It was theirs for the file that was there before. No system call looks at a file and sets its
 * time in one. */
Test(engine_races, what_was_saved_meanwhile_keeps_its_time)
{
    bool over = false;
    int moments = 0;

    for (uint64_t at = 1; !over; at++)
        moments += gets_their_time(at, &over);
    cr_assert_eq(moments, 1, "it doesn't at %d moments", moments);
}

Test(engine_races, edit_against_saves)
{
    run_all(EDIT);
}

Test(engine_races, touch_against_saves)
{
    run_all(TOUCH);
}

Test(engine_races, chmod_against_saves)
{
    run_all(CHMOD);
}

Test(engine_races, move_against_saves)
{
    run_all(MOVE);
}

Test(engine_races, delete_against_saves)
{
    run_all(DELETE);
}
