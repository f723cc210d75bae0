/* SPDX-License-Identifier: Apache-2.0 */
/* When to look at a directory in which something happened: at once when a file was closed or moved
 * in (whether it is complete the lease decides), after a while of quiet when it was only written
 * to. An absence counts only when it has lasted, because programs that save take files away and
 * put them back; so does that of a file which was found elsewhere, for it may be there as a backup,
 * but that one has not to last as long. Pure: the time is an argument. */
#ifndef CF_PEER_SOURCES_FILES_QUIET_H
#define CF_PEER_SOURCES_FILES_QUIET_H
#include "codec/bytes.h"

#define CF_QUIET_WRITTEN_MS 300   /* after the last write */
#define CF_QUIET_WRITTEN_MAX 3000 /* after the first, if writes never end */
#define CF_QUIET_ABSENT_MS 3000   /* after the last thing that vanished */
#define CF_QUIET_MOVED_MS 1000    /* the same, if it is somewhere else now */
#define CF_RESCAN_MS 3600000      /* all of it, though nothing was seen */
#define CF_RESCAN_BLIND_MS 600000 /* the same while a watch is missing */
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

/* `folder` is whatever number the caller has for the directory. */
void cf_quiet_note(cf_quiet *quiet, uint64_t folder, cf_event_kind kind, uint64_t now_ms);
/* Something happened nobody knows where: everything is to be looked at. */
void cf_quiet_note_all(cf_quiet *quiet, cf_event_kind kind, uint64_t now_ms);
/* Something is missing in it: if nothing was seen to vanish there, it has vanished now. */
void cf_quiet_miss(cf_quiet *quiet, uint64_t folder, uint64_t now_ms);
/* What has left `from` was found in `to`: they are to be looked at together when that counts. */
void cf_quiet_hold(cf_quiet *quiet, uint64_t from, uint64_t to, uint64_t now_ms);
/* When cf_quiet_take will have something; CF_QUIET_NEVER. */
uint64_t cf_quiet_next(const cf_quiet *quiet);

/* What to make of something that is not where it was. */
typedef enum {
    CF_ABSENCE_WAITS,  /* it is to be left alone; the folder comes again for that */
    CF_ABSENCE_MOVES,  /* it has stayed away long enough: it was moved, if it is found elsewhere */
    CF_ABSENCE_COUNTS, /* or is gone */
} cf_absence;

typedef struct {
    uint64_t folder;
    cf_absence absence; /* of what was in it */
} cf_quiet_folder;

typedef struct {
    bool all;                 /* look at everything */
    cf_absence absence;       /* then: of what was anywhere */
    cf_quiet_folder *folders; /* ascending; the caller frees it */
    size_t count;
} cf_quiet_due;

cf_quiet_due cf_quiet_take(cf_quiet *quiet, uint64_t now_ms);
/* Forget a directory that is no more. */
void cf_quiet_forget(cf_quiet *quiet, uint64_t folder);

/* When to look at everything again: the period ± 25 %, drawn by `random`. */
uint64_t cf_quiet_rescan(uint64_t now_ms, bool watch_complete, uint32_t random);

#endif
