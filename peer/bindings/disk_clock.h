/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of the disk on which a source lies: on a share that of another machine. Functions of
 * cf_files; any thread. */
#ifndef CF_PEER_BINDINGS_DISK_CLOCK_H
#define CF_PEER_BINDINGS_DISK_CLOCK_H
#include "broker/platform/files.h"

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

#endif
