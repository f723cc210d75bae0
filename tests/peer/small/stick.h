/* SPDX-License-Identifier: Apache-2.0 */
/* A disk with a device's source, in whose place another may be mounted, or what it was a while ago.
 */
#ifndef CF_TESTS_STICK_H
#define CF_TESTS_STICK_H
#include "tests/peer/small/guarded.h"
#include "tests/peer/small/lesser_disk.h"

typedef struct {
    lesser_disk disk;
    small_world *w;
    small_device *first, *second;
    cf_store *store; /* of the first, whose readings of the whole log are counted: */
    cf_store plain;
    uint64_t log_reads;
    uint64_t file_reads; /* of the first since the disk was mounted */
} stick;

/* Two devices have so many files, the first on the stick: file0, file1, ... */
void stick_begin(stick *self, int files);
/* Whether the disk makes up the numbers of its files each time that it is mounted (as stick_begin
 * has it). */
void stick_begin_on(stick *self, int files, bool renumbers);
void stick_end(stick *self);

/* Another disk is mounted there, as far as anybody knows. */
void stick_remount(stick *self);
/* What is done from here on is later than all before, as far as the disk tells. */
void stick_pass_time(stick *self);
/* Since now. */
void stick_count_log_reads(stick *self);

/* The first has it as it was long ago, when no two were written at once. */
void stick_put_back(stick *self, const char *name);
void write_since(small_device *self, const char *name);

/* The first syncs: what it has is held as an older copy, and nothing of it published, or is not. */
void expect_stick_held(stick *self, bool is_held);

#endif
