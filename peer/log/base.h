/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of bases: a cache in the home, by content hash, from which deltas are made. Never
 * relied on: what is read of it is verified. What outlives it are the hashes of leaves, in the
 * store. */
#ifndef CF_PEER_LOG_BASE_H
#define CF_PEER_LOG_BASE_H
#include "peer/sources/binding.h"

typedef struct cf_bases cf_bases;

cf_bases *cf_bases_new(cf_peer *peer);
/* Waits for copies under way. */
void cf_bases_destroy(cf_bases **bases);

/* The file with these bytes, if there is one; nobody has checked them. CF_MISSING. From any thread.
 */
cf_status cf_base_open(const cf_env *env, const cf_home *home, const cf_hash *hash, cf_file **out,
                       cf_error *error);
void cf_base_drop(const cf_env *env, const cf_home *home, const cf_hash *hash);

/* A node's file is as its content says: keeps a copy in the background, if the binding wants one
 * and there is room. */
void cf_bases_keep(cf_bases *bases, const cf_binding *binding, const cf_node *node);
/* Somebody else put a copy of so many bytes there. */
void cf_bases_wrote(cf_bases *bases, uint64_t size);
/* Copies are under way or waiting. */
bool cf_bases_busy(const cf_bases *bases);
void cf_bases_step(cf_bases *bases);
/* Drops the copies of what none of these sources shows any more. */
void cf_bases_sweep(cf_bases *bases, cf_binding *const *bindings, size_t count);
/* It is time to: so much was copied since the last time that much of it may be stale. The work
 * stays in proportion to the copies, and the cache to what is shown. */
bool cf_bases_overdue(const cf_bases *bases);
/* Nothing of this binding any more: it ends. */
void cf_bases_forget(cf_bases *bases, const cf_binding *binding);

/* Leaf hashes of a content, 32 bytes each, appended; CF_MISSING. */
cf_status cf_leaves_get(cf_peer *peer, const cf_hash *hash, cf_buffer *out, cf_error *error);
void cf_leaves_put(const cf_hash *hash, cf_bytes leaves, cf_records *records);

#endif
