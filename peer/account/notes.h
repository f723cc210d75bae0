/* SPDX-License-Identifier: Apache-2.0 */
/* What a person should know though nothing is out of sync because of it: in `status` and `sync`. */
#ifndef CF_PEER_ACCOUNT_NOTES_H
#define CF_PEER_ACCOUNT_NOTES_H
#include "peer/log/peer.h"

typedef struct {
    const char *kind; /* a word for scripts; a literal */
    const char *text; /* what it is, and what to do */
    uint64_t time_ms; /* when it was noticed; 0: it holds now */
} cf_note;

typedef struct {
    cf_note *at;
    size_t count, capacity;
} cf_notes; /* {0} is empty; the notes lie in the arena, the list does not */

/* All that there is to tell now. */
cf_status cf_notes_collect(cf_peer *peer, uint64_t now_ms, cf_arena *arena, cf_notes *out,
                           cf_error *error);
void cf_notes_add(cf_notes *notes, cf_arena *arena, const char *kind, uint64_t time_ms,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
void cf_notes_release(cf_notes *notes);

#endif
