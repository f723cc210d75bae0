/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/displaced.h"

#include "codec/limits.h"
#include "peer/merge/node_stat.h"

#include <stdio.h>

enum { NAMES_TRIED = 1000 };

/* A rename has changed its ctime. A link can't be opened, nor be written to. */
bool cf_displaced_holds(const cf_displaced *displaced, const cf_node_stat *stat)
{
    cf_files *files = displaced->files;
    cf_file *file = NULL;
    cf_stat now;
    cf_error ignored;

    if (files->stat(files, displaced->temporary, displaced->temporary_name, &now, &ignored) ||
        !cf_node_stat_same_bytes(stat, &now))
        return false;
    if (files->open_file(files, displaced->temporary, displaced->temporary_name, &file, &ignored))
        return true;
    bool written = files->writer(files, file) == CF_WRITER_OPEN;
    files->close_file(files, &file);
    return !written;
}

bool cf_displaced_is_base(const cf_displaced *displaced, const cf_node *node)
{
    return cf_displaced_holds(displaced, &node->stat);
}

/* `NAME (saved N)`, cut so that it fits. */
static void name_beside(cf_bytes name, unsigned number, cf_buffer *out)
{
    char suffix[24];
    size_t length = (size_t)snprintf(suffix, sizeof suffix, " (saved %u)", number);
    size_t kept = name.size + length <= CF_NAME_MAX ? name.size : CF_NAME_MAX - length;

    cf_buffer_clear(out);
    cf_buffer_append(out, name.data, kept);
    cf_buffer_append(out, suffix, length);
}

static cf_status return_to(const cf_displaced *displaced, cf_bytes name, cf_error *error)
{
    cf_files *files = displaced->files;

    return files->rename(files, displaced->temporary, displaced->temporary_name, displaced->folder,
                         name, error);
}

cf_status cf_displaced_return(const cf_displaced *displaced, cf_error *error)
{
    cf_buffer beside = {0};

    cf_status status = return_to(displaced, displaced->name, error);
    for (unsigned number = 1; status == CF_CHANGED && number <= NAMES_TRIED; number++) {
        name_beside(displaced->name, number, &beside);
        status = return_to(displaced, cf_buffer_view(&beside), error);
    }
    if (!status)
        status = displaced->files->sync_folder(displaced->files, displaced->folder, error);
    cf_buffer_release(&beside);
    return status;
}

cf_status cf_displaced_exchange(const cf_displaced *displaced, const cf_node_stat *ours,
                                cf_error *error)
{
    cf_files *files = displaced->files;
    cf_status status = files->exchange(files, displaced->temporary, displaced->temporary_name,
                                       displaced->folder, displaced->name, error);

    if (!status && cf_displaced_holds(displaced, ours))
        return files->sync_folder(files, displaced->folder, error);
    if (!status)
        files->exchange(files, displaced->temporary, displaced->temporary_name, displaced->folder,
                        displaced->name, error);
    return cf_displaced_return(displaced, error);
}
