/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of the disk on which a source lies: on a share that of another machine. Functions of
 * cf_files; any thread. */
#ifndef CF_PEER_BINDINGS_DISK_CLOCK_H
#define CF_PEER_BINDINGS_DISK_CLOCK_H
#include "broker/platform/files.h"
#include "codec/error.h"
#include "codec/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The time that the disk gives to what is done now, in ns since 1970, cut as it cuts times: that of
 * a file which is made in `temporary`, the source's own folder, and removed again. 0: it can't be
 * told, as nothing can be made there. */
int64_t cf_disk_clock(cf_files *files, const cf_folder *temporary);

/* The later of both times of a directory: one that somebody set back still shows in the other when
 * something was removed. */
int64_t cf_disk_folder_changed(const cf_stat *folder);

/* Whether a directory that shows `changed_ns` was surely not changed at `clock_ns` or later. Some
 * disks cut times, to 2 s at most, which whole seconds may be:
 *
 *     clock 10:00:05.200    changed 10:00:05.101 -> surely, 10:00:04.000 -> perhaps it was,
 *                           10:00:03.000 -> surely */
bool cf_disk_is_before(int64_t changed_ns, int64_t clock_ns);
/* Whether no later change of the directory shows `changed_ns` as well, the disk's clock having
 * shown `clock_ns` before it was looked at (0: nobody knows): where times are fine that is so, and
 * else once their step is over. */
bool cf_disk_is_settled(int64_t changed_ns, int64_t clock_ns);

/* ---- Times of directories without what is mounted there ---- */

/* When directories were changed last, as they were seen while nothing lay in them, or while
 * something in them was held as gone with a disk that is mounted there. One that shows such a time
 * again shows what lies there without that disk, and nobody has removed anything from it meanwhile:
 *
 *     card/ of 9:00, without what was on it    noted, however late it is
 *     card/ with all that was on it            the card is back
 *     card/ of 9:00, without what was on it    it is out again
 */

/* Each note beyond that takes the place of the oldest, whose directory is then judged by the disk's
 * clock alone; the same of notes of one directory. */
enum { CF_BARE_TIMES_MAX = 64, CF_BARE_TIMES_OF_ONE = 4 };

typedef struct {
    uint64_t folder;    /* a node's number */
    int64_t changed_ns; /* as cf_disk_folder_changed tells it */
    uint64_t inode;     /* of the directory then; 0: it tells nothing */
} cf_bare_time;

typedef struct {
    cf_bare_time at[CF_BARE_TIMES_MAX]; /* the oldest first */
    size_t count;
} cf_bare_times; /* {0} is empty */

bool cf_bare_times_have(const cf_bare_times *times, uint64_t folder, int64_t changed_ns);
bool cf_bare_times_have_folder(const cf_bare_times *times, uint64_t folder);
/* The directory is the one that it was while the disk was away, as far as inodes tell. */
bool cf_bare_times_have_inode(const cf_bare_times *times, uint64_t folder, uint64_t inode);
/* False: they have it. */
bool cf_bare_times_add(cf_bare_times *times, cf_bare_time noted);

/* As one element of a record: [folder, changed, inode, folder, changed, inode, …]. */
void cf_bare_times_pack(const cf_bare_times *times, cf_buffer *out);
cf_status cf_bare_times_read(cf_reader *reader, cf_bare_times *times, cf_error *error);

#endif
