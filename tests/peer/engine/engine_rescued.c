/* SPDX-License-Identifier: Apache-2.0 */
/* A user saves in the last moment, and the disk does not let his save return to its place: it is
 * kept, named, tried again, and comes to the other device. */
#include "tests/peer/small/crash_work.h"
#include "tests/peer/small/small_folder.h"

#include "tests/support/expect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { EDIT, EDIT_LARGE, DELETE, REMOTE_ACTS } remote_act;

static const char *const remote_names[] = {"edit", "large edit", "delete"};

typedef struct {
    const char *path; /* NULL: f */
    small_device *user;
    uint64_t gap; /* calls between the save and the failing of the disk */
    bool dies;    /* the process ends there, and the next one finds the bad disk */
    bool saved;
} owing;

static void act_remotely(small_device *a, const char *path, remote_act act)
{
    if (act == EDIT)
        user_saves(a, path, cf_bytes_of_text("theirs"), SAVE_BY_RENAME);
    else if (act == EDIT_LARGE)
        write_large(a, path, 2);
    else
        user_removes(a, path);
}

static void break_disk(small_device *self)
{
    self->faults.at = 1;
    self->faults.moves = true;
    self->faults.status = CF_FULL;
}

static void follow(void *context)
{
    owing *self = context;

    if (self->dies)
        self->user->faults.status = CF_IO; /* nothing reaches the disk from here on */
    else
        break_disk(self->user);
}

static void save(void *context)
{
    owing *self = context;
    disk_faults *faults = &self->user->faults;

    self->saved = user_saves(self->user, self->path, cf_bytes_of_text("mine"), SAVE_IN_PLACE);
    faults->at = faults->calls + self->gap;
    faults->meanwhile = follow;
}

static void heal(small_device *self)
{
    self->faults = (disk_faults){.calls = self->faults.calls};
}

/* His bytes are where only the status can tell of them. */
static bool is_kept_aside(const small_device *self)
{
    char command[256];

    snprintf(command, sizeof command, "grep -qrx mine %s/.counterfoil/tmp", self->folder);
    return system(command) == 0;
}

static bool is_told(small_device *self, const char *path, const char *reason)
{
    cf_arena arena = {0};
    cf_binding_status status;
    bool told = false;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    for (size_t i = 0; i < status.pending_count; i++)
        told |= status.pending[i].kind == CF_PENDING_SKIPPED &&
                cf_bytes_equal(status.pending[i].path, cf_bytes_of_text(path)) &&
                strstr(status.pending[i].reason, reason);
    cf_arena_release(&arena);
    return told;
}

static bool names_it(small_device *self)
{
    return is_told(self, "f", ".counterfoil/tmp/");
}

/* What a process that begins tells is why it could not return then, not before. */
static bool says_why(small_device *self)
{
    return is_told(self, "f", "it fails");
}

static void round_of(small_device *self)
{
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    small_device_round(self, &options, 300);
}

/* Owed after a round, and after each of some new processes on the same bad disk. */
static void expect_kept(small_device *user, remote_act act, uint64_t at)
{
    for (int process = 0; process < 3; process++) {
        cr_assert(is_kept_aside(user), "%s at %d: not kept in process %d", remote_names[act],
                  (int)at, process);
        cr_expect(names_it(user), "%s at %d: not named in process %d", remote_names[act], (int)at,
                  process);
        cr_expect(says_why(user), "%s at %d: not told why in process %d", remote_names[act],
                  (int)at, process);
        small_device_crash(user);
        break_disk(user);
        round_of(user);
    }
}

/* `act` comes, and a save before call `at`. */
static small_world *a_world_with_a_save(remote_act act, owing *self, uint64_t at)
{
    small_world *w = small_world_new(1, 2);
    small_device *a = &w->devices[0], *user = &w->devices[1];

    if (!self->path)
        self->path = "f";
    if (strchr(self->path, '/'))
        user_makes(a, "d");
    user_writes_text(a, self->path, "base");
    cr_assert(small_world_settle(w));
    act_remotely(a, self->path, act);
    cr_assert(small_device_sync(a));
    self->user = user;
    user->faults.reads = true;
    user->faults.at = user->faults.calls + at;
    user->faults.meanwhile = save;
    user->faults.context = self;
    round_of(user);
    user->faults.meanwhile = NULL;
    return w;
}

/* False: the round was over before call `at`. */
static bool run_owing(remote_act act, bool dies, uint64_t at, uint64_t gap, size_t *owed)
{
    owing self = {.gap = gap, .dies = dies};
    small_world *w = a_world_with_a_save(act, &self, at);
    small_device *user = self.user;

    if (dies) {
        small_device_crash(user);
        break_disk(user);
        round_of(user);
    }
    if (self.saved && is_kept_aside(user)) {
        (*owed)++;
        expect_kept(user, act, at);
    }
    heal(user);
    cr_assert(small_world_settle(w), "%s, at %d + %d: no rest", remote_names[act], (int)at,
              (int)gap);
    for (size_t i = 0; i < 2; i++)
        cr_expect(!self.saved || small_device_has_line(&w->devices[i], "mine"),
                  "%s, at %d + %d: lost on %zu", remote_names[act], (int)at, (int)gap, i);
    cr_expect(!is_kept_aside(user));
    cr_expect(!names_it(user));
    small_world_destroy(&w);
    return self.saved;
}

