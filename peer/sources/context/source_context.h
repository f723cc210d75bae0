/* SPDX-License-Identifier: Apache-2.0 */
/* What sources of all kinds share: what the engine lends them, and what each of them can do, as a
 * table of operations that a kind fills in. */
#ifndef CF_PEER_SOURCES_CONTEXT_SOURCE_CONTEXT_H
#define CF_PEER_SOURCES_CONTEXT_SOURCE_CONTEXT_H
#include "broker/platform/files.h"
#include "peer/bindings/base.h"
#include "peer/bindings/pendings.h"
#include "peer/locks/locks.h"
#include "peer/sources/context/places.h"
#include "peer/sources/context/probe.h"
#include "peer/sources/context/watch.h"
#include "peer/transfer/downloads.h"
#include "peer/transfer/uploads.h"

/* What the sources of one engine share. */
typedef struct {
    cf_peer *peer;
    cf_uploads *uploads;
    cf_downloads *downloads;
    cf_bases *bases;
    cf_watch *watch; /* NULL: looks only when asked */
    cf_locks *locks;
    bool awaits_locks;  /* what is locked is about to be known: nothing is published before */
    const char *silent; /* why nothing may be published now; NULL: nothing forbids it */
    uint64_t activity;  /* rises with everything that gets somewhere */
    uint64_t came_ms;   /* when entries of others were taken up last, by the time of day */
    uint64_t looks;     /* at all of a source, that are over */
    /* Something happened to this file under one of the names that it has in a source: each source
     * looks at those that its base has of it. */
    void (*look_at_file)(void *context, const cf_binding *in, const cf_stat *file);
    void *context;
} cf_source_context;

/* What a look is for. */
typedef enum {
    CF_LOOK_SYNCS,      /* to publish and to apply */
    CF_LOOK_TELLS,      /* to tell what would be done */
    CF_LOOK_CATCHES_UP, /* the same; of a source that is watched and was looked at, only what was
                           noticed since */
    CF_LOOK_AGREES, /* where the source meets its collection: what is equal, or only older, becomes
                       the base, and nothing is published or applied */
} cf_look_kind;

/* What a time is by a clock that was set back by so much; 0 (none) and UINT64_MAX (never) stay. */
static inline uint64_t cf_deadline_set_back(uint64_t at_ms, uint64_t by_ms)
{
    if (at_ms == 0 || at_ms == UINT64_MAX)
        return at_ms;
    return at_ms > by_ms ? at_ms - by_ms : 1;
}

typedef bool cf_is_undone(const void *context, const cf_dot *dot);

typedef struct {
    void (*end)(void *self); /* NULL: it asks nobody for anything */
    void (*destroy)(void *self);
    void (*look)(void *self, cf_look_kind kind, cf_delete_word word, uint64_t now_ms);
    void (*look_again)(void *self, uint64_t now_ms);
    void (*end_word)(void *self);
    cf_status (*step)(void *self, uint64_t now_ms, uint64_t *deadline, cf_error *error);
    bool (*busy)(const void *self, uint64_t now_ms);
    bool (*rests)(const void *self, uint64_t now_ms); /* NULL: never */
    bool (*agrees)(const void *self);
    /* Of a source that only sends what differs elsewhere is found out now. */
    void (*status)(void *self, cf_pendings *pendings, const char *sending, cf_binding_status *out);
    size_t (*held)(const void *self);
    bool (*behind)(const void *self); /* NULL: `status` says it */
    uint64_t (*applied)(const void *self);
    void (*forget)(void *self, cf_is_undone *is_undone, const void *context, cf_kv_list *records);
    /* NULL: it means nothing to a source of this sort. */
    void (*look_at)(void *self, uint64_t folder);
    bool (*look_at_file)(void *self, const cf_stat *file);
    void (*changed)(void *self, uint64_t folder, cf_bytes name, cf_event_kind kind,
                    uint64_t now_ms);
    void (*renamed)(void *self, const cf_look_place *from, const cf_look_place *to);
    void (*mark)(void *self, const cf_group *group);
    void (*wake)(void *self);
    void (*came)(void *self); /* a content that it asked for; NULL: that wakes it */
    void (*reopen)(void *self);
    void (*set_back)(void *self, uint64_t by_ms);
    void (*set_forth)(void *self,
                      uint64_t by_ms); /* NULL: nothing of it is measured by that clock */
} cf_source_operations;

typedef struct {
    void *self;
    const cf_source_operations *operations;
    cf_probe *probe;                      /* its own */
    size_t told_held;                     /* by the engine; */
    cf_buffer told;                       /* and the lines that told it, each with a 0 at its end */
    struct cf_known_conflicts *conflicts; /* of records; NULL: nobody has asked */
    char paused[160];                     /* by the user, in words: nothing is done; empty: not */
} cf_source;

#endif
