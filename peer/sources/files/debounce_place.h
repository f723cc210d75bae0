/* SPDX-License-Identifier: Apache-2.0 */
/* A place of which something was heard, and when what follows of it is due: of one name, of all of
 * a directory, or of everything. Times only, and nothing else is asked. */
#ifndef CF_PEER_SOURCES_FILES_DEBOUNCE_PLACE_H
#define CF_PEER_SOURCES_FILES_DEBOUNCE_PLACE_H
#include "peer/sources/files/debounce.h"

typedef struct {
    uint64_t folder;
    cf_buffer name;      /* empty: of all of the directory */
    uint64_t written_ms; /* the first write of those that wait; NEVER */
    uint64_t look_ms;    /* when to look at it; NEVER */
    uint64_t moved_ms;   /* when what vanished counts as moved; NEVER */
    uint64_t absent_ms;  /* when what vanished counts as gone; NEVER */
    uint64_t
        joined_ms;     /* when to look at it beside another one, from which something came; NEVER */
    uint64_t began_ms; /* when the look that is at work there began; NEVER */
    bool goes_on;      /* and is not over with the look */
    uint64_t free_ms;  /* when it has rested for all that it cost, */
    uint64_t most_ms;  /* and for the look of these that cost most */
    uint64_t waits_ms; /* since when it could not be read; NEVER */
    bool waits_still;  /* by the look under way */
} cf_debounce_place;

/* Nothing was heard of it. */
extern const cf_debounce_place cf_debounce_place_idle;

void cf_debounce_place_note(cf_debounce_place *place, cf_event_kind kind, uint64_t now_ms);
/* As CF_EVENT_WRITTEN. */
void cf_debounce_place_written(cf_debounce_place *place, uint64_t now_ms);
/* What waits in one waits in all. */
void cf_debounce_place_join(cf_debounce_place *all, const cf_debounce_place *one);

/* When something is due there; CF_DEBOUNCE_NEVER. */
uint64_t cf_debounce_place_next_ms(const cf_debounce_place *place);
/* What to make of what is missing there. */
cf_absence cf_debounce_place_absence(const cf_debounce_place *place, uint64_t now_ms);
/* The place is looked at now, and what is missing there is taken so. */
void cf_debounce_place_looked_at(cf_debounce_place *place, cf_absence absence);

/* The look that began there is over, one of so many places: it rests for what that cost. */
void cf_debounce_place_charge(cf_debounce_place *place, size_t places, uint64_t now_ms);
/* Until when; 0: it doesn't. */
uint64_t cf_debounce_place_rested_ms(const cf_debounce_place *place);

/* What could not be read there by the look that ends now waits on, and else no more. */
void cf_debounce_place_end_waits(cf_debounce_place *place);
/* What is known of it is more than when to look there. */
bool cf_debounce_place_is_remembered(const cf_debounce_place *place);
/* The place may be forgotten. */
bool cf_debounce_place_is_idle(const cf_debounce_place *place, uint64_t now_ms);
/* The clock was set back. */
void cf_debounce_place_set_back(cf_debounce_place *place, uint64_t by_ms);
void cf_debounce_place_set_forth(cf_debounce_place *place, uint64_t by_ms);

#endif
