/* SPDX-License-Identifier: Apache-2.0 */
/* What a user saved in the last moment is at its place again, durably. Two files change places,
 * also where the file system can't do that in one step; whatever a crash in between leaves is
 * undone or finished, and what a user saved meanwhile stays. */
#include "peer/bindings/displaced.h"

#include "peer/merge/node_stat.h"
#include "tests/support/expect.h"
#include "tests/support/flagless.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>

static scratch *here;
static cf_files flagless;
static cf_folder *folder, *temporary;
static cf_displaced both;
static cf_node_stat ours;
static cf_error error;
static bool swapped;

static cf_folder *a_folder(const char *name)
{
    cf_folder *made = NULL;

    scratch_mkdir(here, name);
    expect_ok(
        here->files->open_folder(here->files, here->folder, cf_bytes_of_text(name), &made, &error),
        error);
    return made;
}

static void arrive(void)
{
    here = scratch_new();
    folder = a_folder("folder");
    temporary = a_folder("tmp");
    flagless = *here->files;
    make_flagless(&flagless, true);
    both = (cf_displaced){&flagless, temporary, cf_bytes_of_text("new"), folder,
                          cf_bytes_of_text("file")};
}

static void leave(void)
{
    here->files->close_folder(here->files, &folder);
    here->files->close_folder(here->files, &temporary);
    scratch_destroy(&here);
}

TestSuite(displaced, .init = arrive, .fini = leave);

static void write(const char *path, const char *text)
{
    scratch_write(here, path, text);
}

static void is_ours(const cf_folder *in, const char *name)
{
    cf_stat stat;

    expect_ok(here->files->stat(here->files, in, cf_bytes_of_text(name), &stat, &error), error);
    ours = cf_node_stat_of(&stat);
}

static void link_to(const cf_folder *from, const char *old, const cf_folder *to, const char *name)
{
    expect_ok(here->files->link(here->files, from, cf_bytes_of_text(old), to,
                                cf_bytes_of_text(name), &error),
              error);
}

/* NULL: nothing is there. */
static void holds(const char *path, const char *text)
{
    if (text)
        cr_expect(scratch_holds(here, path, text), "%s is not %s", path, text);
    else
        cr_expect_not(scratch_exists(here, path), "%s is there", path);
}

static void all_hold(const char *place, const char *aside)
{
    holds("folder/file", place);
    holds("tmp/new", aside);
    cr_expect_not(cf_displaced_is_torn(&both));
}

static void begin(bool links)
{
    write("tmp/new", "new");
    write("folder/file", "old");
    is_ours(temporary, "new");
    flagless = *here->files;
    make_flagless(&flagless, links);
}

/* ---- Durably ---- */

static void expect_folder_synced(void)
{
    char path[80];

    snprintf(path, sizeof path, "%s/folder", here->path);
    cr_expect(syncs_had(path));
}

Test(displaced, returns_to_its_place_durably)
{
    both.files = here->files;
    write("tmp/new", "saved");
    expect_ok(cf_displaced_return(&both, &error), error);
    holds("folder/file", "saved");
    expect_folder_synced();
}

Test(displaced, changes_places_with_ours_durably)
{
    both.files = here->files;
    write("tmp/new", "saved");
    write("folder/file", "ours");
    is_ours(folder, "file");
    expect_ok(cf_displaced_exchange(&both, &ours, &error), error);
    all_hold("saved", "ours");
    expect_folder_synced();
}

/* ---- Two change places ---- */

Test(displaced, two_change_places_on_any_file_system)
{
    both.files = here->files;
    begin(true);
    expect_ok(cf_displaced_swap(&both, &ours, &error), error);
    all_hold("new", "old");
    both.files = &flagless;
    for (int links = 0; links < 2; links++) {
        begin(links);
        expect_ok(cf_displaced_swap(&both, &ours, &error), error);
        all_hold("new", "old");
    }
}

Test(displaced, what_is_not_there_is_missing_and_nothing_happens)
{
    write("tmp/new", "new");
    expect_fails(cf_displaced_swap(&both, NULL, &error), CF_MISSING);
    all_hold(NULL, "new");
}

/* ---- What a crash leaves ---- */

static void finishes(const char *place, const char *aside, bool is_done)
{
    expect_ok(cf_displaced_finish(&both, &ours, &swapped, &error), error);
    cr_expect_eq(swapped, is_done);
    all_hold(place, aside);
    expect_ok(cf_displaced_finish(&both, &ours, &swapped, &error), error);
    cr_expect_not(swapped, "it is finished again");
    all_hold(place, aside);
}

