/* SPDX-License-Identifier: Apache-2.0 */
/* When directories were changed last, as they were seen while nothing lay in them, or while
 * something in them was held as gone with a disk that is mounted there. One that shows such a time
 * again shows what lies there without that disk, and nobody has removed anything from it meanwhile:
 *
 *     card/ of 9:00, without what was on it    noted, however late it is
 *     card/ with all that was on it            the card is back
 *     card/ of 9:00, without what was on it    it is out again
 */
#ifndef CF_PEER_BINDINGS_BARE_TIMES_H
#define CF_PEER_BINDINGS_BARE_TIMES_H
#include "codec/error.h"
#include "codec/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
