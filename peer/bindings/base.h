/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of bases: a cache in the home, by content hash, from which deltas are made; or, of a
 * source whose user said so, in a place of its own (base_place.h). Never relied on: what is read of
 * it is verified. What outlives it are the hashes of leaves, in the store. */
#ifndef CF_PEER_BINDINGS_BASE_H
#define CF_PEER_BINDINGS_BASE_H
#include "peer/bindings/binding.h"

typedef struct cf_bases cf_bases;

typedef struct {
    cf_peer *peer;
    /* The bindings as they are now: what one of them shows of the cache itself stays. */
    cf_binding *const *(*bindings)(void *context, size_t *count);
    /* Whether the copy of this content is being read, by whoever began to at a time when it was in
     * its place. */
    bool (*is_read)(void *context, const cf_hash *hash);
    void *context;
} cf_bases_options;

cf_bases *cf_bases_new(const cf_bases_options *options);
/* Waits for copies under way. */
void cf_bases_destroy(cf_bases **bases);

/* A cache: the home's, or the one in this place. */
typedef struct {
    const cf_env *env;
    const cf_home *home;
    const cf_base_place *place;
} cf_base_cache;
/* The file with these bytes, if there is one; nobody has checked them. CF_MISSING, also where the
 * place is away. From any thread. */
cf_status cf_base_open(const cf_base_cache *cache, const cf_hash *hash, cf_file **out,
                       cf_error *error);
void cf_base_drop(const cf_base_cache *cache, const cf_hash *hash);
/* The folder of the copies. CF_CHANGED: the place is away, or another. */
cf_status cf_base_hold(const cf_base_cache *cache, cf_hold *out, cf_error *error);

/* A node's file is as its content says: keeps a copy in the background, if the binding wants one
 * and there is room. `before` is the identity of what the file held until now, none where it is
 * new: where little has changed, the copy of that is brought up to date, and is gone. */
void cf_bases_keep(cf_bases *bases, const cf_binding *binding, const cf_node *node,
                   cf_bytes before);
/* Somebody else put a copy of so many bytes there. */
void cf_bases_wrote(cf_bases *bases, uint64_t size);
/* Copies are under way or waiting. */
bool cf_bases_busy(const cf_bases *bases);
/* A file of this source is being copied, or some may be soon. */
bool cf_bases_read(const cf_bases *bases, const cf_binding *binding);
void cf_bases_step(cf_bases *bases);
/* Drops the copies of what none of these sources shows any more; of those that lie on a disk of
 * their own, where that is known to answer. */
void cf_bases_sweep(cf_bases *bases, cf_binding *const *bindings, size_t count);
/* Those of a source whose base lies on a disk of its own; not before the source was met: copies
 * that another device left there may be shown then. */
void cf_bases_sweep_place(cf_bases *bases, const cf_binding *binding);
/* The same though little was copied, as soon as no copy is under way. */
void cf_bases_tidy(cf_bases *bases, cf_binding *const *bindings, size_t count);
/* It is time to: so much was copied since the last time that much of it may be stale. The work
 * stays in proportion to the copies, and the cache to what is shown. */
bool cf_bases_overdue(const cf_bases *bases);
/* Nothing of this binding any more: it ends. */
void cf_bases_forget(cf_bases *bases, const cf_binding *binding);

/* Leaf hashes of a content, 32 bytes each, appended; CF_MISSING. They are kept until the chain of
 * patches that the content is in has ended, and no file shows it. */
cf_status cf_leaves_get(cf_peer *peer, const cf_hash *hash, cf_buffer *out, cf_error *error);
void cf_leaves_put(const cf_hash *hash, cf_bytes leaves, cf_kv_list *records);

#endif
