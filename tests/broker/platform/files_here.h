/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch directory in tests of files; a suite has `files_arrive` and `files_leave`. */
#ifndef CF_TESTS_FILES_HERE_H
#define CF_TESTS_FILES_HERE_H
#include "tests/support/expect.h"
#include "tests/support/named.h"
#include "tests/support/scratch.h"

extern scratch *here;
extern cf_files *files;

void files_arrive(void);
void files_leave(void);

/* The folder of that name. */
cf_folder *opened(const char *name);
/* A new file, synced. */
void create(cf_bytes name, const char *text);

#endif
