/* SPDX-License-Identifier: Apache-2.0 */
/* An older copy of a folder, with its mark, in the folder's place: a stick of last month, an image
 * that was restored. Compared with the base it looks like edits and deletions. What tells it needs
 * no inode numbers: files went back in time to versions that the log has, and all that is here is
 * what was there at one moment of the past. Of each device nothing is here that is later than what
 * has gone from here:
 *
 *     laptop wrote  1: a, b, c    2: a, new    3: c
 *     here are      a of 1, b of 1, c of 1, no new     as it was after 1: an older copy
 *                   a of 1, b of 1, c of 3, new of 2   3 is here, and 2 is not: a was put back
 *                   a of 1, b of 1, c of 3, no new     the same, and new was deleted
 *
 * One file that differs is put back by somebody: an older copy differs in two at least, of which
 * one went back, or one came back that was deleted, and one went. What is new here, and what was
 * edited, says nothing. What lies where its file was, and is missed elsewhere, as after `mv f~ f`,
 * is one with that. A copy that did not keep the times of its files is not told from edits; nor is
 * one with a file that was made alike here and elsewhere in the same second, which shows what the
 * other wrote.
 *
 * Where the folder itself is known to be the same, by a number that lasts and its birth, only the
 * whole disk can have gone back, and its files' ctimes with it. What has a later ctime than all of
 * the base was put there since, by `mv`, `cp -p` or `rsync -a`, and is an edit. */
#ifndef CF_PEER_SOURCES_FILES_OLDER_COPY_H
#define CF_PEER_SOURCES_FILES_OLDER_COPY_H
#include "peer/sources/files/scan.h"

/* What was found of all that a look saw, and of the log up to this position. {0}: nothing. */
typedef struct {
    bool is_known;
    uint64_t seen; /* hash of what was compared */
    uint64_t position;
    size_t changes; /* so many files would be changed or deleted elsewhere; 0: it is none */
} cf_older_copy_verdict;

/* Of a look at everything whose first batch has come. The log is read only where two things went
 * back in time or went, and where `*verdict` is of something else. */
cf_status cf_older_copy_find(cf_peer *peer, const cf_binding *binding, cf_scan *scan,
                             cf_older_copy_verdict *verdict, cf_error *error);

#endif
