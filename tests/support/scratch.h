/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, removed at its end, and what users do in it: through libc and paths, so
 * that the code under test is not its own witness. Every failure ends the test. */
#ifndef CF_TESTS_SCRATCH_H
#define CF_TESTS_SCRATCH_H
#include "broker/files.h"

typedef struct {
    char path[64];
    cf_files *files;
    cf_folder *folder; /* of `path` */
} scratch;

scratch *scratch_new(void);
void scratch_destroy(scratch **self);

/* All paths are below the directory. */
int scratch_open(const scratch *self, const char *path, int flags); /* 0644 */
void scratch_write(const scratch *self, const char *path, const char *text);
void scratch_mkdir(const scratch *self, const char *path);
void scratch_symlink(const scratch *self, const char *path, const char *target);
void scratch_hard_link(const scratch *self, const char *from, const char *to);
void scratch_rename(const scratch *self, const char *from, const char *to);
void scratch_remove(const scratch *self, const char *path); /* files and empty directories */
bool scratch_exists(const scratch *self, const char *path);
/* True when the file holds exactly `text`. */
bool scratch_holds(const scratch *self, const char *path, const char *text);
/* Waits (some milliseconds) until the file's last change is older than two ticks. */
void scratch_settle(const scratch *self, const char *path);
/* Goes on as a user for whom permissions count, where the tests run as root. For the rest of the
 * test's process. */
void scratch_be_nobody(const scratch *self);

#endif
