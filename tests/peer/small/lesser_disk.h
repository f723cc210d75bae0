/* SPDX-License-Identifier: Apache-2.0 */
/* The disk of a small world, keeping less: its clock stands still until it is moved, so that all
 * that is done in between has one time; numbers and births of files may be those of a mount. What
 * lies on it is real. */
#ifndef CF_TESTS_LESSER_DISK_H
#define CF_TESTS_LESSER_DISK_H
#include "tests/peer/small/small_world.h"

enum { LESSER_MOVES_MAX = 64, LESSER_THINGS_MAX = 4096 };

typedef struct {
    small_world *in;
    int64_t began_ns; /* by the real clock */
    struct {
        int64_t real_ns, to_ns; /* from then on, it shows this */
    } moves[LESSER_MOVES_MAX];
    size_t move_count;
    int64_t fraction_ns; /* of a second, that it shows beside, where it cuts no times */
    bool no_ctimes;      /* what was last done to a file is what was last written to it */
    bool renumbers;      /* numbers are those of a mount, in the order in which things are seen */
    uint64_t seen[LESSER_THINGS_MAX];
    size_t seen_count;
    bool is_remote;      /* others change it */
    uint64_t mounts;     /* that have come and gone: each has another number */
    bool unwatchable;    /* nothing tells of what happens there */
    bool deaf;           /* watches are taken, and tell nothing: they are of another folder, */
    int elsewhere;       /* which the caller has opened */
    bool unmakeable;     /* nothing new can be made in its temporary folder */
    uint64_t reads;      /* times that a file of a user's was opened, */
    uint64_t listings;   /* and that a root or folder was listed, */
    size_t watched;      /* or a watch was asked for */
    const char *between; /* once a folder whose path ends in this was listed, */
    void (*happens)(void *context); /* this does, once */
    void *context;
} lesser_disk;

/* From now on all devices' folders lie on such; its clock shows the world's. `self` outlives the
 * world. */
void lesser_disk_begin(lesser_disk *self, small_world *in);
/* Its clock shows this from now on, cut to seconds; it may be earlier. */
void lesser_disk_set_clock(lesser_disk *self, int64_t now_ns);
int64_t lesser_disk_clock(const lesser_disk *self);
/* Other numbers for all that is there: `unlike` things are seen before. */
void lesser_disk_remount(lesser_disk *self, size_t unlike);

#endif
