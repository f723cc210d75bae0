/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a simulated disk, who work beside the product by path; intermediate symbolic links are
 * followed, the last one is not. What can't be done (something stands there, nothing does, no room)
 * is not done, and the answer is false. No fault hits them; a power cut hits what they did. */
#ifndef CF_TESTS_DISK_USERS_H
#define CF_TESTS_DISK_USERS_H
#include "tests/worlds/disk.h"

/* How programs save. */
typedef enum {
    DISK_SAVE_IN_PLACE,    /* the same file, cut and written */
    DISK_SAVE_BY_RENAME,   /* NAME.new, renamed over the old one */
    DISK_SAVE_WITH_BACKUP, /* the old one to NAME~, then a new file */
    DISK_SAVE_WAYS,
} disk_save_way;

bool disk_user_saves(disk *self, const char *path, cf_bytes bytes, disk_save_way how);
bool disk_user_writes(disk *self, const char *path, const char *text); /* in place */
/* In place, without a cut: into what is there, or beyond its end. */
bool disk_user_patches(disk *self, const char *path, uint64_t offset, cf_bytes bytes);
bool disk_user_truncates(disk *self, const char *path, uint64_t size);
bool disk_user_makes_folder(disk *self, const char *path);
bool disk_user_makes_link(disk *self, const char *path, const char *target); /* symbolic */
bool disk_user_makes_fifo(disk *self, const char *path);
bool disk_user_makes_socket(disk *self, const char *path);
bool disk_user_links(disk *self, const char *from, const char *to); /* a hard link */
bool disk_user_moves(disk *self, const char *from, const char *to); /* replaces, as mv does */
bool disk_user_swaps(disk *self, const char *a, const char *b);
bool disk_user_removes(disk *self, const char *path); /* with all that is in it */
bool disk_user_unlinks(disk *self, const char *path); /* a file or an empty folder */
bool disk_user_chmods(disk *self, const char *path, uint32_t mode);
bool disk_user_touches(disk *self, const char *path); /* now; makes an empty file */
bool disk_user_stamps(disk *self, const char *path, int64_t mtime_ns);
/* Another owner's from now on: the product may read it if others may, and can't tell its writers.
 */
bool disk_user_gives_away(disk *self, const char *path);
/* fsync of the file or folder. */
bool disk_user_syncs(disk *self, const char *path);

bool disk_user_stat(const disk *self, const char *path, cf_stat *out);
/* A file's bytes, or a link's target; appended. */
bool disk_user_reads(const disk *self, const char *path, cf_buffer *out);
/* A sync of the file there failed since the last power cut: it may read as on the disk since. */
bool disk_user_lost(const disk *self, const char *path);

/* Somebody has a file open: what is written goes to it wherever it is moved. */
typedef struct disk_hold disk_hold;
bool disk_user_opens(disk *self, const char *path, bool to_write, disk_hold **out);
bool disk_user_writes_at(disk_hold *hold, uint64_t offset, cf_bytes bytes);
void disk_user_closes(disk_hold **hold);

#endif
