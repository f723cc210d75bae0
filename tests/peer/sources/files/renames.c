/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/renames.h"

#include "tests/support/expect.h"

#include <stdio.h>

static cf_renames *renames;

static void arrive(void)
{
    renames = cf_renames_new();
}

static void leave(void)
{
    cf_renames_destroy(&renames);
}

TestSuite(renames, .init = arrive, .fini = leave);

static cf_look_place place(uint64_t folder, const char *name)
{
    return (cf_look_place){.folder = folder, .name = cf_bytes_of_text(name)};
}

static void rename_it(uint64_t folder, const char *name, uint64_t to_folder, const char *to)
{
    const cf_look_place before = place(folder, name), after = place(to_folder, to);

    cf_renames_note(renames, &before, &after);
}

/* `name` NULL: nothing is told of it. */
static void expect_from(uint64_t folder, const char *at, uint64_t from_folder, const char *name)
{
    const cf_look_place there = place(folder, at);
    cf_look_place from;

    cr_assert_eq(cf_renames_find(renames, &there, &from), name != NULL);
    if (name) {
        cr_expect(from.folder == from_folder);
        cr_expect(cf_bytes_equal(from.name, cf_bytes_of_text(name)));
    }
}

Test(renames, tell_where_it_was)
{
    expect_from(1, "b", 0, NULL);
    rename_it(1, "a", 2, "b");
    expect_from(2, "b", 1, "a");
    expect_from(1, "b", 0, NULL);
    expect_from(1, "a", 0, NULL);
}

Test(renames, lead_back_to_where_it_was_first)
{
    rename_it(1, "a", 1, "b");
    rename_it(1, "b", 2, "c");
    rename_it(2, "c", 1, "d");
    expect_from(1, "d", 1, "a");
    expect_from(1, "b", 0, NULL);
    expect_from(2, "c", 0, NULL);
}

Test(renames, follow_two_that_changed_places)
{
    rename_it(1, "a", 1, "t");
    rename_it(1, "b", 1, "a");
    rename_it(1, "t", 1, "b");
    expect_from(1, "a", 1, "b");
    expect_from(1, "b", 1, "a");
    expect_from(1, "t", 0, NULL);
}

Test(renames, know_the_last_that_came_to_a_place)
{
    rename_it(1, "a", 1, "b");
    rename_it(1, "x", 1, "b");
    expect_from(1, "b", 1, "x");
    const cf_look_place deleted = place(1, "b");
    cf_renames_drop(renames, &deleted);
    cf_renames_drop(renames, &deleted);
    expect_from(1, "b", 0, NULL);
}

Test(renames, are_forgotten_when_they_are_too_many)
{
    char name[16];

    for (int i = 0; i < CF_RENAMES_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        rename_it(1, name, 2, name);
    }
    expect_from(2, "0", 1, "0");
    rename_it(1, "one more", 2, "one more");
    expect_from(2, "0", 0, NULL);
    expect_from(2, "one more", 1, "one more");
    cf_renames_clear(renames);
    expect_from(2, "one more", 0, NULL);
}

Test(renames, add_the_places_that_are_to_be_seen_with_others)
{
    cf_look_places places = {0};

    rename_it(1, "a", 2, "b");
    rename_it(1, "c", 2, "d");
    rename_it(1, "e", 3, "f");
    cf_look_places_add(&places, 2, cf_bytes_of_text("b"), CF_ABSENCE_WAITS);
    cf_look_places_add(&places, 1, cf_bytes_of_text("other"), CF_ABSENCE_COUNTS);
    cf_renames_add_origins(renames, &places);
    cr_assert_eq(places.count, 3);
    cr_expect(places.at[2].folder == 1);
    cr_expect(cf_bytes_equal(places.at[2].name, cf_bytes_of_text("a")));
    cf_look_places_release(&places);
    cf_look_places_add(&places, 2, CF_WHOLE_FOLDER, CF_ABSENCE_WAITS);
    cf_renames_add_origins(renames, &places);
    cr_expect_eq(places.count, 3, "all that came to the directory");
    cf_look_places_release(&places);
}
