/* SPDX-License-Identifier: Apache-2.0 */
/* Base nodes, found by number, by place and by inode. For files_identity. */
#ifndef CF_PEER_SOURCES_FILES_FILES_KNOWN_H
#define CF_PEER_SOURCES_FILES_FILES_KNOWN_H
#include "codec/arena.h"
#include "peer/sources/files/files_identity.h"

#define CF_KNOWN_NONE SIZE_MAX
#define CF_KNOWN_ROOT (SIZE_MAX - 1) /* the source's folder, which is no node */

typedef struct cf_files_known cf_files_known;

/* Everything lies in the arena; `nodes` are borrowed. */
cf_files_known *cf_files_known_new(cf_arena *arena, const cf_identity_node *nodes, size_t count);

/* Indexes into `nodes`, or CF_KNOWN_NONE. */
size_t cf_files_known_number(const cf_files_known *known, uint64_t number);
size_t cf_files_known_place(const cf_files_known *known, uint64_t parent, cf_bytes name);
/* The nodes of this kind that are this very file, one after the other: begin with CF_KNOWN_NONE. */
size_t cf_files_known_next_same(const cf_files_known *known, const cf_stat *stat, char kind,
                                size_t after);
/* Of these nodes those that have this name, too, wherever. */
size_t cf_files_known_next_named(cf_files_known *known, const cf_stat *stat, char kind,
                                 cf_bytes name, size_t after);

/* Stats with a number each; the first one that is the same file is found. */
typedef struct cf_stat_index cf_stat_index;
cf_stat_index *cf_stat_index_new(cf_arena *arena, size_t capacity);
void cf_stat_index_add(cf_stat_index *index, const cf_stat *stat, size_t number);
size_t cf_stat_index_find(const cf_stat_index *index, const cf_stat *stat); /* or CF_KNOWN_NONE */

#endif
