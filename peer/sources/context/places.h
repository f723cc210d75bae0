/* SPDX-License-Identifier: Apache-2.0 */
/* Where to look: a name in a directory, or all of the directory; and what to make of something that
 * is not there any more. Gathered, then put in order, then asked for. */
#ifndef CF_PEER_SOURCES_FILES_PLACES_H
#define CF_PEER_SOURCES_FILES_PLACES_H
#include "codec/arena.h"

/* What to make of something that is not where it was. */
typedef enum {
    CF_ABSENCE_WAITS,  /* it is to be left alone; the place comes again for that */
    CF_ABSENCE_MOVES,  /* it has stayed away long enough: it was moved, if it is found elsewhere */
    CF_ABSENCE_COUNTS, /* or is gone */
} cf_absence;

typedef struct {
    uint64_t folder; /* whatever number the caller has for the directory */
    cf_bytes name;   /* empty: all of the directory */
    cf_absence absence;
} cf_look_place;

typedef struct {
    cf_arena arena; /* of the names */
    cf_look_place *at;
    size_t count, capacity;
} cf_look_places; /* {0} is empty */

static const cf_bytes CF_WHOLE_FOLDER = {0};

int cf_look_place_order(const cf_look_place *a, const cf_look_place *b);
/* The name is copied. */
void cf_look_places_add(cf_look_places *places, uint64_t folder, cf_bytes name, cf_absence absence);
/* By directory and name, each once, with the strongest word about what is missing there. All of a
 * directory comes before its names. */
void cf_look_places_sort(cf_look_places *places);
/* Of those that are in order; NULL. */
const cf_look_place *cf_look_places_find(const cf_look_places *sorted, uint64_t folder,
                                         cf_bytes name);
void cf_look_places_release(cf_look_places *places);

#endif
