/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated disk: the files of one device (broker/platform/files.h) in memory, with the time, the
 * faults and the power cuts of a seed. What users do on it is in disk_users.h. Same seed, same
 * calls: same answers, to the bit. For one thread. Paths are absolute, as on a device of its own.
 *
 * What a power cut leaves. There are two states of everything: what is seen, and what is durable.
 *
 *  - Names. Every step that changes names (create, link, rename, exchange, replace, remove) is
 *    atomic, and waits to become durable. A cut lets any of the waiting steps be durable, as long
 * as each folder and each thing keeps the order of its own steps: of the steps in one folder a
 *    prefix is there; a rename between two folders is there in both or in neither, so nothing is
 *    lost or doubled by it. Steps of different folders know no order, except where a file would
 *    be lost that nobody removed: what is moved into a folder needs that folder, and all above it,
 *    to be where they were, and a folder that is removed has been emptied. (ext4 and XFS keep one
 *    order of all steps; POSIX promises less than this.)
 *    sync_folder makes all steps of one folder durable, and those they need, and no others: the
 *    folder's own name is a step in the folder above. sync_file makes no name durable, unless
 *    `names_follow_files`.
 *  - Contents and attributes of a file. sync_file makes them durable. Without it a cut leaves, of
 *    the contents since then: the old, the new, the new with any of its blocks still old (or zeros,
 *    where there was none), zeros in the new length, or the old cut to the shortest that the file
 *    was meanwhile; with attributes that are old or new where the contents are old, and new where
 *    they are not. A new file is empty until its contents are durable.
 *  - What nothing durable leads to any more is gone.
 *
 * After a cut the program's and users' open things are dead: all calls on them fail (CF_IO) and
 * change nothing, and they are closed as ever. So cut first, then drop the program.
 *
 * A failed sync_file has written some blocks, by the seed, and takes all others as written: they
 * never will be unless they are written to again, and either read as before until the cut, or as
 * on the disk from now on. A failed sync_folder has made some of its steps durable. */
#ifndef CF_TESTS_DISK_H
#define CF_TESTS_DISK_H
#include "broker/platform/files.h"

typedef struct disk disk;
typedef struct disk_image disk_image;

typedef struct {
    uint64_t seed;
    const uint64_t *now_ms; /* the clock that stamps files; outlives the disk */
    int64_t tick_ns;        /* between two stamps; 0: 4 ms */
    uint64_t capacity;      /* bytes; 0: no end */
    bool
        names_follow_files; /* sync_file makes the file's name durable: as Linux' file systems do */
    bool births_unknown;    /* no birth times */
    bool clones_never;      /* no shared blocks */
    int64_t step_ns;        /* of all times, which are cut to it; 0: 1 ns */
    bool modes_never;       /* what is set is forgotten, and everything is 0777 */
    bool symlinks_never;    /* no symbolic ones */
    bool flags_never;       /* rename takes no flags: it replaces, and doesn't exchange */
    bool hard_links_never;  /* a file has one name, for the program */
    bool renumbers;         /* what is put in has other numbers than when it was taken out, */
    bool tells_numbers;     /* and the system says so */
    bool is_remote;         /* the system says that other machines change it */
} disk_options;

disk *disk_new(const disk_options *options);
/* Nothing of it is open any more. */
void disk_destroy(disk **self);
/* Fit for an environment; lives as long as the disk. Folders have no descriptor. */
cf_files *disk_files(disk *self);

/* An empty folder at the path, with all that is missing above it; durable. */
void disk_make_folder(disk *self, const char *path);
/* The same as a file system of its own: nothing is renamed, linked or cloned between two. */
void disk_mount(disk *self, const char *path);

/* ---- What is mounted ---- */

/* What is mounted there is taken off, and nothing is there. What is held open on it fails from then
 * on (CF_IO). PULLED: what was not synced on it is as after a power cut; else all of it is durable.
 * False: nothing is mounted there, or something is out already. Meanwhile oracles see it where it
 * was. */
bool disk_take_out(disk *self, const char *path, bool is_pulled);
bool disk_is_out(const disk *self);
/* It is mounted anew, over what stands there, which goes: a user's, who took something else out.
 * The number of its device is another one, but where there are no birth times and numbers last. */
void disk_put_in(disk *self, const char *path);

/* ---- Faults ---- */

/* Of a million calls so many fail; users' acts never do. */
typedef struct {
    uint32_t reads;   /* CF_IO where something is opened, listed, examined or read; some of it may
                         have been read */
    uint32_t changes; /* CF_IO where something is changed; some of the bytes may be written */
    uint32_t syncs;   /* CF_IO, as said above */
    uint32_t full;    /* CF_FULL where room is needed; some of the bytes may be written */
} disk_rates;

void disk_set_rates(disk *self, const disk_rates *rates); /* NULL: none */
/* 0: no end. Less than is used: nothing can be added. For users, too. */
void disk_set_capacity(disk *self, uint64_t bytes);
/* What is stamped from now on is cut to this; 0: 1 ns. */
void disk_set_step(disk *self, int64_t step_ns);
/* So many calls of the program more, then all of them fail, as when the power is cut just there;
 * disk_crash ends it. 0: not. */
void disk_cut_after(disk *self, uint64_t calls);
/* Calls that a fault made fail, so far. */
uint64_t disk_faults_seen(const disk *self);

/* ---- Durability ---- */

/* All that there is becomes durable, as with sync(2): what the kernel does after a while. */
void disk_sync(disk *self);
/* The power is cut, and comes back. */
void disk_crash(disk *self);

/* A copy of what is durable. To copy a device that is shut down, disk_sync comes first. */
disk_image *disk_snapshot(const disk *self);
/* The disk holds the image, in the state of after a power cut. It may be another disk's. */
void disk_restore(disk *self, const disk_image *image);
void disk_image_destroy(disk_image **image);

/* ---- For oracles: what is there, whatever modes and faults say ---- */

typedef struct {
    const char *path; /* below the folder that was asked for */
    cf_stat stat;
    cf_bytes bytes;  /* of a file, or a link's target; for the call */
    bool is_spoiled; /* the last power cut took of it what a sync had called durable, after one that
                        failed */
} disk_thing;

typedef struct {
    const char *skip; /* a name, wherever it is, with all below it; NULL: none */
    bool no_bytes;    /* don't gather them */
    bool as_mounted;  /* what stands there, also instead of what was taken out */
} disk_walk_options;

/* In the order of names, a folder before what is in it. False: there is no folder at the path. */
bool disk_walk(const disk *self, const char *path, const disk_walk_options *options,
               void (*visit)(void *context, const disk_thing *thing), void *context);

typedef struct {
    const char *skip;
    bool as_mounted;
    bool times;  /* of files */
    bool inodes; /* with births, and counts of links */
    bool no_modes;
    /* NULL: all things. */
    bool (*takes)(void *context, const disk_thing *thing);
    void *context;
} disk_dump_options;

/* A line for each thing: its kind (d, f, l, ?), its path, its mode unless `no_modes`, then for a
 * file its size, a sum of its bytes and, when they are few, the bytes; for a link its target. Bytes
 * that are not printable are \xNN. Equal trees have equal dumps. */
bool disk_dump(const disk *self, const char *path, const disk_dump_options *options,
               cf_buffer *out);

#endif
