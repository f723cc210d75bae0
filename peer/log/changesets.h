/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of changesets whose other parts are not all here: a changeset counts as a whole or not at
 * all (model, rule q). Take 10 from one account in one part, add it to another in the next: in
 * between the sum is wrong. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_CHANGESETS_H
#define CF_PEER_LOG_CHANGESETS_H
#include "codec/arena.h"
#include "codec/entry.h"

typedef struct cf_changesets cf_changesets;

cf_changesets *cf_changesets_new(void);
void cf_changesets_destroy(cf_changesets **changesets);
size_t cf_changesets_count(const cf_changesets *changesets);

/* Keeps a copy of the entry, which is this part of so many. Keeping it twice does no harm. */
void cf_changesets_hold(cf_changesets *changesets, const cf_entry *entry, uint64_t part,
                        uint64_t parts);

/* Whether a part that is not kept here counts already: of a fork both branches may go on from it.
 */
typedef bool cf_part_counts(void *context, const cf_head *part);
/* The bytes of a changeset of which all parts are here or count, in order, in the arena; they are
 * kept no more. False: there is none. */
bool cf_changesets_take(cf_changesets *changesets, cf_part_counts *counts, void *context,
                        cf_arena *arena, cf_bytes **wires, size_t *count);

#endif
