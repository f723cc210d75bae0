/* SPDX-License-Identifier: Apache-2.0 */
/* Which folder the root of a source was, and how much of what lies there is what was synced. */
#ifndef CF_PEER_BINDINGS_BINDING_FOLDER_H
#define CF_PEER_BINDINGS_BINDING_FOLDER_H
#include "peer/bindings/binding.h"

/* Without births an inode's number is no identity. */
bool cf_binding_is_same_folder(const cf_binding *binding, const cf_stat *now);
/* The root is the very directory that was known, by a number that lasts and its birth. */
bool cf_binding_is_its_folder(const cf_binding *binding, const cf_stat *now);
/* Which folder it is, and whether it is an image, for the next time. */
cf_status cf_binding_keep_folder(cf_peer *peer, cf_binding *binding, const cf_stat *now,
                                 cf_error *error);
/* Of the folder that has the mark. What can't be kept is kept the next time. */
void cf_binding_keep_identity(cf_peer *peer, cf_binding *binding, const cf_stat *now);

/* Of a binding whose root is held: a cf_count_root. */
cf_root_content cf_binding_count_there(const void *binding, cf_files *files);
/* By names, sizes and times, in whichever folder. */
bool cf_binding_is_alike(const cf_binding *binding, cf_files *files);
/* A backup that was put in the folder's place would be taken for so many edits and deletions. Times
 * that a copy didn't keep tell nothing. */
bool cf_binding_is_older_copy(const cf_binding *binding, cf_files *files, const cf_stat *now);

#endif
