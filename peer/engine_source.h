/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's part for one source: when to look, what to make of what is found, when to apply. */
#ifndef CF_PEER_ENGINE_SOURCE_H
#define CF_PEER_ENGINE_SOURCE_H
#include "peer/apply.h"
#include "peer/engine.h"
#include "peer/locks.h"
#include "peer/pendings.h"
#include "peer/publish.h"
#include "peer/quiet.h"

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
} cf_workshop;

typedef struct cf_source_engine cf_source_engine;

cf_source_engine *cf_source_engine_new(cf_workshop *workshop, cf_binding *binding);
void cf_source_engine_destroy(cf_source_engine **source);

/* Look at everything; `look_only`: publish and apply nothing. */
void cf_source_engine_look(cf_source_engine *source, bool look_only, cf_delete_word word,
                           uint64_t now_ms);
/* What held back what was found here is over: look once more, if that was looked at. */
void cf_source_engine_look_again(cf_source_engine *source, uint64_t now_ms);
/* The word that came with a look holds no longer. */
void cf_source_engine_end_word(cf_source_engine *source);
/* Look at one directory; what is missing there counts later, if something watches. */
void cf_source_engine_look_at(cf_source_engine *source, uint64_t folder);
/* The watch saw something in it. */
void cf_source_engine_changed(cf_source_engine *source, uint64_t folder, cf_event_kind kind,
                              uint64_t now_ms);
/* Groups of its collection changed. */
void cf_source_engine_mark(cf_source_engine *source, const cf_id *directories, size_t count);
/* A download has ended, or a broker came: try again what waited. */
void cf_source_engine_wake(cf_source_engine *source);
/* Its path or root changed: open it again. */
void cf_source_engine_reopen(cf_source_engine *source);

cf_status cf_source_engine_step(cf_source_engine *source, uint64_t now_ms, uint64_t *deadline,
                                cf_error *error);
/* Something is under way or due now. */
bool cf_source_engine_busy(const cf_source_engine *source, uint64_t now_ms);

/* Adds what is pending to the list; fills the rest of `out`. `sending` says how it goes with what
 * is being sent. */
void cf_source_engine_status(const cf_source_engine *source, cf_pendings *pendings,
                             const char *sending, cf_binding_status *out);
uint64_t cf_source_engine_applied(const cf_source_engine *source);

#endif
