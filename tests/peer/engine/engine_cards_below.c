/* SPDX-License-Identifier: Apache-2.0 */
/* Which card it is that lies below a share: what went with one is edited or removed only where most
 * of it is back, and what only looks like that tells nothing. */
#include "tests/peer/small/card_below.h"

#include "tests/support/expect.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

TestSuite(engine_cards_below, .init = card_begin, .fini = card_end);

/* In the camera. */
Test(engine_cards_below, what_is_removed_on_a_card_that_is_away_goes)
{
    char removed[256];

    take_out(NULL);
    expect_card_held();
    path_of(removed, "card/a");
    cr_assert_eq(unlink(removed), 0);
    passes(LONGER_THAN_REMEMBERED);
    small_device_sync(first);
    passes(LONGER_THAN_REMEMBERED);
    put_back();
    both_sync();
    cr_expect(!has_path(second, "card/a"), "it is still there");
    cr_expect(has_path(second, "card/b"));
    take_out(NULL);
    small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "card/b"));
}

/* Another card has a file of the same name. */
Test(engine_cards_below, a_file_in_the_place_of_one_that_is_held_is_no_edit)
{
    char was[64], is[64];

    cr_assert(small_device_token(second, "card/a", was));
    take_out(NULL);
    expect_card_held();
    user_writes_text(first, "card/a", "another one");
    expect_card_held();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_eq(is, was, "it was replaced elsewhere");
    put_back();
    both_sync();
    user_writes_text(first, "card/a", "an edit");
    both_sync();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was);
}

/* In the camera: what lies beside it tells that it is the same card. */
Test(engine_cards_below, an_edit_on_a_card_that_was_away_goes)
{
    char path[256], was[64], is[64];

    cr_assert(small_device_token(second, "card/a", was));
    take_out(NULL);
    expect_card_held();
    path_of(path, "card/a");
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs("edited there", file);
    fclose(file);
    put_back();
    both_sync();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was);
}

static void write_behind(const char *name, const char *text)
{
    char path[256];

    path_of(path, name);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

/* As of a copy that keeps times. */
static void copy_behind(const char *from, const char *to)
{
    char source[256], target[256];
    struct stat was;

    path_of(source, from);
    snprintf(target, sizeof target, "%s/%s", first->folder, to);
    cr_assert_eq(stat(source, &was), 0);
    const struct timespec times[2] = {was.st_atim, was.st_mtim};
    FILE *file = fopen(target, "w");
    cr_assert(file);
    fputs("a", file);
    fclose(file);
    cr_assert_eq(utimensat(AT_FDCWD, target, times, 0), 0);
}

Test(engine_cards_below, a_photo_that_is_copied_back_beneath_is_not_the_card)
{
    take_out(NULL);
    expect_card_held();
    copy_behind("card/a", "card/a");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "card/b"), "the others were removed elsewhere");
    cr_expect(has_path(second, "card/in/c"));
}

/* Nor where the disk tells no directories apart, while it is not most of them. */
Test(engine_cards_below, another_card_with_one_file_of_the_first_is_not_that)
{
    char other[256];

    take_out(NULL);
    expect_card_held();
    path_of(other, "other");
    cr_assert_eq(mkdir(other, 0755), 0);
    swap_card("bare", "other");
    copy_behind("card/a", "card/a");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "card/b"), "the others were removed elsewhere");
    cr_expect(has_path(second, "card/in/c"));
}

/* Each is held with what went with it. */
Test(engine_cards_below, two_cards_take_turns)
{
    char two[256];

    take_out(NULL);
    expect_card_held();
    path_of(two, "two");
    cr_assert_eq(mkdir(two, 0755), 0);
    write_behind("two/x", "x");
    write_behind("two/y", "y");
    passes(LONGER_THAN_REMEMBERED);
    write_behind("card/late", "late"); /* else all of the other one was made later */
    for (int turn = 0; turn < 3; turn++) {
        swap_card("bare", "two");
        small_device_sync(first);
        cr_assert(small_device_sync(second));
        cr_expect(has_path(second, "card/x"));
        cr_expect(has_path(second, "card/y"));
        cr_expect(has_path(second, "card/a"), "what lies on the other card was removed elsewhere");
        swap_card("two", "bare");
        small_device_sync(first);
        put_back();
        small_device_sync(first);
        cr_assert(small_device_sync(second));
        cr_expect(has_path(second, "card/x"), "what lies on the other card was removed elsewhere");
        cr_expect(has_path(second, "card/y"), "what lies on the other card was removed elsewhere");
        take_out(NULL);
        small_device_sync(first);
    }
}

