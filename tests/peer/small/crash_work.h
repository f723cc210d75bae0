/* SPDX-License-Identifier: Apache-2.0 */
/* A small piece of work on a folder, in the midst of which disks fail and processes end. */
#ifndef CF_TESTS_CRASH_WORK_H
#define CF_TESTS_CRASH_WORK_H
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

/* What all have before. */
void crash_work_prepare(small_world *in);
/* All that can be done to a folder: replace, move, delete, swap, mode and time, new things, one of
 * them where a file is that goes into it. */
void crash_work(small_device *self);
/* So that nothing is racy. */
void crash_work_rest(lesser_disk *disk, small_world *in);

/* Of more than goes with an entry; other bytes with each seed. */
void write_large(small_device *self, const char *path, uint8_t seed);

#endif
