/* SPDX-License-Identifier: Apache-2.0 */
/* A list of what is not in sync and why, each path once. It owns what it lists. */
#ifndef CF_PEER_BINDINGS_PENDINGS_H
#define CF_PEER_BINDINGS_PENDINGS_H
#include "codec/arena.h"
#include "peer/bindings/binding_report.h"

typedef struct {
    cf_arena arena;
    cf_pending *at;
    size_t count, capacity;
    size_t held; /* of these, that wait for the user's word */
} cf_pendings;   /* {0} is empty */

/* A reason that is NULL is to be found out when it is shown. */
void cf_pendings_add(cf_pendings *list, cf_pending_kind kind, cf_bytes path, const char *reason);
/* By path, each once: of several the one that was added first. */
void cf_pendings_sort(cf_pendings *list);
/* A copy of a reason that several share. */
const char *cf_pendings_text(cf_pendings *list, const char *text);
const cf_pending *cf_pendings_copy(const cf_pendings *list, cf_arena *arena);
/* What waits for the user's word for one and the same reason: a line tells all of it. */
enum { CF_HELD_NAMED = 3 };
typedef struct {
    cf_pending_kind kind;
    const char *reason;
    size_t count;
    cf_bytes first[CF_HELD_NAMED];
    const char *text; /* the line */
} cf_held_group;
bool cf_pending_is_held(const cf_pending *pending);
/* In the order in which they are listed; borrows from the list and the arena. The caller frees the
 * array. */
cf_held_group *cf_pendings_group_held(const cf_pending *pending, size_t count, cf_arena *arena,
                                      size_t *group_count);
void cf_pendings_clear(cf_pendings *list);
void cf_pendings_release(cf_pendings *list);

#endif
