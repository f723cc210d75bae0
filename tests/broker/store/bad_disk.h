/* SPDX-License-Identifier: Apache-2.0 */
/* A real ext4 on a loop device whose disk fails, for tests of errors of the disk. */
#ifndef CF_TESTS_BAD_DISK_H
#define CF_TESTS_BAD_DISK_H
#include <stdbool.h>

/* Mounts one over `path`, for this process alone; skips the test where that is not allowed. */
void bad_disk_mount(const char *path);
void bad_disk_unmount(const char *path);
/* The kernel finds the file system damaged: from then on it is read-only, for open files, too. */
void bad_disk_fail(const char *path);
/* Until it is told again nothing is written to what lies in `path`, nor made there; files stay
 * open. */
void bad_disk_refuse(const char *path, bool refuses);

#endif
