/* SPDX-License-Identifier: Apache-2.0 */
/* A file that the user named, written whole or not at all: into a temporary file beside it, which
 * takes its place at the end. "-" is standard output; that, and what is no regular file (a pipe,
 * /dev/null), is written as it comes. */
#ifndef CF_PEER_COMMANDS_TARGET_FILE_H
#define CF_PEER_COMMANDS_TARGET_FILE_H
#include "codec/reader_at.h"

typedef struct cf_target_file cf_target_file;

/* CF_USAGE when it is a directory. */
cf_status cf_target_file_open(const char *path, cf_target_file **out, cf_error *error);

/* Lives as long as the file. Its errors name the path. */
const cf_sink *cf_target_file_sink(const cf_target_file *file);

/* Makes the name of a file durable: syncs the folder in which it lies, unless that can't be read.
 */
cf_status cf_target_name_sync(const char *path, cf_error *error);

/* Makes what was written durable and puts it in place. */
cf_status cf_target_file_commit(cf_target_file *file, cf_error *error);

/* Throws away what was not committed. */
void cf_target_file_destroy(cf_target_file **file);

#endif
