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
    size_t held;    /* of these, that wait for the user's word */
    size_t dropped; /* whose texts the arena still holds */
} cf_pendings;      /* {0} is empty */

/* A reason that is NULL is to be found out when it is shown. */
void cf_pendings_add(cf_pendings *list, cf_pending_kind kind, cf_bytes path, const char *reason);
/* A path, or a directory. */
typedef struct {
    cf_bytes path; /* "": of the source's own folder */
    bool is_folder;
} cf_pendings_place;
/* Drops what has such a path or lies below it, and what lies in such a directory itself, not
 * deeper. Puts the places into order. What was borrowed of the list ends: what it holds stays in
 * proportion to what it lists. */
void cf_pendings_drop(cf_pendings *list, cf_pendings_place *places, size_t count);
/* By path, each once: of several the one that was added first. */
void cf_pendings_sort(cf_pendings *list);
/* A copy of a reason that several share; nobody drops anything from a list with such. */
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
