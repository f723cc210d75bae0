/* SPDX-License-Identifier: Apache-2.0 */
/* A file system of few bytes, for tests of full disks. */
#ifndef CF_TESTS_SMALL_DISK_H
#define CF_TESTS_SMALL_DISK_H
#include <stddef.h>

/* Mounts one over `path`, for this process alone; skips the test where that is not allowed. */
void small_disk_mount(const char *path, size_t size);
void small_disk_unmount(const char *path);
/* A file that leaves `room` bytes. */
void small_disk_fill(const char *path, size_t room);
void small_disk_make_room(const char *path);

#endif
