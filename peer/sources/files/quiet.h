/* SPDX-License-Identifier: Apache-2.0 */
/* When to look at a name with which something happened: at once when a file was closed or moved
 * in (whether it is complete the lease decides), after a while of quiet when it was only written
 * to. An absence counts only when it has lasted, because programs that save take files away and
 * put them back; so does that of a file which was found elsewhere, for it may be there as a backup,
 * but that one has not to last as long. Each name has times of its own, so that a directory which
 * never rests holds up nothing. Pure: the time is an argument. */
#ifndef CF_PEER_SOURCES_FILES_QUIET_H
#define CF_PEER_SOURCES_FILES_QUIET_H
#include "peer/sources/files/places.h"

#define CF_QUIET_WRITTEN_MS 300   /* after the last write */
#define CF_QUIET_WRITTEN_MAX 3000 /* after the first, if writes never end */
#define CF_QUIET_ABSENT_MS 3000   /* after the last thing that vanished */
#define CF_QUIET_MOVED_MS 1000    /* the same, if it is somewhere else now */
#define CF_RESCAN_MS 3600000      /* all of it, though nothing was seen */
#define CF_RESCAN_BLIND_MS 600000 /* the same while a watch is missing */
#define CF_QUIET_NAMES_MAX 16384  /* in a directory: more, and all of it is looked at */
#define CF_QUIET_NEVER UINT64_MAX

typedef enum {
    CF_EVENT_ARRIVED, /* closed after writing, moved in, a directory made */
    CF_EVENT_WRITTEN, /* written to, made, other permissions */
    CF_EVENT_ABSENT,  /* deleted */
    CF_EVENT_LEFT,    /* moved away */
} cf_event_kind;

typedef struct cf_quiet cf_quiet;

cf_quiet *cf_quiet_new(void);
void cf_quiet_destroy(cf_quiet **quiet);

/* No name: it happened to all of the directory. */
void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_bytes name, cf_event_kind kind,
                   uint64_t now_ms);
/* Something happened nobody knows where: everything is to be looked at. */
void cf_quiet_note_all(cf_quiet *quiet, cf_event_kind kind, uint64_t now_ms);
/* Something is missing there: if it was not seen to vanish, it has vanished now. */
void cf_quiet_miss(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms);
/* The same, and it counts when the last of all counts that is missing. */
void cf_quiet_miss_with_others(cf_quiet *quiet, const cf_look_place *place, uint64_t now_ms);
/* What has left `from` was found at `to`: they are to be looked at together when that counts. */
void cf_quiet_hold(cf_quiet *quiet, const cf_look_place *from, const cf_look_place *to,
                   uint64_t now_ms);
/* What is missing and does not count yet. */
void cf_quiet_each_absent(const cf_quiet *quiet,
                          void (*visit)(void *context, const cf_look_place *place), void *context);
/* When cf_quiet_take will have something; CF_QUIET_NEVER. */
uint64_t cf_quiet_next(const cf_quiet *quiet);

typedef struct {
    bool all;              /* look at everything */
    cf_absence absence;    /* then: of what was anywhere */
    cf_look_places places; /* in order; the caller releases them */
} cf_quiet_due;

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms);
/* Forget a directory that is no more. */
void cf_quiet_forget(cf_quiet *quiet, uint64_t folder);

/* When to look at everything again: the period ± 25 %, drawn by `random`. */
uint64_t cf_quiet_rescan(uint64_t now_ms, bool watch_complete, uint32_t random);

#endif
