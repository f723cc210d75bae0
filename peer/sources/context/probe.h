/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the disk of a source answers, and that of its base, where this is another one. The
 * engine's thread touches a source only when the last probe, a job that runs alone, has been
 * answered just now: while a disk hangs, nothing of that source is begun, and all others go on.
 *
 *     12:00:00  a probe is sent; none of the source goes on
 *     12:00:10  no answer: "its disk does not answer since 12:00:00", told once, and in `status`
 *     12:07:31  the answer: told once, and all of it goes on where it was
 *
 * One probe a source is under way at most, so as many threads may hang as there are sources. */
#ifndef CF_PEER_SOURCES_CONTEXT_PROBE_H
#define CF_PEER_SOURCES_CONTEXT_PROBE_H
#include "peer/bindings/binding.h"

enum {
    CF_PROBE_SILENT_MS = 10000, /* then a disk counts as one that does not answer */
    CF_PROBE_FRESH_MS = 250,    /* so long an answer counts, while there is more to do */
    CF_PROBE_AGAIN_MS = 1000,   /* then it is asked again, while a job is under way there */
};

typedef struct cf_probe cf_probe;

/* What is given is borrowed. */
cf_probe *cf_probe_new(const cf_env *env, cf_binding *binding);
/* One that is under way is left to itself. */
void cf_probe_destroy(cf_probe **probe);

/* Whether the source may be touched now. Else a probe is under way: call again once jobs were
 * delivered, and at the deadline. The binding's `silence` says why it can't, when that is told. */
bool cf_probe_answers(cf_probe *probe, uint64_t now_ms, uint64_t *deadline);
/* The same for who touches the source beside its steps, and so begins with `*since` 0: true once an
 * answer came since then. Call again as above, and to see why not by itself after a while. */
bool cf_probe_heard(cf_probe *probe, unsigned *since, uint64_t now_ms);
/* "its disk does not answer since 12:00:00": of a probe that is under way. */
enum { CF_PROBE_TEXT = 80 };
void cf_probe_text(const cf_probe *probe, char text[CF_PROBE_TEXT]);
/* For now there is nothing to do there: what comes next begins with another probe. */
void cf_probe_rest(cf_probe *probe);

#endif
