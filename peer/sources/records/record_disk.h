/* SPDX-License-Identifier: Apache-2.0 */
/* One file of records on the disk: read whole as of one moment, and exchanged for another, or taken
 * away, so that neither a crash nor a user who saves meanwhile loses anything. What is made, and
 * what was displaced, lies in a folder for temporary files of the same file system: what its caller
 * keeps of it tells after a crash what it was (cf_record_disk_clear). */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_DISK_H
#define CF_PEER_SOURCES_RECORDS_RECORD_DISK_H
#include "broker/platform/files.h"
#include "codec/ids.h"
#include "peer/merge/node.h"

typedef struct {
    cf_files *files;
    cf_folder *opened;       /* by itself, */
    const cf_folder *folder; /* or its caller's */
    cf_bytes name;           /* the caller's */
    bool there;
    cf_stat stat;
    cf_buffer bytes;
} cf_record_disk; /* {0} is empty */

/* How a file is read. What will be published is made durable first, unless it is the file that it
 * was when it was; a name only where this opens its folder itself. */
typedef struct {
    uint64_t now_ms;
    bool only_looks;            /* nothing of it is published: it needn't be durable */
    const cf_node_stat *synced; /* it was made durable with this stat; NULL: nobody knows */
} cf_record_reading;

/* CF_CHANGED: it is not at rest, look again soon; the text says why. CF_MISSING: its folder isn't
 * there. CF_OK also when there is no file. To be released in any case. */
cf_status cf_record_disk_read(cf_files *files, const char *path, const cf_record_reading *how,
                              cf_record_disk *out, cf_error *error);
/* Reads a file in a folder that is held. */
cf_status cf_record_disk_read_in(cf_files *files, const cf_folder *folder, cf_bytes name,
                                 const cf_record_reading *how, cf_record_disk *out,
                                 cf_error *error);
/* Reading in two parts, between which the caller makes the file durable, with others: `*file`,
 * which he hands back whatever came of that. NULL: the first part was all. */
cf_status cf_record_disk_read_begin(cf_files *files, const cf_folder *folder, cf_bytes name,
                                    const cf_record_reading *how, cf_record_disk *out,
                                    cf_file **file, cf_error *error);
/* `sync` has what came of it; its error is the error of all. */
cf_status cf_record_disk_read_end(cf_record_disk *disk, cf_file **file, cf_file_sync *sync);
void cf_record_disk_release(cf_record_disk *disk);
/* Whether a change just now would show in this stat. */
bool cf_record_disk_at_rest(const cf_files *files, const cf_stat *stat, uint64_t now_ms);

/* What is to take its place: a file in `folder`, and the stat that it got. */
typedef struct {
    const cf_folder *folder; /* for temporary files */
    cf_bytes name;
    cf_stat ours;
} cf_record_replacement;

/* Makes the file, durably; nothing is left of it when that fails. */
cf_status cf_record_disk_make(const cf_record_disk *disk, cf_record_replacement *replacement,
                              cf_bytes bytes, cf_error *error);
/* Making in two parts, between which the caller makes the file durable, with others. */
cf_status cf_record_disk_begin(const cf_record_disk *disk, const cf_record_replacement *replacement,
                               cf_bytes bytes, cf_file **out, cf_error *error);
/* `sync` has what came of that; its error is the error of all. */
cf_status cf_record_disk_end(const cf_record_disk *disk, cf_record_replacement *replacement,
                             cf_file **file, cf_file_sync *sync);
/* Puts it in the place of what was read, or where nothing was. CF_CHANGED: a user was faster;
 * nothing of his is lost. Afterwards `disk` is there with the stat of the new file, unless a user
 * has replaced that. The folder is to be synced then. */
cf_status cf_record_disk_place(cf_record_disk *disk, const cf_record_replacement *replacement,
                               cf_error *error);
/* After a failure: takes it away, if it is still what lies there. False: something else does. */
bool cf_record_disk_give_up(const cf_record_disk *disk, const cf_record_replacement *replacement);
/* Deletes what was read, by way of the replacement's name. CF_CHANGED as above. */
cf_status cf_record_disk_delete(cf_record_disk *disk, const cf_record_replacement *by,
                                cf_error *error);

/* What was found after a crash, and is kept. */
typedef enum {
    CF_RECORD_LEFT_NOTHING,
    CF_RECORD_LEFT_SAVED, /* a user may have saved it: it is in its place again, or beside it */
    CF_RECORD_LEFT_ANEW,  /* its place was empty, and a user put something else there, which knows
                             nothing of what is now beside it */
} cf_record_left;

/* After a crash: takes away what lies under the temporary name, if it has one of these hashes, of
 * which the first is that of what was made. Else it returns to its place, or, if something is
 * there, under a name beside it.
 *
 *     intent: v1 becomes v2; v1 lies there:    exchanged already, it goes
 *     v2 lies there:                           made, and not yet exchanged, it goes
 *     v3 lies there:                           a user saved v3 before the exchange: it returns
 *     v1 was moved aside, a user makes v4:     v4 stays, v1 returns beside it, v2 goes */
cf_status cf_record_disk_clear(const cf_record_disk *disk, const cf_record_replacement *left,
                               const cf_hash *known, size_t count, cf_record_left *found,
                               cf_error *error);
/* Whether that would find CF_RECORD_LEFT_ANEW: what it found once shows no more. */
cf_status cf_record_disk_is_anew(const cf_record_disk *disk, const cf_record_replacement *left,
                                 const cf_hash *known, size_t count, bool *anew, cf_error *error);

#endif
