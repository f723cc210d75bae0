/* SPDX-License-Identifier: Apache-2.0 */
/* When to look at a name with which something happened: at once when a file was closed or moved
 * in (whether it is complete the lease decides), after a while of quiet when it was only written
 * to. An absence counts only when it has lasted, because programs that save take files away and
 * put them back; so does that of a file which was found elsewhere, for it may be there as a backup,
 * but that one has not to last as long. Each name has times of its own, so that a directory which
 * never rests holds up nothing. Pure: the time is an argument. */
#ifndef CF_PEER_SOURCES_FILES_DEBOUNCE_H
#define CF_PEER_SOURCES_FILES_DEBOUNCE_H
#include "peer/sources/context/watch.h"
#include "peer/sources/context/places.h"

#define CF_DEBOUNCE_WRITTEN_MS 300   /* after the last write */
#define CF_DEBOUNCE_WRITTEN_MAX 3000 /* after the first, if writes never end */
#define CF_DEBOUNCE_ABSENT_MS 3000   /* after the last thing that vanished */
#define CF_DEBOUNCE_MOVED_MS 1000    /* the same, if it is somewhere else now */
#define CF_DEBOUNCE_UNREAD_MAX 60000 /* between looks at a file that can't be read */
#define CF_RESCAN_MS 3600000         /* all of it, though nothing was seen */
#define CF_RESCAN_BLIND_MS 600000    /* the same while a watch is missing */
#define CF_DEBOUNCE_COST_MIN 50 /* of a look at a file, and of sending it: less is not counted */
#define CF_DEBOUNCE_REST_FACTOR                                                                    \
    10 /* so many times what looks at it cost a file rests after them, */
#define CF_DEBOUNCE_REST_FREE 2000  /* but for so much, or the look that cost most, */
#define CF_DEBOUNCE_REST_MAX 300000 /* and for so much after each at most */
#define CF_DEBOUNCE_NAMES_MAX 16384 /* in a directory: more, and all of it is looked at */
#define CF_DEBOUNCE_NEVER UINT64_MAX

typedef struct cf_debounce cf_debounce;

cf_debounce *cf_debounce_new(void);
void cf_debounce_destroy(cf_debounce **debounce);

/* No name: it happened to all of the directory. */
void cf_debounce_note(cf_debounce *debounce, uint64_t folder, cf_bytes name, cf_event_kind kind,
                      uint64_t now_ms);
/* Something happened nobody knows where: everything is to be looked at. */
void cf_debounce_note_all(cf_debounce *debounce, cf_event_kind kind, uint64_t now_ms);
/* Something is missing there: if it was not seen to vanish, it has vanished now. */
void cf_debounce_miss(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms);
/* Something is missing, by a look at everything where not all is told: what was not seen to vanish
 * may have come to where that look had been already, and counts when everything is looked at again.
 */
void cf_debounce_miss_anywhere(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms);
/* Something is missing there, and counts at `when_ms`. */
void cf_debounce_miss_until(cf_debounce *debounce, const cf_look_place *place, uint64_t when_ms);
/* All that is missing counts at one moment, which is returned: when the last of it would have, and
 * not before `at_ms`. */
uint64_t cf_debounce_join_absent(cf_debounce *debounce, uint64_t at_ms);
/* What vanished in a directory that has gone, too, counts no sooner than that one, which is missing
 * at `gone`: of a tree that is removed one look finds all. */
void cf_debounce_wait_with(cf_debounce *debounce, uint64_t folder, const cf_look_place *gone);
/* What has left `from` was found at `to`: they are to be looked at together when that counts. */
void cf_debounce_hold(cf_debounce *debounce, const cf_look_place *from, const cf_look_place *to,
                      uint64_t now_ms);
/* Every place with which something happened is to be looked at now; what is missing counts when it
 * would have. Everything was looked at when something happened nobody knows where, and what was
 * missing then is waited for without another look. */
void cf_debounce_hasten(cf_debounce *debounce, uint64_t now_ms);
/* What is missing and does not count yet. */
void cf_debounce_each_absent(const cf_debounce *debounce,
                             void (*visit)(void *context, const cf_look_place *place),
                             void *context);
/* A file there can't be read, and was last changed so long ago: it is looked at again when it has
 * rested for twice as long. The disk may do better then; and the closing of one that is open for
 * writing is told before it counts as closed, and not at all where it was opened by a name
 * elsewhere. Those that rest for long are looked at together. */
void cf_debounce_note_unread(cf_debounce *debounce, const cf_look_place *place, uint64_t age_ms,
                             uint64_t now_ms);
/* A file there could not be read for what is done to it. It waits from the first such look on,
 * until one ends without that: `looked` are the places of that look, in order; NULL: everything. */
void cf_debounce_note_waits(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms);
void cf_debounce_end_waits(cf_debounce *debounce, const cf_look_places *looked);
/* For how long it has waited. */
uint64_t cf_debounce_waited_ms(const cf_debounce *debounce, const cf_look_place *place,
                               uint64_t now_ms);
/* The place is looked at again then, whatever happens meanwhile. */
void cf_debounce_note_later(cf_debounce *debounce, const cf_look_place *place, uint64_t when_ms);
/* cf_debounce_take has nothing before, and costs nothing: what happened since may have put off the
 * rest, which only that call finds out. CF_DEBOUNCE_NEVER. */
uint64_t cf_debounce_next(const cf_debounce *debounce);

typedef struct {
    bool all;              /* look at everything */
    cf_absence absence;    /* then: of what was anywhere */
    cf_look_places places; /* in order; the caller releases them */
} cf_debounce_due;

cf_debounce_due cf_debounce_take(cf_debounce *debounce, uint64_t now_ms);
/* ---- What changes without rest ---- */

/* A look at the place begins: of what is at work there only what is said to go on does. */
void cf_debounce_begin(cf_debounce *debounce, const cf_look_place *place, uint64_t now_ms);
/* The look goes on: what was found is being sent. Or, `waits`, it waits for others, which costs
 * nothing. */
void cf_debounce_goes_on(cf_debounce *debounce, const cf_look_place *place, bool waits);
/* A look at these places is over: what does not go on rests from now on, for as long as it cost. */
void cf_debounce_end(cf_debounce *debounce, const cf_look_places *looked, uint64_t now_ms);
/* How long the file is not to be read yet, in ms; 0: it may be. */
uint64_t cf_debounce_rests(const cf_debounce *debounce, const cf_look_place *place,
                           uint64_t now_ms);
/* What something happened to and is not to be read yet. */
void cf_debounce_each_resting(const cf_debounce *debounce, uint64_t now_ms,
                              void (*visit)(void *context, const cf_look_place *place),
                              void *context);
/* All may be looked at: somebody asks. */
void cf_debounce_end_rests(cf_debounce *debounce);

/* The clock was set back by so much; or forth: what a look costs, and how long a file has waited,
 * is no more by that. */
void cf_debounce_set_back(cf_debounce *debounce, uint64_t by_ms);
void cf_debounce_set_forth(cf_debounce *debounce, uint64_t by_ms);
/* Forget a directory that is no more. */
void cf_debounce_forget(cf_debounce *debounce, uint64_t folder);

/* When to look at everything again: the period ± 25 %, drawn by `random`. */
uint64_t cf_debounce_rescan(uint64_t now_ms, bool watch_complete, uint32_t random);
/* When to look at a source again that is polled: 75 to 100 % of the period. CF_DEBOUNCE_NEVER: of
 * 0.
 */
uint64_t cf_debounce_poll(uint64_t now_ms, uint64_t period_ms, uint32_t random);

#endif