/* Another card, with other photos of the same names, lies there at the next look. */
Test(engine_cards_below, a_file_that_differs_where_others_went_with_a_card_is_no_edit)
{
    char was[64], is[64];

    cr_assert(small_device_token(second, "card/a", was));
    take_out(NULL);
    user_writes_text(first, "card/a", "another one");
    user_stamps(first, "card/a", LONG_AGO_S);
    user_stamps(first, "card", LONG_AGO_S);
    expect_card_held();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_eq(is, was, "it was replaced elsewhere");
}

/* With all times. */
static void copy_whole(const char *from, const char *to)
{
    char target[256], command[1024];

    path_of(target, to);
    snprintf(command, sizeof command, "cp -a %s/%s %s", first->folder, from, target);
    cr_assert_eq(system(command), 0);
}

static void make_other_card(void)
{
    char other[256];

    path_of(other, "other");
    cr_assert_eq(mkdir(other, 0755), 0);
    copy_whole("card/in", "other/in");
    for (const char *const *name = (const char *const[]){"a", "b", "d", "e", NULL}; *name; name++) {
        snprintf(other, sizeof other, "other/%s", *name);
        write_behind(other, "of another card");
    }
}

static void four_on_the_card(void)
{
    user_writes_text(first, "card/d", "d");
    user_writes_text(first, "card/e", "e");
    both_sync();
}

/* And some of the same photos. */
Test(engine_cards_below, what_differs_on_another_card_is_no_edit_though_one_file_is_the_same)
{
    char was[64], is[64];

    four_on_the_card();
    cr_assert(small_device_token(second, "card/b", was));
    make_other_card();
    take_out(NULL);
    small_device_sync(first);
    swap_card("bare", "other");
    copy_behind("card/a", "card/a");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_assert(small_device_token(second, "card/b", is));
    cr_expect_str_eq(is, was, "it was replaced elsewhere");
}

/* No look has seen the slot empty. */
Test(engine_cards_below, another_card_with_the_names_of_the_first_replaces_nothing)
{
    static const char *const names[] = {"card/a", "card/b", "card/d", "card/e"};
    char was[4][64], is[64];

    four_on_the_card();
    for (int i = 0; i < 4; i++)
        cr_assert(small_device_token(second, names[i], was[i]));
    make_other_card();
    for (int i = 0; i < 2; i++) {
        passes(LONGER_THAN_REMEMBERED);
        both_sync();
    }
    swap_card("card", "other");
    expect_card_held();
    for (int i = 0; i < 4; i++) {
        cr_assert(small_device_token(second, names[i], is));
        cr_expect_str_eq(is, was[i], "%s was replaced elsewhere", names[i]);
    }
    swap_card("other", "card");
    both_sync();
    user_writes_text(first, "card/a", "an edit");
    both_sync();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was[0]);
}

static void see_all_twice(void)
{
    for (int i = 0; i < 2; i++) {
        passes(LONGER_THAN_REMEMBERED);
        both_sync();
    }
}

static void expect_saves_go(save_way how)
{
    static const char *const names[] = {"card/a", "card/b", "card/d", "card/e"};
    char was[64], is[64];

    four_on_the_card();
    cr_assert(small_device_token(second, "card/a", was));
    see_all_twice();
    for (int i = 0; i < 4; i++)
        cr_assert(user_saves(first, names[i], cf_bytes_of_text("edited"), how));
    both_sync();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was, "it waits");
}

/* As a program does that makes each anew: the folder tells of it. */
Test(engine_cards_below, files_that_are_saved_by_renaming_are_edits)
{
    expect_saves_go(SAVE_BY_RENAME);
}

/* As one does that keeps the file. */
Test(engine_cards_below, files_that_are_written_to_are_edits)
{
    expect_saves_go(SAVE_IN_PLACE);
}

static void expect_as_before(const char *path, const char *was)
{
    char is[64] = "";

    cr_expect(small_device_token(second, path, is), "%s was removed elsewhere", path);
    cr_expect_str_eq(is, was, "%s was replaced elsewhere", path);
}

/* A photo was made on it a moment ago: its folder tells nothing, the one beside it does. */
Test(engine_cards_below, what_lies_beside_a_photo_of_this_minute_is_of_another_card_too)
{
    char was[2][64], made[256];

    four_on_the_card();
    user_makes(first, "card/new");
    user_writes_text(first, "card/new/x", "x");
    user_writes_text(first, "card/new/y", "y");
    both_sync();
    make_other_card();
    path_of(made, "other/new");
    cr_assert_eq(mkdir(made, 0755), 0);
    cr_assert(small_device_token(second, "card/new/x", was[0]));
    cr_assert(small_device_token(second, "card/new/y", was[1]));
    see_all_twice();
    write_behind("other/new/x", "of another card");
    write_behind("other/new/y", "of another card");
    swap_card("card", "other");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    expect_as_before("card/new/x", was[0]);
    expect_as_before("card/new/y", was[1]);
}

