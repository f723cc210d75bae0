/* SPDX-License-Identifier: Apache-2.0 */
/* `.counterfoil` in a source's folder: `root` holds the random instance id of this root, so that
 * another disk mounted in its place is noticed; `tmp` holds files that are being made; `.gitignore`
 * keeps it all out of version control; `before` is the id that a home had here from which another
 * one took the folder over. */
#ifndef CF_PEER_BINDINGS_FILES_ROOT_H
#define CF_PEER_BINDINGS_FILES_ROOT_H
#include "broker/platform/files.h"
#include "codec/ids.h"

/* A root that nothing else tells, of things that were in it and are there, as they were: it is the
 * one, or a newer one of its kind. Of nothing all is there. */
static inline bool cf_root_has_most(size_t there, size_t known)
{
    return known == 0 || there > known / 2;
}

/* Makes both, durably. CF_CHANGED when there is an instance id already. */
cf_status cf_root_make(cf_files *files, const cf_folder *root, const cf_id *instance,
                       cf_error *error);
/* The same in a folder that another home has as a source: that one will know that it was taken. */
cf_status cf_root_take_over(cf_files *files, const cf_folder *root, const cf_id *instance,
                            cf_error *error);
bool cf_root_was_taken(cf_files *files, const cf_folder *root, const cf_id *instance);
/* Makes what is missing of both, or is another's, durably; what is in `tmp` stays. */
cf_status cf_root_put_back(cf_files *files, const cf_folder *root, const cf_id *instance,
                           cf_error *error);
/* CF_MISSING: there is none (an emptied or other folder). CF_BROKEN: it can't be read as one. */
cf_status cf_root_read(cf_files *files, const cf_folder *root, cf_id *instance, cf_error *error);
/* The folder for temporary files, made again when it is missing. */
cf_status cf_root_open_temporary(cf_files *files, const cf_folder *root, cf_folder **out,
                                 cf_error *error);
/* What the user had there and asked to have replaced lies in folders in there, and stays. */
#define CF_KEPT_FOLDER "kept"
/* Where `error` is of a permission that was denied, when the folder at `path` was opened: says in
 * its place `and` and what helps. */
void cf_root_say_shut(const char *path, const char *and, cf_error *error);
/* Takes away `.counterfoil` and what is in `tmp`, but for what is kept; CF_OK when there is none.
 */
cf_status cf_root_remove(cf_files *files, const cf_folder *root, cf_error *error);

#endif
