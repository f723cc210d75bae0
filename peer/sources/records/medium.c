/* SPDX-License-Identifier: Apache-2.0 */
/* Which medium a source has: a database where its format is stored in one, else a folder or one
 * file, as its binding says. What a medium has no operation for (to meet, to mend) needs nothing
 * done. */
#include "peer/sources/records/medium.h"

#include "peer/sources/records/medium_database.h"
#include "peer/sources/records/medium_file.h"
#include "peer/sources/records/medium_folder.h"

cf_medium *cf_medium_new(cf_files *files, cf_peer *peer, cf_binding *binding)
{
    if (cf_adapter_of(binding->format)->storage == CF_STORAGE_DATABASE)
        return cf_medium_database_new(files, peer, binding);
    return cf_binding_is_folder(binding) ? cf_medium_folder_new(files, peer, binding)
                                         : cf_medium_file_new(files, peer, binding);
}

void cf_medium_destroy(cf_medium **medium)
{
    if (!*medium)
        return;
    (*medium)->operations->destroy(*medium);
    *medium = NULL;
}

cf_status cf_medium_check(cf_medium *medium, cf_error *error)
{
    return medium->operations->check(medium, error);
}

cf_status cf_medium_recover(cf_medium *medium, cf_error *error)
{
    return medium->operations->recover(medium, error);
}

cf_status cf_medium_read(cf_medium *medium, uint64_t now_ms, cf_medium_content *out,
                         cf_error *error)
{
    *out = (cf_medium_content){0};
    return medium->operations->read(medium, now_ms, out, error);
}

void cf_medium_meet(cf_medium *medium, const cf_row_view *view, cf_medium_content *content)
{
    if (medium->operations->meet)
        medium->operations->meet(medium, view, content);
}

bool cf_medium_changed(cf_medium *medium)
{
    return medium->operations->changed(medium);
}

cf_status cf_medium_write(cf_medium *medium, const cf_row *rows, size_t count,
                          cf_medium_outcome *out, cf_error *error)
{
    *out = (cf_medium_outcome){0};
    return medium->operations->write(medium, rows, count, out, error);
}

cf_status cf_medium_mend(cf_medium *medium, const cf_medium_keeping *keeping, cf_error *error)
{
    return medium->operations->mend ? medium->operations->mend(medium, keeping, error) : CF_OK;
}

void cf_medium_settled(cf_medium *medium, cf_kv_list *records)
{
    medium->operations->settled(medium, records);
}

void cf_medium_rest(cf_medium *medium)
{
    medium->operations->rest(medium);
}