Test(displaced, returns_what_went_aside_while_its_place_is_empty)
{
    write("tmp/new", "new");
    write("tmp/new.old", "old");
    is_ours(temporary, "new");
    finishes("old", "new", false);
}

Test(displaced, leaves_no_place_empty_when_the_new_one_is_gone)
{
    write("tmp/new.old", "old");
    finishes("old", NULL, false);
}

Test(displaced, knows_what_was_half_returned)
{
    write("tmp/new", "new");
    write("folder/file", "old");
    link_to(folder, "file", temporary, "new.old");
    is_ours(temporary, "new");
    finishes("old", "new", false);
}

Test(displaced, ends_once_the_new_one_is_in_place)
{
    write("folder/file", "new");
    write("tmp/new.old", "old");
    is_ours(folder, "file");
    finishes("new", "old", true);
}

Test(displaced, ends_while_the_new_one_has_both_names)
{
    write("folder/file", "new");
    link_to(folder, "file", temporary, "new");
    write("tmp/new.old", "old");
    is_ours(folder, "file");
    finishes("new", "old", true);
}

Test(displaced, lets_what_a_user_made_there_stay)
{
    write("tmp/new", "new");
    write("tmp/new.old", "old");
    write("folder/file", "saved");
    is_ours(temporary, "new");
    finishes("saved", "old", true);
}

/* What a user saved was to return, and he has saved again. */
Test(displaced, lets_both_stay_that_a_user_saved)
{
    write("tmp/new", "saved");
    write("tmp/new.old", "ours");
    write("folder/file", "again");
    is_ours(temporary, "new.old");
    finishes("again", "saved", false);
}

Test(displaced, touches_nothing_where_it_knows_neither)
{
    write("tmp/new", "one");
    write("tmp/new.old", "two");
    write("folder/file", "three");
    expect_fails(cf_displaced_finish(&both, NULL, &swapped, &error), CF_CHANGED);
    cr_expect(cf_displaced_is_torn(&both));
    holds("folder/file", "three");
    holds("tmp/new", "one");
    holds("tmp/new.old", "two");
}

/* ---- A disk that fails in between ---- */

static cf_status fails(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                       const cf_folder *to_folder, cf_bytes to, cf_error *why)
{
    (void)files, (void)from_folder, (void)from, (void)to_folder, (void)to;
    return cf_fail(why, CF_IO, "it fails");
}

static cf_status fails_for_new(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                               const cf_folder *to_folder, cf_bytes to, cf_error *why)
{
    if (cf_bytes_equal(from, cf_bytes_of_text("new")))
        return fails(files, from_folder, from, to_folder, to, why);
    return here->files->link(files, from_folder, from, to_folder, to, why);
}

Test(displaced, is_undone_when_the_new_one_can_not_be_placed)
{
    begin(true);
    flagless.link = fails_for_new;
    expect_fails(cf_displaced_swap(&both, &ours, &error), CF_IO);
    all_hold("old", "new");
}

Test(displaced, is_torn_while_it_can_not_be_undone)
{
    begin(true);
    flagless.link = fails;
    expect_fails(cf_displaced_swap(&both, &ours, &error), CF_IO);
    cr_expect(cf_displaced_is_torn(&both));
    holds("folder/file", NULL);
    make_flagless(&flagless, false);
    finishes("old", "new", false);
}

static cf_status makes_and_links(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                                 const cf_folder *to_folder, cf_bytes to, cf_error *why)
{
    write("folder/file", "saved");
    return here->files->link(files, from_folder, from, to_folder, to, why);
}

/* To the caller it is as if a user had saved just after an exchange. */
Test(displaced, a_user_who_saves_in_between_wins)
{
    begin(true);
    flagless.link = makes_and_links;
    expect_ok(cf_displaced_swap(&both, &ours, &error), error);
    all_hold("saved", "old");
}

Test(displaced, a_return_that_was_cut_short_leaves_one_name)
{
    write("folder/file", "saved");
    link_to(folder, "file", temporary, "new");
    expect_ok(cf_displaced_return(&both, &error), error);
    all_hold("saved", NULL);
    cr_expect_not(scratch_exists(here, "folder/file (saved 1)"));
}