/* Whatever is missing beside. */
Test(engine_cards_below, what_is_missing_beside_another_card_is_no_deletion)
{
    char was[64];

    four_on_the_card();
    user_makes(first, "card/new");
    user_writes_text(first, "card/new/x", "x");
    both_sync();
    make_other_card();
    char made[256];
    path_of(made, "other/new");
    cr_assert_eq(mkdir(made, 0755), 0);
    cr_assert(small_device_token(second, "card/new/x", was));
    see_all_twice();
    write_behind("other/new/z", "of another card");
    swap_card("card", "other");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    expect_as_before("card/new/x", was);
}

/* As two of one camera: what they hold has the same numbers, and was changed before all was seen.
 */
Test(engine_cards_below, another_card_with_the_numbers_of_the_first_replaces_nothing)
{
    static const char *const names[] = {"card/a", "card/b", "card/d", "card/e"};
    char was[4][64];

    share_disk.no_ctimes = false;
    four_on_the_card();
    see_all_twice();
    const int64_t now_ns = lesser_disk_clock(&share_disk);
    lesser_disk_set_clock(&share_disk, now_ns - 4 * LONGER_THAN_REMEMBERED * SECOND_NS);
    for (int i = 0; i < 4; i++) {
        cr_assert(small_device_token(second, names[i], was[i]));
        cr_assert(user_saves(first, names[i], cf_bytes_of_text("of another card"), SAVE_IN_PLACE));
        user_stamps(first, names[i], LONG_AGO_S);
    }
    lesser_disk_set_clock(&share_disk, now_ns + SECOND_NS);
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    for (int i = 0; i < 4; i++)
        expect_as_before(names[i], was[i]);
}

/* What was edited on the first since then would be undone. */
Test(engine_cards_below, an_older_copy_of_a_card_reverts_nothing)
{
    char was[64];

    four_on_the_card();
    copy_whole("card", "copy");
    passes(LONGER_THAN_REMEMBERED);
    user_writes_text(first, "card/a", "edited");
    both_sync();
    cr_assert(small_device_token(second, "card/a", was));
    take_out(NULL);
    small_device_sync(first);
    swap_card("bare", "copy");
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    expect_as_before("card/a", was);
    swap_card("copy", "bare");
    small_device_sync(first);
    put_back();
    both_sync();
    expect_as_before("card/a", was);
}

/* Of the very disk, as of a moment before a photo was made. */
Test(engine_cards_below, an_older_image_of_a_card_removes_nothing)
{
    char made[256];

    four_on_the_card();
    passes(LONGER_THAN_REMEMBERED);
    user_writes_text(first, "card/new", "new");
    both_sync();
    cr_assert(has_path(second, "card/new"));
    take_out(NULL);
    small_device_sync(first);
    path_of(made, "card/new");
    cr_assert_eq(unlink(made), 0);
    path_of(made, "card");
    const struct timespec long_ago[2] = {{LONG_AGO_S, 0}, {LONG_AGO_S, 0}};
    cr_assert_eq(utimensat(AT_FDCWD, made, long_ago, 0), 0);
    put_back();
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_expect(has_path(second, "card/new"), "it was removed elsewhere");
}

static void put_in_place_of(const char *folder, const char *other)
{
    char target[256];

    user_removes(first, folder);
    path_of(target, other);
    char shown[256];
    snprintf(shown, sizeof shown, "%s/%s", first->folder, folder);
    cr_assert_eq(rename(target, shown), 0);
}

/* What lies deeper in it was not changed, and neither was that in which it lay. */
Test(engine_cards_below, a_folder_that_is_put_in_the_place_of_another_is_an_edit)
{
    static const char *const names[] = {"tree/in/a", "tree/in/b", "tree/in/c", "tree/in/d"};
    char other[256], was[64], is[64];

    user_makes(first, "tree");
    user_makes(first, "tree/in");
    path_of(other, "tree");
    cr_assert_eq(mkdir(other, 0755), 0);
    path_of(other, "tree/in");
    cr_assert_eq(mkdir(other, 0755), 0);
    for (int i = 0; i < 4; i++) {
        user_writes_text(first, names[i], "one");
        write_behind(names[i], "another");
    }
    both_sync();
    see_all_twice();
    cr_assert(small_device_token(second, "tree/in/a", was));
    put_in_place_of("tree", "tree");
    both_sync();
    cr_assert(small_device_token(second, "tree/in/a", is));
    cr_expect_str_neq(is, was, "it waits");
}

