/* SPDX-License-Identifier: Apache-2.0 */
/* What locks are of, as commands name it: a collection, or a file or directory in a source. */
#ifndef CF_PEER_COMMANDS_LOCKABLE_H
#define CF_PEER_COMMANDS_LOCKABLE_H
#include "peer/program/verb.h"

typedef struct {
    cf_id collection;
    cf_id item;              /* all zero: the collection itself */
    const char *name;        /* of the collection */
    cf_bytes path;           /* raw, from the source's root; empty: the collection itself */
    const cf_binding *bound; /* NULL: it has no source here */
} cf_lockable;

/* A collection's name before a PATH; in the arena. CF_MISSING: there is none, or it is not synced
 * yet. */
cf_status cf_lockable_named(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                            cf_error *error);
/* The same for what is gone: `out` without its item, and all items that are called so or were last;
 * the caller frees them. CF_MISSING: nothing was. */
cf_status cf_lockable_gone(const cf_run *run, const char *given, cf_arena *arena, cf_lockable *out,
                           cf_ids *items, cf_error *error);
/* The path of the item that this lease is of, of a collection with a source here; false: who knows.
 */
bool cf_lockable_path(cf_engine *engine, const cf_lease *lease, cf_buffer *path);
/* "notes" or "notes: page 7", in the arena. */
const char *cf_lockable_text(const char *name, cf_bytes path, cf_arena *arena);

/* While there is no answer: CF_OK to go on waiting, else why not. Time is up at `give_up_ms`. */
cf_status cf_lock_await(const cf_run *run, uint64_t now_ms, uint64_t give_up_ms, cf_error *error);

#endif
