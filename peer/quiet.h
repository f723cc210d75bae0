/* SPDX-License-Identifier: Apache-2.0 */
/* When to look at a directory in which something happened: at once when a file was closed or moved
 * in (whether it is complete the lease decides), after a while of quiet when it was only written
 * to, and an absence counts only when it has lasted, because programs that save take files away and
 * put them back. Pure: the time is an argument. */
#ifndef CF_PEER_QUIET_H
#define CF_PEER_QUIET_H
#include "codec/bytes.h"

#define CF_QUIET_WRITTEN_MS 300   /* after the last write */
#define CF_QUIET_WRITTEN_MAX 3000 /* after the first, if writes never end */
#define CF_QUIET_ABSENT_MS 3000   /* after the last thing that vanished */
#define CF_RESCAN_MS 3600000      /* all of it, though nothing was seen */
#define CF_RESCAN_BLIND_MS 600000 /* the same while a watch is missing */
#define CF_QUIET_NEVER UINT64_MAX

typedef enum {
    CF_EVENT_ARRIVED, /* closed after writing, moved in, a directory made */
    CF_EVENT_WRITTEN, /* written to, made, other permissions */
    CF_EVENT_ABSENT,  /* deleted or moved away */
} cf_event_kind;

typedef struct cf_quiet cf_quiet;

cf_quiet *cf_quiet_new(void);
void cf_quiet_destroy(cf_quiet **quiet);

/* `folder` is whatever number the caller has for the directory. */
void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_event_kind kind, uint64_t now_ms);
/* Everything is to be looked at. */
void cf_quiet_note_all(cf_quiet *quiet, uint64_t now_ms);
/* When cf_quiet_take will have something; CF_QUIET_NEVER. */
uint64_t cf_quiet_next(const cf_quiet *quiet);

typedef struct {
    uint64_t folder;
    bool absence; /* something vanished there and has stayed away: it may count as deleted. Else
                     what is missing is to be left alone; the folder comes again for that */
} cf_quiet_folder;

typedef struct {
    bool all;                 /* look at everything; `folders` is NULL. Absences come later */
    cf_quiet_folder *folders; /* ascending; the caller frees it */
    size_t count;
} cf_quiet_due;

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms);
/* Forget a directory that is no more. */
void cf_quiet_forget(cf_quiet *quiet, uint64_t folder);

/* When to look at everything again: the period ± 25 %, drawn by `random`. */
uint64_t cf_quiet_rescan(uint64_t now_ms, bool watch_complete, uint32_t random);

#endif
