/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a database may be made: nothing has its name, no log or journal with bytes lies beside
 * that, which SQLite would take for a part of it, and some device has told of tables that can be
 * made here. */
#include "peer/sources/records/database_made.h"

#include "peer/adapters/sqlite/database_layout.h"

cf_status cf_database_made_bytes(cf_bytes value, cf_buffer *out, cf_error *error)
{
    cf_database_layout layout;
    cf_arena arena = {0};

    if (!value.size)
        return cf_fail(error, CF_MISSING,
                       "no device told what tables it has: its program has to make the database "
                       "first");
    cf_status status = cf_database_layout_read(value, &arena, &layout, error);
    if (!status)
        status = cf_database_layout_make(&layout, out, error);
    if (status)
        cf_error_while(error, "it can't be made as another device has it, so its program has to "
                              "make the database first");
    cf_arena_release(&arena);
    return status;
}

cf_status cf_database_made_alone(cf_files *files, const cf_folder *folder, cf_bytes name,
                                 cf_error *error)
{
    static const char *const suffixes[] = {"-wal", "-journal"};
    cf_status status = CF_OK;

    for (size_t i = 0; !status && i < sizeof suffixes / sizeof *suffixes; i++) {
        cf_buffer beside = {0};
        cf_error ignored;
        cf_stat stat;

        cf_buffer_append_text(&beside, "%.*s%s", (int)name.size, (const char *)name.data,
                              suffixes[i]);
        if (!files->stat(files, folder, cf_buffer_view(&beside), &stat, &ignored) && stat.size > 0)
            status = cf_fail(error, CF_LOCKED,
                             "%.*s lies beside it: close its program, or put that file aside, and "
                             "say this again",
                             (int)beside.size, (const char *)beside.data);
        cf_buffer_release(&beside);
    }
    return status;
}

/* ---- Putting a database there ---- */

/* Makes the database under its temporary name, synced. A file of that name is ours, from a crash.
 */
static cf_status create(cf_files *files, const cf_folder *folder, cf_bytes temporary,
                        cf_bytes bytes, cf_error *error)
{
    cf_file *file = NULL;

    cf_status status = files->create_file(files, folder, temporary, 0666, &file, error);
    if (status == CF_CHANGED) { /* left by a crash */
        status = files->unlink(files, folder, temporary, error);
        if (!status)
            status = files->create_file(files, folder, temporary, 0666, &file, error);
    }
    if (!status)
        status = files->write_at(files, file, 0, bytes, error);
    if (!status)
        status = files->sync_file(files, file, error);
    files->close_file(files, &file);
    return status;
}

/* Makes the database beside, and gives it its name only where that is free still: what a program
 * made there meanwhile stays, and ours goes. */
static cf_status put(cf_files *files, const cf_folder *folder, cf_bytes name, cf_bytes bytes,
                     cf_error *error)
{
    cf_buffer beside = {0};
    cf_error ignored;

    cf_buffer_append_text(&beside, ".%.*s.counterfoil", (int)name.size, (const char *)name.data);
    const cf_bytes temporary = cf_buffer_view(&beside);
    cf_status status = create(files, folder, temporary, bytes, error);
    if (!status)
        status = cf_files_place(files, folder, temporary, folder, name, error);
    if (status)
        files->unlink(files, folder, temporary, &ignored);
    else
        status = files->sync_folder(files, folder, error);
    cf_buffer_release(&beside);
    return status;
}

/* Nothing is at the name, nor beside it what would be taken for a part of the database. */
static cf_status check_free(cf_files *files, const cf_folder *folder, cf_bytes name,
                            cf_error *error)
{
    cf_stat stat;

    const cf_status status = files->stat(files, folder, name, &stat, error);
    if (!status)
        return cf_fail(error, CF_CHANGED, "something is there by now, and stays as it is");
    return status == CF_MISSING ? cf_database_made_alone(files, folder, name, error) : status;
}

cf_status cf_database_made(cf_files *files, const char *path, cf_bytes layout, bool rehearses,
                           cf_error *error)
{
    cf_folder *folder = NULL;
    cf_buffer bytes = {0};
    cf_bytes name;

    cf_status status = cf_files_open_above(files, path, &folder, &name, error);
    if (!status)
        status = check_free(files, folder, name, error);
    if (!status)
        status = cf_database_made_bytes(layout, &bytes, error);
    if (!status && !rehearses)
        status = put(files, folder, name, cf_buffer_view(&bytes), error);
    if (status)
        cf_error_while(error, "%s", path);
    files->close_folder(files, &folder);
    cf_buffer_release(&bytes);
    return status;
}