/* Their contents are on their way for long: what was seen meanwhile is not what was agreed. */
Test(engine_cards_below, large_files_that_wait_to_be_sent_are_edits)
{
    static const char *const names[] = {"card/a", "card/b", "card/d", "card/e"};
    cf_buffer noise = small_world_noise(machine, 300000);
    char was[64], is[64];

    four_on_the_card();
    see_all_twice();
    cr_assert(small_device_token(second, "card/a", was));
    first->offline = true;
    small_device_unplug(first);
    for (int i = 0; i < 4; i++)
        cr_assert(user_saves(first, names[i], cf_buffer_view(&noise), SAVE_BY_RENAME));
    cf_buffer_release(&noise);
    for (int i = 0; i < 4; i++) {
        small_device_sync(first);
        passes(LONGER_THAN_REMEMBERED);
    }
    first->offline = false;
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was, "it waits");
}

/* There a folder may show any time that was set. */
Test(engine_cards_below, files_of_a_disk_without_change_times_are_edits)
{
    static const char *const names[] = {"card/a", "card/b", "card/d", "card/e"};
    char was[64], is[64];

    four_on_the_card();
    share_disk.mounts++; /* tried anew */
    small_device_crash(first);
    see_all_twice();
    cr_assert(small_device_token(second, "card/a", was));
    for (int i = 0; i < 4; i++)
        cr_assert(user_saves(first, names[i], cf_bytes_of_text("edited"), SAVE_BY_RENAME));
    user_stamps(first, "card", LONG_AGO_S);
    both_sync();
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was, "it waits");
}

/* It shows another time then, and no look saw that to be bare. */
Test(engine_cards_below, the_folder_beneath_is_known_again_by_its_number)
{
    take_out(NULL);
    expect_card_held();
    user_writes_text(first, "card/late", "late");
    small_device_sync(first);
    passes(1);
    user_removes(first, "card/late");
    passes(1);
    put_back();
    both_sync();
    take_out(NULL);
    expect_card_held();
}

/* Another one of the same photos, and some more: what is missing on the first was never there. */
Test(engine_cards_below, what_only_a_copy_of_a_card_has_is_not_removed_by_the_first)
{
    user_writes_text(first, "card/d", "d");
    both_sync();
    copy_whole("card", "copy");
    write_behind("copy/more", "more");
    for (int turn = 0; turn < 2; turn++) {
        swap_card("card", "copy");
        both_sync();
        cr_expect(has_path(second, "card/more"));
        swap_card("copy", "bare");
        small_device_sync(first);
        swap_card("bare", "card");
        for (int i = 0; i < 3; i++) {
            small_device_sync(first);
            cr_assert(small_device_sync(second));
        }
        cr_expect(has_path(second, "card/more"),
                  "what the first card never had was removed elsewhere");
    }
}

/* The card went before it could be sent. */
Test(engine_cards_below, an_edit_that_was_seen_goes_when_its_card_is_back)
{
    char was[64], is[64];
    cf_buffer noise = small_world_noise(machine, 300000);

    cr_assert(small_device_token(second, "card/a", was));
    first->offline = true;
    small_device_unplug(first);
    user_writes(first, "card/a", noise.data, noise.size);
    for (int i = 0; i < 2; i++)
        small_device_sync(first);
    cf_buffer_release(&noise);
    take_out(NULL);
    for (int i = 0; i < 2; i++)
        small_device_sync(first);
    passes(LONGER_THAN_REMEMBERED);
    put_back();
    for (int i = 0; i < 3; i++)
        small_device_sync(first);
    first->offline = false;
    for (int i = 0; i < 2; i++)
        small_device_sync(first);
    cr_assert(small_device_sync(second));
    cr_assert(small_device_token(second, "card/a", is));
    cr_expect_str_neq(is, was, "it waits");
}

/* The disk would come back to another folder. */
Test(engine_cards_below, a_mount_point_is_not_moved_while_its_disk_is_away)
{
    take_out(NULL);
    expect_card_held();
    cr_assert(user_moves(second, "card", "moved"));
    cr_assert(small_device_sync(second));
    small_device_sync(first);
    cr_expect_not(small_device_has_line(first, "moved"));
    put_back();
    both_sync();
    cr_expect(has_path(first, "moved/a"));
    cr_expect(has_path(second, "moved/a"));
}
