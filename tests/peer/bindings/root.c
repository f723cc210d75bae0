/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/files_root.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"

static scratch *here;
static cf_files *files;
static cf_error error;
static const cf_id instance = {.bytes = {1, 2, 3, 255}};

static void arrive(void)
{
    here = scratch_new();
    files = here->files;
}

static void leave(void)
{
    scratch_destroy(&here);
}

TestSuite(root, .init = arrive, .fini = leave);

Test(root, remembers_its_instance)
{
    cf_id read;

    expect_fails(cf_root_read(files, here->folder, &read, &error), CF_MISSING);
    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    expect_ok(cf_root_read(files, here->folder, &read, &error), error);
    cr_assert(cf_id_equal(&read, &instance));
    cr_assert(scratch_holds(here, ".counterfoil/root", "010203ff000000000000000000000000\n"));
    expect_fails(cf_root_make(files, here->folder, &instance, &error), CF_CHANGED);
}

Test(root, is_made_over_what_a_crash_left)
{
    scratch_mkdir(here, ".counterfoil");
    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    cr_assert(scratch_exists(here, ".counterfoil/tmp"));
}

Test(root, is_not_guessed_from_odd_bytes)
{
    static const char *const odd[] = {
        "", "010203ff000000000000000000000000", "010203ff00000000000000000000000g\n",
        "010203FF000000000000000000000000\n", "010203ff000000000000000000000000\n\n"};
    cf_id read;

    scratch_mkdir(here, ".counterfoil");
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        scratch_write(here, ".counterfoil/root", odd[i]);
        expect_fails(cf_root_read(files, here->folder, &read, &error), CF_BROKEN);
    }
    scratch_remove(here, ".counterfoil/root");
    scratch_symlink(here, ".counterfoil/root", "/etc/passwd");
    expect_fails(cf_root_read(files, here->folder, &read, &error), CF_BROKEN);
}

Test(root, gives_a_folder_for_temporary_files)
{
    cf_folder *temporary = NULL;

    expect_fails(cf_root_open_temporary(files, here->folder, &temporary, &error), CF_MISSING);
    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    scratch_remove(here, ".counterfoil/tmp");
    expect_ok(cf_root_open_temporary(files, here->folder, &temporary, &error), error);
    cr_assert(scratch_exists(here, ".counterfoil/tmp"));
    files->close_folder(files, &temporary);
}

Test(root, leaves_nothing_behind)
{
    cf_id read;

    expect_ok(cf_root_remove(files, here->folder, &error), error);
    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    scratch_write(here, ".counterfoil/tmp/half", "text");
    scratch_write(here, "mine", "text");
    expect_ok(cf_root_remove(files, here->folder, &error), error);
    cr_assert_not(scratch_exists(here, ".counterfoil"));
    cr_assert(scratch_holds(here, "mine", "text"));
    expect_fails(cf_root_read(files, here->folder, &read, &error), CF_MISSING);
}

Test(root, keeps_itself_out_of_version_control)
{
    cf_folder *temporary = NULL;

    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    cr_assert(scratch_holds(here, ".counterfoil/.gitignore", "*\n"));
    scratch_remove(here, ".counterfoil/.gitignore"); /* as one of before has none */
    expect_ok(cf_root_open_temporary(files, here->folder, &temporary, &error), error);
    cr_assert(scratch_holds(here, ".counterfoil/.gitignore", "*\n"));
    files->close_folder(files, &temporary);
}

Test(root, is_put_back_with_all_that_is_in_it)
{
    static const cf_id other = {.bytes = {9}};
    cf_id read;

    expect_ok(cf_root_put_back(files, here->folder, &instance, &error), error);
    scratch_write(here, ".counterfoil/tmp/step-1", "saved");
    expect_ok(cf_root_put_back(files, here->folder, &other, &error), error);
    expect_ok(cf_root_read(files, here->folder, &read, &error), error);
    cr_assert(cf_id_equal(&read, &other));
    cr_assert(scratch_holds(here, ".counterfoil/tmp/step-1", "saved"));
}

Test(root, says_whom_another_home_took_it_from)
{
    static const cf_id other = {.bytes = {9}};
    cf_id read;

    expect_ok(cf_root_make(files, here->folder, &instance, &error), error);
    cr_assert_not(cf_root_was_taken(files, here->folder, &instance));
    expect_ok(cf_root_take_over(files, here->folder, &other, &error), error);
    expect_ok(cf_root_read(files, here->folder, &read, &error), error);
    cr_assert(cf_id_equal(&read, &other));
    cr_assert(cf_root_was_taken(files, here->folder, &instance));
    cr_assert_not(cf_root_was_taken(files, here->folder, &other));
    scratch_write(here, ".counterfoil/before", "odd");
    cr_assert(cf_root_was_taken(files, here->folder, &other));
}
