/* SPDX-License-Identifier: Apache-2.0 */
/* What users mean, in any world. A *region* is what lies under one name at the top of the folder,
 * or one record (of counted rows: all of them). Whoever changes a region and sees what was last
 * made of it means what he makes of it, and that is what all must show in the end, without a
 * conflict copy. Who doesn't see that *contends* for it; then nothing is asked of it until all
 * devices are in sync. Regions that one act changed together stand and fall together, for things
 * may have been moved from one to the other. */
#ifndef CF_TESTS_WORLDS_INTENTS_H
#define CF_TESTS_WORLDS_INTENTS_H
#include "codec/bytes.h"

typedef struct {
    char where[96];
    cf_buffer text; /* a line for each thing in it, and for each conflict that is kept */
} region;

/* What a device shows at a moment. */
typedef struct {
    region *all;
    size_t count, capacity;
} picture; /* {0} is empty */

void picture_release(picture *self);
/* Of a line of device_tree. */
void picture_add(picture *self, cf_bytes line);
/* A conflict that is kept, at KIND/KEY/FIELD. */
void picture_add_kept(picture *self, const char *place, const char *token);

typedef struct {
    region meant;
    uint64_t *past; /* sums of all that it was meant to be */
    size_t past_count, past_capacity;
    size_t group; /* the same number: they stand and fall together */
    bool is_contended;
} intent;

enum { CERTAIN_PATH = 64 };

typedef struct {
    intent *all;
    size_t count, capacity;
    size_t groups;   /* numbers given so far */
    bool is_doubted; /* all of it, also what nobody has changed yet */
} intents;           /* {0} is empty */

void intents_release(intents *self);
/* A user has made the second of the first. In doubt: of what it is isn't sure. */
void intents_act(intents *self, const picture *before, const picture *after, bool in_doubt);
/* What is at the one path may be what was at the other: they stand and fall together. */
void intents_tie(intents *self, const char *path, const char *other);
typedef struct {
    const picture *before, *after;
    const char *from, *to;
} intents_move;
/* The user has moved something from the one path to the other. What looks the same as before, for
 * he has swapped two empty folders, is another thing all the same: who puts something into one of
 * them and didn't know of that finds it under the other name. */
void intents_moved(intents *self, const intents_move *move);
/* Something else has changed it, or may have lost it. */
void intents_shake(intents *self, const picture *before, const picture *after);
void intents_doubt_all(intents *self);
/* Only what one of these shows is still there. */
void intents_keep(intents *self, const picture *pictures, size_t count);
/* All devices show this, and are in sync. */
void intents_agree(intents *self, const picture *all);
/* A region that nobody contends for and that is something else now; NULL: there is none. */
const intent *intents_broken(intents *self, const picture *now);
/* A file in one that nobody contends for. False: there is none. */
bool intents_certain(const intents *self, char path[CERTAIN_PATH]);

/* Of a region or what it was meant to be. It was not meant, but is there: a conflict. */
bool region_has_more_conflicts(const region *now, const region *meant);
/* An empty one when there is none. */
const region *picture_at(const picture *self, const char *where);

#endif
