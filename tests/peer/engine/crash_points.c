/* SPDX-License-Identifier: Apache-2.0 */
/* A device's disk fails, or its process ends, at every single call of a small piece of work: what
 * is there at the end is whole, the same everywhere, and nothing that we did ourselves was
 * published. */
#include "tests/peer/small/crash_work.h"

#include "tests/support/expect.h"
#include "tests/support/flagless.h"
#include "tests/support/short_form.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static unsigned each_change(void)
{
    return one_in_few(1, 4);
}

static unsigned each_read(void)
{
    return one_in_few(11, 43);
}

/* ---- The same in folders in which their owner may not write ---- */

static const char *const shut[] = {"ro/in", "ro", "two", "away", "opens"};

static void set_modes(small_device *self, unsigned mode)
{
    for (size_t i = 0; i < sizeof shut / sizeof shut[0]; i++)
        user_changes_mode(self, shut[i], mode);
}

static void prepare_shut(small_world *in)
{
    small_device *a = &in->devices[0];

    for (size_t i = sizeof shut / sizeof shut[0]; i-- > 0;)
        user_makes(a, shut[i]);
    user_writes_text(a, "ro/one", "1");
    user_writes_text(a, "ro/two", "2");
    user_writes_text(a, "ro/three", "3");
    user_writes_text(a, "ro/in/five", "5");
    user_writes_text(a, "away/six", "6");
    user_writes_text(a, "opens/seven", "7");
    set_modes(a, 0555);
    settles_equal_by(small_world_equal, in, "before", 0);
}

static void work_shut(small_device *self)
{
    set_modes(self, 0755);
    user_writes_text(self, "ro/one", "one");
    user_moves(self, "ro/two", "two/zwei");
    user_removes(self, "ro/three");
    user_moves(self, "ro/in", "two/in");
    user_removes(self, "away");
    user_writes_text(self, "opens/eight", "8");
    user_makes(self, "ro/new");
    write_large(self, "ro/new/large", 4);
    user_changes_mode(self, "ro/new", 0555);
    user_changes_mode(self, "two/in", 0500);
    user_changes_mode(self, "ro", 0555);
    user_changes_mode(self, "two", 0500);
}

/* So that they can be compared, and go. */
static void open_all(small_world *in)
{
    static const char *const now[] = {"two/in", "ro/new"};

    for (int i = 0; i < in->count; i++) {
        set_modes(&in->devices[i], 0755);
        for (size_t j = 0; j < sizeof now / sizeof now[0]; j++)
            user_changes_mode(&in->devices[i], now[j], 0755);
    }
}

typedef enum { ALL, LINKS, PLAIN } disk_kind; /* what names can be given by: PLAIN, a bare rename */

typedef struct {
    disk_kind disk;
    bool publishes; /* else it receives */
    bool shut;
    bool renumbers; /* it is mounted anew after the fault */
    disk_faults faults;
} trial;

/* Whoever asks how it stands has nothing done, and ends no run in which folders are given back. */
static void expect_given_back(small_device *self, unsigned long at)
{
    small_device_round(self, &(cf_round_options){.kind = CF_ROUND_TELL}, SMALL_TURNS_MAX);
    cr_assert_eq(cf_engine_binding_at(self->engine, 0)->lifted.count, 0, "%lu: one is open", at);
}

