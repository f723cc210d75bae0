/* SPDX-License-Identifier: Apache-2.0 */
/* A source at work: a folder of files, or records. What the engine asks of any. */
#ifndef CF_PEER_SOURCES_SOURCE_H
#define CF_PEER_SOURCES_SOURCE_H
#include "peer/engine/engine.h"
#include "peer/locks/locks.h"
#include "peer/log/base.h"
#include "peer/sources/files/quiet.h"
#include "peer/sources/pendings.h"
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
    uint64_t looks;     /* at all of a source, that are over */
} cf_workshop;

/* What a look is for. */
typedef enum {
    CF_LOOK_SYNCS,  /* to publish and to apply */
    CF_LOOK_TELLS,  /* to tell what would be done */
    CF_LOOK_AGREES, /* where the source meets its collection: what is equal, or only older, becomes
                       the base, and nothing is published or applied */
} cf_look_kind;

typedef bool cf_is_undone(const void *context, const cf_dot *dot);

typedef struct {
    void (*destroy)(void *self);
    void (*look)(void *self, cf_look_kind kind, cf_delete_word word, uint64_t now_ms);
    void (*look_again)(void *self, uint64_t now_ms);
    void (*end_word)(void *self);
    cf_status (*step)(void *self, uint64_t now_ms, uint64_t *deadline, cf_error *error);
    bool (*busy)(const void *self, uint64_t now_ms);
    bool (*agrees)(const void *self);
    void (*status)(const void *self, cf_pendings *pendings, const char *sending,
                   cf_binding_status *out);
    size_t (*held)(const void *self);
    uint64_t (*applied)(const void *self);
    void (*forget)(void *self, cf_is_undone *is_undone, const void *context, cf_records *records);
    /* NULL: it means nothing to a source of this sort. */
    void (*look_at)(void *self, uint64_t folder);
    void (*changed)(void *self, uint64_t folder, cf_bytes name, cf_event_kind kind,
                    uint64_t now_ms);
    void (*mark)(void *self, const cf_group *group);
    void (*wake)(void *self);
    void (*reopen)(void *self);
} cf_source_operations;

typedef struct {
    void *self;
    const cf_source_operations *operations;
    size_t told_held; /* by the engine */
} cf_source_at_work;

/* Of the sort that the binding's format asks for. */
cf_source_at_work cf_source_open(cf_workshop *workshop, cf_binding *binding);
void cf_source_close(cf_source_at_work *source);

/* Look at everything. One that is kept in sync all the time does that, whatever the look is for;
 * but when it is looked at for the first time, what is equal is agreed before anything else. */
void cf_source_look(cf_source_at_work *source, cf_look_kind kind, cf_delete_word word,
                    uint64_t now_ms);
/* What held back what was found here is over: look once more, if that was looked at. */
void cf_source_look_again(cf_source_at_work *source, uint64_t now_ms);
/* The word that came with a look holds no longer. */
void cf_source_end_word(cf_source_at_work *source);
/* Look at one directory; what is missing there counts later, if something watches. */
void cf_source_look_at_folder(cf_source_at_work *source, uint64_t folder);
/* The watch saw something happen to this name in it; no name: to the directory itself. */
void cf_source_changed(cf_source_at_work *source, uint64_t folder, cf_bytes name,
                       cf_event_kind kind, uint64_t now_ms);
/* Groups of its collection changed. */
void cf_source_mark(cf_source_at_work *source, const cf_group *group);
/* A download has ended, or a broker came: try again what waited. */
void cf_source_wake(cf_source_at_work *source);
/* Its path or root changed: open it again. */
void cf_source_reopen(cf_source_at_work *source);

cf_status cf_source_step(cf_source_at_work *source, uint64_t now_ms, uint64_t *deadline,
                         cf_error *error);
/* Something is under way or due now. */
bool cf_source_busy(const cf_source_at_work *source, uint64_t now_ms);
/* A look that agrees is not over. */
bool cf_source_agrees(const cf_source_at_work *source);

/* Adds what is pending to the list; fills the rest of `out`. `sending` says how it goes with what
 * is being sent. */
void cf_source_status(const cf_source_at_work *source, cf_pendings *pendings, const char *sending,
                      cf_binding_status *out);
/* How much of what is pending waits for the user's word. */
size_t cf_source_held(const cf_source_at_work *source);
uint64_t cf_source_applied(const cf_source_at_work *source);
/* What of the base shows one of these writes, which count no longer, is forgotten. */
void cf_source_forget(cf_source_at_work *source, cf_is_undone *is_undone, const void *context,
                      cf_records *records);

#endif
