/* SPDX-License-Identifier: Apache-2.0 */
/* The patterns of `--include`: which files of a folder are asked for. As in a .gitignore line, but
 * what matches is in, not out:
 *
 *   NAME      without a slash: everything of that name at any depth
 *   A/NAME    with a slash, also a leading one: the path from the source's folder
 *   NAME/     only a directory
 *   *  ?  []  as in fnmatch(3), never a slash, also a leading dot
 *   **        as a whole component: any number of directories, also none
 *
 * What lies in a matching directory is in, too. Without patterns everything is. A directory that
 * only leads to what may match is passed through.
 *
 *     photos/2024/x*    photos, photos/2024: passed     photos/2024/xy: in, also what is below it
 *                       photos/2024/a, music: out       photos as a file: out */
#ifndef CF_PEER_MERGE_FILES_INCLUDE_H
#define CF_PEER_MERGE_FILES_INCLUDE_H
#include "codec/bytes.h"
#include "codec/error.h"

typedef struct cf_include cf_include;

typedef enum {
    CF_INCLUDE_OUT,
    CF_INCLUDE_PASS, /* a directory: not asked for, but something below it may be */
    CF_INCLUDE_IN,
} cf_include_answer;

/* CF_USAGE for an empty pattern, or one that can never match. `count` 0: everything is in. */
cf_status cf_include_new(const char *const *patterns, size_t count, cf_include **out,
                         cf_error *error);
void cf_include_destroy(cf_include **include);
/* There is something that the patterns don't ask for; NULL asks for everything. */
bool cf_include_limits(const cf_include *include);

/* `path` are the names from the source's folder down to what is asked about. */
cf_include_answer cf_include_match(const cf_include *include, const cf_bytes *path, size_t count,
                                   bool directory);
/* What the patterns say of a path with slashes. */
cf_include_answer cf_include_match_path(const cf_include *include, cf_bytes path, bool directory);

#endif