/* Whether all of the work was done before the fault came. */
static bool is_tried(const trial *how)
{
    small_world *w = small_world_new(5, 2);
    lesser_disk disk;
    small_device *a = &w->devices[0], *b = &w->devices[1], *who = how->publishes ? a : b;
    unsigned long at = how->faults.at;
    cf_buffer expected = {0}, tree = {0};

    if (how->disk != ALL)
        make_flagless(&w->files, how->disk == LINKS);
    if (how->renumbers) {
        lesser_disk_begin(&disk, w);
        disk.renumbers = true;
        small_device_crash(a);
        small_device_crash(b);
    }
    (how->shut ? prepare_shut : crash_work_prepare)(w);
    if (how->renumbers)
        crash_work_rest(&disk, w);
    (how->shut ? work_shut : crash_work)(a);
    small_device_tree(a, &expected);
    if (!how->publishes)
        cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w), first = who->faults.calls;
    who->faults = how->faults;
    who->faults.calls = first;
    who->faults.at += first;
    small_device_sync(who);
    bool over = who->faults.calls < first + at;
    small_device_crash(who);
    if (how->shut && !how->faults.once)
        expect_given_back(who, at);
    if (how->renumbers) {
        lesser_disk_remount(&disk, 5);
        small_device_crash(who == a ? b : a);
    }
    settles_equal_by(small_world_equal, w, how->publishes ? "publishing" : "receiving", at);
    small_device_tree(a, &tree);
    cr_assert(cf_bytes_equal(cf_buffer_view(&tree), cf_buffer_view(&expected)),
              "%lu: not as the user left it:\n%.*s", at, (int)tree.size, (const char *)tree.data);
    cf_buffer_release(&tree);
    cf_buffer_release(&expected);
    if (!how->publishes)
        cr_assert_eq(small_world_entries(w), entries, "receiving %lu: something was published", at);
    entries = small_world_entries(w);
    settles_equal_by(small_world_equal, w, "again", at);
    cr_assert_eq(small_world_entries(w), entries, "%lu: it is not quiet", at);
    if (how->shut)
        open_all(w);
    small_world_destroy(&w);
    return over;
}

static void try_every(trial how, unsigned step)
{
    for (how.faults.at = 1; !is_tried(&how); how.faults.at += step)
        ;
    cr_assert_gt(how.faults.at, 10, "hardly anything was tried");
}

/* What the disk may have lost of a folder's names must not be in the base, or its absence would be
 * a deletion: the device stops, and looks again when it begins again. */
