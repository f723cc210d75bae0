/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the user named, read at any offset. "-" is standard input; what can't be read at any
 * offset (a pipe) is first copied to a temporary file that has no name. */
#ifndef CF_PEER_COMMANDS_SOURCE_FILE_H
#define CF_PEER_COMMANDS_SOURCE_FILE_H
#include "codec/source.h"

typedef struct cf_source_file cf_source_file;

/* CF_USAGE when it is a directory. */
cf_status cf_source_file_open(const char *path, cf_source_file **out, cf_error *error);
void cf_source_file_destroy(cf_source_file **file);

/* Lives as long as the file. Its errors name the path. */
const cf_source *cf_source_file_view(const cf_source_file *file);

#endif
