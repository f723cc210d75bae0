/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/broker/platform/files_here.h"

scratch *here;
cf_files *files;

static cf_error error;

void files_arrive(void)
{
    here = scratch_new();
    files = here->files;
}

void files_leave(void)
{
    scratch_destroy(&here);
}

cf_folder *opened(const char *name)
{
    cf_folder *folder = NULL;

    expect_ok(files->open_folder(files, here->folder, named(name), &folder, &error), error);
    return folder;
}

void create(cf_bytes name, const char *text)
{
    cf_file *file = NULL;

    expect_ok(files->create_file(files, here->folder, name, 0644, &file, &error), error);
    expect_ok(files->write_at(files, file, 0, cf_bytes_of_text(text), &error), error);
    expect_ok(files->sync_file(files, file, &error), error);
    files->close_file(files, &file);
    cr_assert_null(file);
}
