/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a small world: what users do in them, by path, and what they hold. What can't be
 * done (a directory stands there, or none does) is not done. */
#ifndef CF_TESTS_SMALL_FOLDER_H
#define CF_TESTS_SMALL_FOLDER_H
#include "tests/peer/small/small_world.h"

/* How programs save. */
typedef enum {
    SAVE_IN_PLACE,    /* the same file, cut and written */
    SAVE_BY_RENAME,   /* a new file, renamed over the old one */
    SAVE_WITH_BACKUP, /* the old one to NAME~, then a new file */
    SAVE_WAYS,
} save_way;

bool user_saves(small_device *self, const char *path, cf_bytes bytes, save_way how);
/* Bytes that nothing makes smaller, to be written; the caller releases them. */
cf_buffer small_world_noise(small_world *in, size_t size);
void user_writes(small_device *self, const char *path, const void *bytes, size_t size);
void user_writes_text(small_device *self, const char *path, const char *text);
/* A file that is mostly a hole. */
bool user_writes_sparse(small_device *self, const char *path, uint64_t size, cf_bytes end);
void user_makes(small_device *self, const char *path);
bool user_points(small_device *self, const char *path, const char *target); /* a symbolic link */
bool user_moves(small_device *self, const char *from, const char *to);
bool user_swaps(small_device *self, const char *a, const char *b);
bool user_links(small_device *self, const char *from, const char *to); /* a hard one */
void user_changes_mode(small_device *self, const char *path, unsigned mode);
void user_stamps(small_device *self, const char *path, uint64_t seconds);
void user_removes(small_device *self, const char *path); /* with all that is in it */
bool user_reads(const small_device *self, const char *path, cf_buffer *out);
/* Under that name as it is spelled, whatever the disk of the device takes for one. */
bool user_reads_as(const small_device *self, const char *path, const char *text);

/* What a folder holds: a line for each thing, sorted. */
void small_device_tree(const small_device *self, cf_buffer *out);
/* The content of a file or link as it stands in such a line; false: there is none. */
bool small_device_token(const small_device *self, const char *path, char token[64]);
/* The folders hold the same. */
bool small_world_equal(small_world *self, cf_buffer *difference);

void folder_remove(const char *path);

/* Another folder of the device, with the same collection and only what matches the pattern (NULL:
 * all): a device that has nothing but a place, for what users do there. */
enum { FOLDER_BESIDE = 11 }; /* its number */
small_device folder_beside(small_device *self, const char *pattern);

/* Its tree, as small_device_tree tells it, has this somewhere. */
bool small_device_has_line(const small_device *self, const char *line);

/* So many named pipes, whose paths are these letters and a number: none can be synced. */
void user_makes_pipes(const small_device *self, const char *letters, int count);

/* One byte more, before all others: each other one is elsewhere. */
void insert_in_front(cf_buffer *bytes);

#endif
