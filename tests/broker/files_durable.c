/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/files.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#define expect_synced(path) cr_assert(syncs_had(path), "%s was not synced", path)

Test(files_durable, files_and_folders_are_when_they_are_told_to)
{
    scratch *here = scratch_new();
    cf_files *files = here->files;
    cf_file *file = NULL;
    cf_error error;

    expect_ok(files->create_file(files, here->folder, cf_bytes_of_text("new"), 0600, &file, &error),
              error);
    cr_assert_not(syncs_had("/new"));
    expect_ok(files->sync_file(files, file, &error), error);
    expect_synced("/new");
    cr_assert_not(syncs_had(here->path));
    expect_ok(files->sync_folder(files, here->folder, &error), error);
    expect_synced(here->path);
    files->close_file(files, &file);
    scratch_destroy(&here);
}

Test(files_durable, a_small_file_is_before_and_after_it_takes_its_place)
{
    scratch *here = scratch_new();
    cf_error error;

    expect_ok(cf_files_write(here->files, here->folder, cf_bytes_of_text("keys"), 0600,
                             cf_bytes_of_text("secret"), &error),
              error);
    expect_synced("/keys.new");
    expect_synced(here->path);
    scratch_destroy(&here);
}

/* Half of a new file must never stand in its place. */
Test(files_durable, a_small_file_that_can_not_be_made_durable_takes_nobodys_place)
{
    scratch *here = scratch_new();
    cf_error error;

    scratch_write(here, "keys", "old");
    syncs_fail("/keys.new");
    expect_fails(cf_files_write(here->files, here->folder, cf_bytes_of_text("keys"), 0600,
                                cf_bytes_of_text("new"), &error),
                 CF_IO);
    cr_assert(scratch_holds(here, "keys", "old"));
    scratch_destroy(&here);
}