Test(crash_points, place_that_can_not_be_made_durable_is_not_believed)
{
    small_world *w = small_world_new(5, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_round_options options = {.kind = CF_ROUND_SYNC, .word = cf_delete_word_all()};

    crash_work_prepare(w);
    crash_work(a);
    cr_assert(small_device_sync(a));
    b->faults = (disk_faults){
        .calls = b->faults.calls, .at = b->faults.calls + 1, .names = true, .status = CF_IO};
    cr_expect_not(small_device_round(b, &options, SMALL_TURNS_MAX));
    cr_expect_eq(b->trouble, CF_IO);
    small_device_crash(b);
    settles_equal_by(small_world_equal, w, "folders that can't be synced", 0);
    small_world_destroy(&w);
}

Test(crash_points, crash_at_every_change_while_receiving)
{
    try_every((trial){.faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, crash_at_every_change_where_rename_takes_no_flags)
{
    try_every((trial){.disk = LINKS, .faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, crash_at_every_change_where_there_are_no_links_either)
{
    try_every((trial){.disk = PLAIN, .faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, crash_at_every_change_and_mounted_anew)
{
    try_every((trial){.renumbers = true, .faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, crash_at_every_change_without_links_and_mounted_anew)
{
    try_every((trial){.disk = PLAIN, .renumbers = true, .faults = {.status = CF_IO}},
              each_change());
}

Test(crash_points, each_call_fails_once_where_rename_takes_no_flags)
{
    try_every((trial){.disk = LINKS, .faults = {.status = CF_IO, .once = true, .reads = true}},
              each_read());
}

Test(crash_points, each_call_fails_once_where_there_are_no_links_either)
{
    try_every((trial){.disk = PLAIN, .faults = {.status = CF_IO, .once = true, .reads = true}},
              each_read());
}

Test(crash_points, crash_at_every_change_while_publishing)
{
    try_every((trial){.publishes = true, .faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, each_call_fails_once_while_receiving)
{
    try_every((trial){.faults = {.status = CF_IO, .once = true, .reads = true}}, each_read());
}

/* Root may write everywhere. */
static void try_every_as_nobody(trial how, unsigned step)
{
    enum { NOBODY = 65534 };
    const uid_t before = geteuid();

    if (before == 0)
        cr_assert_eq(seteuid(NOBODY), 0);
    try_every(how, step);
    cr_assert_eq(seteuid(before), 0);
}

Test(crash_points, crash_at_every_change_in_folders_that_are_shut)
{
    try_every_as_nobody((trial){.shut = true, .faults = {.status = CF_IO}}, each_change());
}

Test(crash_points, each_call_fails_once_in_folders_that_are_shut)
{
    try_every_as_nobody(
        (trial){.shut = true, .faults = {.status = CF_IO, .once = true, .reads = true}},
        each_change());
}

Test(crash_points, crash_at_every_change_in_folders_that_are_shut_and_mounted_anew)
{
    try_every_as_nobody((trial){.shut = true, .renumbers = true, .faults = {.status = CF_IO}},
                        each_change());
}

Test(crash_points, each_call_fails_once_while_publishing)
{
    try_every((trial){.publishes = true, .faults = {.status = CF_IO, .once = true, .reads = true}},
              each_read());
}

Test(crash_points, the_disk_is_full_from_some_change_on)
{
    try_every((trial){.faults = {.status = CF_FULL}}, one_in_few(3, 9));
}

/* ---- A place that is empty while two files change places ---- */

/* From some call on nothing can be put into a place: what went aside can't return either. The
 * program goes on, and so does the disk later. */
static void is_torn_from(unsigned long at, uint64_t *torn)
{
    small_world *w = small_world_new(5, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];
    cf_buffer expected = {0}, tree = {0};

    make_flagless(&w->files, true);
    crash_work_prepare(w);
    crash_work(a);
    small_device_tree(a, &expected);
    cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w), first = b->faults.calls;
    b->faults = (disk_faults){.calls = first, .at = first + at, .moves = true, .status = CF_IO};
    for (int i = 0; i < 3; i++)
        small_device_sync(b);
    small_device_tree(b, &tree);
    *torn += !strstr((const char *)tree.data, "one");
    b->faults.at = 0;
    settles_equal_by(small_world_equal, w, "torn", at);
    cf_buffer_clear(&tree);
    small_device_tree(a, &tree);
    cr_assert(cf_bytes_equal(cf_buffer_view(&tree), cf_buffer_view(&expected)),
              "%lu: not as the user left it:\n%.*s", at, (int)tree.size, (const char *)tree.data);
    cr_assert_eq(small_world_entries(w), entries, "%lu: something was published", at);
    cf_buffer_release(&tree);
    cf_buffer_release(&expected);
    small_world_destroy(&w);
}

Test(crash_points, a_place_that_is_empty_half_way_is_no_deletion)
{
    uint64_t torn = 0;

    for (unsigned long at = 1; at < 80; at += 3)
        is_torn_from(at, &torn);
    cr_assert_gt(torn, 0, "no place was empty");
}

/* ---- A mode that was set without its time ---- */

static bool fails_while_setting(unsigned long at)
{
    small_world *w = small_world_new(8, 2);
    small_device *a = &w->devices[0], *b = &w->devices[1];

    user_writes_text(a, "f", "text");
    settles_equal_by(small_world_equal, w, "before", 0);
    user_changes_mode(a, "f", 0600);
    user_stamps(a, "f", 1000000000);
    cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w), first = b->faults.calls;
    b->faults = (disk_faults){
        .calls = first, .at = first + at, .reads = true, .once = true, .status = CF_IO};
    small_device_sync(b);
    bool over = b->faults.calls < first + at;
    settles_equal_by(small_world_equal, w, "setting", at);
    cr_assert_eq(small_world_entries(w), entries, "setting %lu: something was published", at);
    small_world_destroy(&w);
    return over;
}

Test(crash_points, what_was_half_set_is_nobodys_edit)
{
    unsigned long at = 1;

    while (!fails_while_setting(at))
        at++;
    cr_assert_gt(at, 10, "hardly anything was tried");
}

/* ---- Errors are told, and pass ---- */

static bool tells_why(small_device *self)
{
    cf_arena arena = {0};
    cf_binding_status status;

    cf_engine_status(self->engine, cf_engine_binding_at(self->engine, 0), &arena, &status);
    bool told = status.trouble && status.trouble_text[0];
    for (size_t i = 0; i < status.pending_count; i++)
        told |= status.pending[i].reason && status.pending[i].reason[0];
    cf_arena_release(&arena);
    return told;
}

static unsigned steps_left(const small_device *self)
{
    char path[256];
    unsigned count = 0;

    snprintf(path, sizeof path, "%s/.counterfoil/tmp", self->folder);
    DIR *folder = opendir(path);
    cr_assert_not_null(folder, "%s", path);
    for (struct dirent *entry; (entry = readdir(folder));)
        count += strncmp(entry->d_name, "step-", 5) == 0;
    closedir(folder);
    return count;
}

Test(crash_points, what_fails_is_named_and_done_at_the_next_sync)
{
    for (unsigned at = 1; at < 60; at += one_in_few(2, 7)) {
        small_world *w = small_world_new(6, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];
        cf_buffer ignored = {0};

        crash_work_prepare(w);
        crash_work(a);
        cr_assert(small_device_sync(a));
        b->faults = (disk_faults){.calls = b->faults.calls, .status = CF_FULL, .once = true};
        b->faults.at = b->faults.calls + at;
        if (small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, SMALL_TURNS_MAX) &&
            !small_world_equal(w, &ignored))
            cr_assert(tells_why(b), "call %u failed, and nobody knows", at);
        if (b->trouble)
            small_device_crash(b);
        settles_equal_by(small_world_equal, w, "call", at);
        cf_buffer_release(&ignored);
        small_world_destroy(&w);
    }
}

Test(crash_points, what_found_no_room_is_not_left_in_part)
{
    unsigned full = 0;

    for (unsigned at = 1; at < 12; at++) {
        small_world *w = small_world_new(6, 2);
        small_device *a = &w->devices[0], *b = &w->devices[1];

        crash_work_prepare(w);
        crash_work(a);
        cr_assert(small_device_sync(a));
        b->faults = (disk_faults){.calls = b->faults.calls, .status = CF_FULL, .bytes = true};
        b->faults.at = b->faults.calls + at;
        small_device_round(b, &(cf_round_options){.kind = CF_ROUND_SYNC}, SMALL_TURNS_MAX);
        full += tells_why(b);
        cr_expect_eq(steps_left(b), 0, "full from call %u on: something is left", at);
        b->faults.status = CF_OK;
        settles_equal_by(small_world_equal, w, "full from call", at);
        small_world_destroy(&w);
    }
    cr_assert_gt(full, 5, "there was room all the time");
}

/* ---- In the middle of a session ---- */

static void crash_after(unsigned turns, bool broker, int who)
{
    small_world *w = small_world_new(7, 2);
    small_device *a = &w->devices[0];

    crash_work_prepare(w);
    crash_work(a);
    if (who == 1)
        cr_assert(small_device_sync(a));
    uint64_t entries = small_world_entries(w);
    small_device_round(&w->devices[who], &(cf_round_options){.kind = CF_ROUND_SYNC}, turns);
    if (broker)
        small_broker_crash(w);
    else
        small_device_crash(&w->devices[who]);
    settles_equal_by(small_world_equal, w, "turn", turns);
    if (who == 1)
        cr_assert_eq(small_world_entries(w), entries, "turn %u: something was published", turns);
    small_world_destroy(&w);
}

Test(crash_points, device_or_broker_ends_after_any_turn)
{
    for (unsigned turns = 1; turns < 24; turns += one_in_few(2, 7))
        for (int which = 0; which < 4; which++)
            crash_after(turns, which & 1, which >> 1);
}
