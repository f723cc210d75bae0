/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are new, on file systems whose rename takes no flags. */
#include "broker/platform/files.h"

#include "broker/platform/names.h"

typedef struct {
    const cf_folder *folder;
    cf_bytes name;
} place;

static cf_status taken(cf_files *files, place at, cf_error *error)
{
    char shown[CF_NAME_SHOWN];

    cf_name_show(at.name, shown);
    return cf_fail(error, CF_CHANGED, "renaming to %s/%s: File exists",
                   files->shown(files, at.folder), shown);
}

static cf_status look_and_rename(cf_files *files, place from, place to, cf_error *error)
{
    cf_stat there;

    cf_status status = files->stat(files, to.folder, to.name, &there, error);
    if (!status)
        return taken(files, to, error);
    if (status != CF_MISSING)
        return status;
    return files->replace(files, from.folder, from.name, to.folder, to.name, error);
}

static bool is_same_file(cf_files *files, place a, place b)
{
    cf_stat at_a, at_b;
    cf_error ignored;

    return files->stat(files, a.folder, a.name, &at_a, &ignored) == CF_OK &&
           files->stat(files, b.folder, b.name, &at_b, &ignored) == CF_OK &&
           cf_stat_same_file(&at_a, &at_b);
}

/* CF_UNSAFE: it can't be linked, or the file system makes up a number for each name, and the file
 * would seem to be another one. */
static cf_status link_and_unlink(cf_files *files, place from, place to, cf_error *error)
{
    cf_error ignored;

    cf_status status = files->link(files, from.folder, from.name, to.folder, to.name, error);
    if (status)
        return status;
    if (!is_same_file(files, from, to)) {
        files->unlink(files, to.folder, to.name, &ignored);
        return cf_fail(error, CF_UNSAFE, "a link is another file here");
    }
    status = files->unlink(files, from.folder, from.name, error);
    if (status && is_same_file(files, from, to))
        files->unlink(files, to.folder, to.name, &ignored);
    return status;
}

cf_status cf_files_rename(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                          const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    cf_status status = files->rename(files, from_folder, from, to_folder, to, error);

    if (status == CF_UNSAFE)
        status = look_and_rename(files, (place){from_folder, from}, (place){to_folder, to}, error);
    return status;
}

cf_status cf_files_place(cf_files *files, const cf_folder *from_folder, cf_bytes from,
                         const cf_folder *to_folder, cf_bytes to, cf_error *error)
{
    const place here = {from_folder, from}, there = {to_folder, to};

    cf_status status = files->rename(files, from_folder, from, to_folder, to, error);
    if (status == CF_UNSAFE)
        status = link_and_unlink(files, here, there, error);
    if (status == CF_UNSAFE)
        status = look_and_rename(files, here, there, error);
    return status;
}
