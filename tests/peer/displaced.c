/* SPDX-License-Identifier: Apache-2.0 */
/* What a user saved in the last moment is at its place again, durably. */
#include "peer/sources/files/displaced.h"

#include "peer/merge/node_stat.h"
#include "tests/support/expect.h"
#include "tests/support/scratch.h"
#include "tests/support/syncs.h"

#include <stdio.h>

static scratch *here;
static cf_folder *folder, *temporary;
static cf_displaced saved;
static char folder_path[80];
static cf_error error;

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
    snprintf(folder_path, sizeof folder_path, "%s/folder", here->path);
    scratch_write(here, "tmp/aside", "saved");
    saved = (cf_displaced){here->files, temporary, cf_bytes_of_text("aside"), folder,
                           cf_bytes_of_text("file")};
}

static void leave(void)
{
    here->files->close_folder(here->files, &folder);
    here->files->close_folder(here->files, &temporary);
    scratch_destroy(&here);
}

TestSuite(displaced, .init = arrive, .fini = leave);

Test(displaced, returns_to_its_place_durably)
{
    expect_ok(cf_displaced_return(&saved, &error), error);
    cr_expect(scratch_holds(here, "folder/file", "saved"));
    cr_expect(syncs_had(folder_path));
}

Test(displaced, changes_places_with_ours_durably)
{
    cf_stat stat;

    scratch_write(here, "folder/file", "ours");
    expect_ok(here->files->stat(here->files, folder, saved.name, &stat, &error), error);
    cf_node_stat ours = cf_node_stat_of(&stat);
    expect_ok(cf_displaced_exchange(&saved, &ours, &error), error);
    cr_expect(scratch_holds(here, "folder/file", "saved"));
    cr_expect(scratch_holds(here, "tmp/aside", "ours"));
    cr_expect(syncs_had(folder_path));
}
