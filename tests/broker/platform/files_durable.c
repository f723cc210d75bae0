/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/files.h"

#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>
#include <string.h>

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

enum { MANY = 40 };

static void make_many(scratch *here, cf_file **files, cf_file_sync *syncs)
{
    cf_error error;

    for (int i = 0; i < MANY; i++) {
        char name[16];

        snprintf(name, sizeof name, "new%d", i);
        expect_ok(here->files->create_file(here->files, here->folder, cf_bytes_of_text(name), 0600,
                                           &files[i], &error),
                  error);
        syncs[i] = (cf_file_sync){.file = files[i], .status = CF_BROKEN};
    }
}

Test(files_durable, several_files_are_together_and_one_that_is_not_is_told)
{
    scratch *here = scratch_new();
    cf_file *files[MANY] = {0};
    cf_file_sync syncs[MANY];
    char name[16];

    make_many(here, files, syncs);
    here->files->sync_files(here->files, syncs, 0);
    cr_assert_not(syncs_had("/new0"));
    syncs_fail("/new17");
    here->files->sync_files(here->files, syncs, MANY);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "/new%d", i);
        cr_expect_eq(syncs_had(name), i != 17, "%s", name);
        cr_expect_eq(syncs[i].status, i == 17 ? CF_IO : CF_OK, "%s", name);
        here->files->close_file(here->files, &files[i]);
    }
    cr_expect(strstr(syncs[17].error.text, "/new17"), "%s", syncs[17].error.text);
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
