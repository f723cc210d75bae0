/* SPDX-License-Identifier: Apache-2.0 */
/* Where the copies of a source's contents lie: in the home, or in a folder that the user named, on
 * another disk as a rule. That has a mark, so that a disk which is away, or another one in its
 * place, is known:
 *
 *     DIR/.counterfoil-base/mark     "counterfoil base", then "id HEX", "device HEX", "home PATH"
 *                                    and "source PATH", a line each
 *     DIR/.counterfoil-base/HASH     a copy, or prints, as in the home's `base`
 *
 * The folder is held only while something is done in it, so that its disk can be unmounted. The
 * mark is durable before the source's record speaks of it; the copies are a cache. What the source
 * showed, and the hashes of leaves, stay in the home's store. */
#ifndef CF_PEER_BINDINGS_BASE_PLACE_H
#define CF_PEER_BINDINGS_BASE_PLACE_H
#include "broker/platform/files.h"
#include "codec/ids.h"

#define CF_BASE_FOLDER ".counterfoil-base"

typedef struct {
    char *dir; /* absolute; NULL: in the home */
    cf_id id;  /* in its mark */
} cf_base_place;

typedef struct {
    cf_id id;
    cf_hash device; /* whose home has it */
    const char *home, *source;
} cf_base_mark;

/* Of a mark, in bytes: two paths, and a line for each of the others. */
enum { CF_BASE_MARK_MAX = 9216 };

/* The mark as it is written; appended. */
void cf_base_mark_pack(const cf_base_mark *mark, cf_buffer *out);
/* The paths are in the arena. CF_MALFORMED: it is none. */
cf_status cf_base_mark_read(cf_bytes text, cf_arena *arena, cf_base_mark *out, cf_error *error);

/* What lies in `dir`. CF_MISSING: no mark. CF_MALFORMED: one that nobody understands. */
cf_status cf_base_place_look(cf_files *files, const char *dir, cf_arena *arena, cf_base_mark *out,
                             cf_error *error);
/* Makes `dir`, if the folder above it is there, and the mark in it, in the place of any other.
 * Durable at return. */
cf_status cf_base_place_make(cf_files *files, const char *dir, const cf_base_mark *mark,
                             cf_error *error);
/* The folder of the copies, if it has the place's mark. CF_CHANGED: it is away, or another; the
 * text is what follows the folder's name, "is not there". From any thread. */
cf_status cf_base_place_open(cf_files *files, const cf_base_place *place, cf_folder **out,
                             cf_error *error);
/* Takes away the copies and the mark, if it is the place's own, and nothing else. As
 * cf_base_place_open. */
cf_status cf_base_place_remove(cf_files *files, const cf_base_place *place, cf_error *error);

/* How a copy is named; with a suffix of at most 4 bytes. */
enum { CF_BASE_NAME = 2 * CF_HASH_SIZE + 5 };
cf_bytes cf_base_name(const cf_hash *hash, const char *suffix, char text[CF_BASE_NAME]);

#define CF_BASE_MAKING ".new" /* what is being made */
#define CF_BASE_LENT ".was"   /* the copy of what was before, while it is brought up to date */
#define CF_BASE_PRINTS ".blk" /* prints of the content's blocks: base_prints.h */

/* A copy of a content, its prints, or one that is being made; nothing else is ever taken away. */
bool cf_base_place_owns(cf_bytes name);

cf_base_place cf_base_place_copy(const cf_base_place *place);
void cf_base_place_release(cf_base_place *place);

#endif
