/* SPDX-License-Identifier: Apache-2.0 */
/* An arena: memory that is given out piece by piece and freed all at once. For what is made
 * together and ends together, such as a decoded entry or the view of one group. Not thread-safe. */
#ifndef CF_CODEC_ARENA_H
#define CF_CODEC_ARENA_H
#include "codec/bytes.h"

typedef struct cf_arena_block cf_arena_block;

typedef struct {
    cf_arena_block *blocks;
} cf_arena; /* {0} is empty */

/* Zeroed, aligned for any type. Lives until the release. */
void *cf_arena_allocate(cf_arena *arena, size_t count, size_t size);
cf_bytes cf_arena_copy(cf_arena *arena, cf_bytes bytes);
/* A copy with a NUL behind it. */
char *cf_arena_text(cf_arena *arena, cf_bytes bytes);
/* Frees everything; {0} afterwards. */
void cf_arena_release(cf_arena *arena);

/* All that `from` holds is `to`'s from now on; `from` is empty. */
void cf_arena_join(cf_arena *to, cf_arena *from);

#endif
