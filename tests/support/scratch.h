/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, removed at its end, and what users do in it: through libc and paths, so
 * that the code under test is not its own witness. Every failure ends the test. There are two of
 * them: scratch.c is a real directory, tests/worlds/disk_scratch.c one on a simulated disk; a test
 * is linked with either. */
#ifndef CF_TESTS_SCRATCH_H
#define CF_TESTS_SCRATCH_H
#include "broker/platform/files.h"

typedef struct {
    char path[64];
    cf_files *files;
    cf_folder *folder; /* of `path` */
} scratch;

scratch *scratch_new(void);
void scratch_destroy(scratch **self);

/* All paths are below the directory. */
void scratch_write(const scratch *self, const char *path, const char *text);
/* Into a file that is there, at an offset or beyond its end. */
void scratch_patch(const scratch *self, const char *path, uint64_t offset, cf_bytes bytes);
void scratch_resize(const scratch *self, const char *path, uint64_t size);
void scratch_read(const scratch *self, const char *path, cf_buffer *out); /* appends */
void scratch_mkdir(const scratch *self, const char *path);
void scratch_symlink(const scratch *self, const char *path, const char *target);
void scratch_hard_link(const scratch *self, const char *from, const char *to);
void scratch_rename(const scratch *self, const char *from, const char *to);
void scratch_remove(const scratch *self, const char *path); /* files and empty directories */
void scratch_remove_tree(const scratch *self, const char *path);
void scratch_chmod(const scratch *self, const char *path, unsigned mode);
void scratch_fifo(const scratch *self, const char *path);
void scratch_socket(const scratch *self, const char *path);
bool scratch_exists(const scratch *self, const char *path);
/* True when the file holds exactly `text`. */
bool scratch_holds(const scratch *self, const char *path, const char *text);

/* Somebody has the file open. */
typedef struct scratch_hold scratch_hold;
scratch_hold *scratch_open_for(const scratch *self, const char *path, bool writing);
void scratch_close(scratch_hold **hold);

/* Waits (some milliseconds) until the file's last change is older than two ticks. */
void scratch_settle(const scratch *self, const char *path);
/* By the clock that stamps its files. */
int64_t scratch_now_ns(const scratch *self);
/* Goes on as a user for whom permissions count, where the tests run as root. For the rest of the
 * test's process. */
void scratch_be_nobody(const scratch *self);

/* Of a real directory only: a descriptor, of a file with mode 0644. */
int scratch_open(const scratch *self, const char *path, int flags);

#endif
