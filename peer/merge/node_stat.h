/* SPDX-License-Identifier: Apache-2.0 */
/* What a node of the base remembers of its file, and what a stat shows now. */
#ifndef CF_PEER_MERGE_NODE_STAT_H
#define CF_PEER_MERGE_NODE_STAT_H
#include "broker/platform/files.h"
#include "peer/merge/node.h"

/* Not racy: who knows better says so. */
cf_node_stat cf_node_stat_of(const cf_stat *stat);
cf_stat cf_stat_of_node(const cf_node *node);

/* Both are of one file, whatever is in it by now. */
bool cf_node_stat_same_file(const cf_node_stat *known, const cf_stat *now);
/* And the file has the same bytes, as far as size and time tell; it may have been renamed. */
bool cf_node_stat_same_bytes(const cf_node_stat *known, const cf_stat *now);
/* And nothing was done to the file at all, as far as times tell: of a racy one they don't. */
bool cf_node_stat_untouched(const cf_node_stat *known, const cf_stat *now);

/* We have set mode or time of a file: what a user saved in the moment before has been stamped over,
 * so only reading tells whether it is still the base's. */
void cf_node_distrust(cf_node *node);

/* Values of fields as the disk takes them; the default when there is none. */
uint32_t cf_mode_of(cf_bytes value, uint32_t otherwise);
bool cf_mtime_of(cf_bytes value, int64_t *mtime_ns);

/* ---- Coarse times ---- */

/* Coarse times: on some disks (ext2: 1 s, exFAT: 2 s) two saves within one step get the same time,
 * and where they are of one size nothing but reading tells them apart. A file is racy (git's word)
 * when its time is not earlier than that of a file just made there, before it was read: a save from
 * then on may leave no trace. What is racy counts as unread at the next look.
 *
 *     steps of 2 s: saved at 3.1 (time 2), read at 3.5 (a file made there: 2): racy;
 *     saved again at 3.9 (time 2), read at 4.2 (a file made there: 4): not any more.
 *
 * The disk's own clock alone decides: a share's may differ from ours, and how its steps are cut
 * needs not to be known. A time that lies ahead (the clock was set back, or a program set the time)
 * makes racy only while it is less than CF_RACY_AHEAD_NS ahead: one further ahead counts as old, or
 * the file would be read at each look until its time comes. Pure but for cf_racy_now. */

#define CF_RACY_AHEAD_NS INT64_C(600000000000)

/* When something was last done to the file; where the disk keeps no such time, when it was last
 * written to. */
int64_t cf_racy_time(const cf_stat *stat);
/* The time looks cut, to whole hundredths of a second or more: finer steps are shorter than what a
 * read waits for anyway. Of an exact time one in ten million looks so, and costs a reading. */
bool cf_racy_is_coarse(const cf_stat *stat);

/* The time that a file just made in `folder` gets, which is gone afterwards; `name` is one that
 * nobody else uses at the moment. */
cf_status cf_racy_now(cf_files *files, const cf_folder *folder, cf_bytes name, int64_t *out_ns,
                      cf_error *error);
/* The time of a folder in which nothing can be made: no later than cf_racy_now would give, if the
 * clocks agree within 8 s. */
int64_t cf_racy_now_by_clock(int64_t now_ns);

/* 0: the file, read when or after the disk's time was `disk_ns`, is not racy; else in how many ms
 * its step is over for sure. */
uint32_t cf_racy_wait_ms(const cf_stat *stat, int64_t disk_ns);
/* Whether the file is racy as our clock tells, for who can make no file there: the disk's time is
 * of the step of its clock that goes on, or of the one before or after. */
bool cf_racy_by_clock(const cf_stat *stat, int64_t now_ns);
/* A file that came from elsewhere was put in place with this stat, at `now_ns` by our clock:
 * whether its time, which another device's clock gave it, may be the one that a save here gets. */
bool cf_racy_is_placed(const cf_stat *stat, int64_t now_ns);

#endif
