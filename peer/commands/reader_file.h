/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the user named, read at any offset. "-" is standard input; what can't be read at any
 * offset (a pipe) is first copied to a temporary file that has no name. */
#ifndef CF_PEER_COMMANDS_READER_FILE_H
#define CF_PEER_COMMANDS_READER_FILE_H
#include "codec/reader_at.h"

typedef struct cf_reader_file cf_reader_file;

/* CF_USAGE when it is a directory. */
cf_status cf_reader_file_open(const char *path, cf_reader_file **out, cf_error *error);
void cf_reader_file_destroy(cf_reader_file **file);

/* Lives as long as the file. Its errors name the path. */
const cf_reader_at *cf_reader_file_view(const cf_reader_file *file);

#endif