static void run_all(remote_act act)
{
    for (int dies = 0; dies < 2; dies++) {
        size_t owed = 0;

        for (uint64_t gap = 1; gap <= (dies ? 1 : 2); gap++)
            for (uint64_t at = 1; run_owing(act, dies, at, gap, &owed); at++)
                ;
        cr_expect_gt(owed, 0, "%s: nothing had to be kept", remote_names[act]);
    }
}

Test(engine_rescued, what_an_edit_displaced)
{
    run_all(EDIT);
}

Test(engine_rescued, what_a_large_edit_displaced)
{
    run_all(EDIT_LARGE);
}

Test(engine_rescued, what_a_delete_displaced)
{
    run_all(DELETE);
}

/* ---- While it is kept ---- */

/* With the first save that has to be kept. */
static small_world *a_world_that_owes(owing *self)
{
    for (uint64_t at = 1;; at++) {
        self->saved = false;
        small_world *w = a_world_with_a_save(EDIT, self, at);

        if (is_kept_aside(self->user))
            return w;
        cr_assert(self->saved, "nothing had to be kept");
        small_world_destroy(&w);
    }
}

/* Another process counts from the beginning. */
Test(engine_rescued, nothing_new_takes_the_name_of_what_is_kept)
{
    enum { NEW = 6 };
    static const char *const new_names[NEW] = {"g", "h", "i", "j", "k", "l"};
    owing self = {.gap = 1};
    small_world *w = a_world_that_owes(&self);

    for (int i = 0; i < NEW; i++)
        user_writes_text(&w->devices[0], new_names[i], "new");
    cr_assert(small_device_sync(&w->devices[0]));
    small_device_crash(self.user);
    break_disk(self.user);
    round_of(self.user);
    for (int i = 0; i < NEW; i++)
        cr_expect(is_told(self.user, new_names[i], "fails"), "%s can't even be written",
                  new_names[i]);
    small_world_destroy(&w);
}

static void expect_mine_everywhere(small_world *w)
{
    cr_assert(small_world_settle(w));
    for (int i = 0; i < w->count; i++)
        cr_expect(small_device_has_line(&w->devices[i], "mine"), "lost on %d", i);
}

Test(engine_rescued, what_the_user_took_himself_is_owed_no_more)
{
    owing self = {.gap = 1};
    small_world *w = a_world_that_owes(&self);
    char command[512];

    snprintf(command, sizeof command, "cd %s && mv \"$(grep -lrx mine .counterfoil/tmp)\" taken",
             self.user->folder);
    cr_assert_eq(system(command), 0);
    heal(self.user);
    expect_mine_everywhere(w);
    cr_expect(user_reads_as(self.user, "taken", "mine"));
    cr_expect(!names_it(self.user));
    small_world_destroy(&w);
}

Test(engine_rescued, what_was_in_a_directory_that_is_gone_comes_to_the_root)
{
    owing self = {.path = "d/f", .gap = 1};
    small_world *w = a_world_that_owes(&self);

    user_removes(self.user, "d");
    heal(self.user);
    expect_mine_everywhere(w);
    cr_expect(user_reads_as(self.user, "f", "mine"));
    cr_expect(!is_kept_aside(self.user));
    small_world_destroy(&w);
}

static cf_status (*open_well)(cf_files *files, const cf_folder *parent, cf_bytes name,
                              cf_folder **out, cf_error *error);
static bool opens_badly;

static cf_status open_badly(cf_files *files, const cf_folder *parent, cf_bytes name,
                            cf_folder **out, cf_error *error)
{
    return opens_badly && cf_bytes_equal(name, cf_bytes_of_text("d"))
               ? cf_fail(error, CF_IO, "the disk fails")
               : open_well(files, parent, name, out, error);
}

/* The directory is there, though it can't be opened for a while. */
Test(engine_rescued, what_was_in_a_directory_that_cant_be_opened_waits_for_it)
{
    owing self = {.path = "d/f", .gap = 1};
    small_world *w = a_world_that_owes(&self);

    heal(self.user);
    open_well = self.user->env.files->open_folder;
    self.user->env.files->open_folder = open_badly;
    opens_badly = true;
    round_of(self.user);
    cr_expect(is_kept_aside(self.user));
    opens_badly = false;
    expect_mine_everywhere(w);
    cr_expect(!is_kept_aside(self.user));
    cr_expect(!is_there(self.user, "f"), "it came to the root");
    small_world_destroy(&w);
}
