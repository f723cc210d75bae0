/* SPDX-License-Identifier: Apache-2.0 */
/* What devices ask for, by `--include`: some of the files, or of the records by their keys, others,
 * or all of them again. What a device doesn't ask for is not brought there, and what lies there
 * unasked for is its own user's: nothing is done to it, and whatever he does with it is told to
 * nobody. A file that is asked for no more becomes that; a record goes that others know. */
#ifndef CF_TESTS_WORLDS_ASKING_H
#define CF_TESTS_WORLDS_ASKING_H
#include "tests/worlds/sight.h"

/* As `counterfoil set --include`; no pattern: for everything. Returns the binding, which is another
 * one where the process had to begin again. */
cf_binding *device_asks_for(device *self, cf_binding *binding, const char *const *patterns,
                            size_t count);

/* It asks for some only. */
bool asking_is_limited(const device *self);
bool asking_is_any_limited(const world *self); /* of those that are in */
/* It asks for what is, or would be, at this place. */
bool asking_takes(const device *self, const char *path, bool is_folder);
/* The same of a value's place (records.h). */
bool asking_takes_place(const device *self, const char *place);
/* Of what lies there. */
bool asking_takes_seen(const device *self, const seen *it);
/* As device_tree, of what both ask for and no lost value keeps away (lost.h). */
void asking_tree(const device *self, const device *other, cf_buffer *out);

/* Its user wants more, less, something else, or everything. The first device always asks for all:
 * what it shows is what there is. */
void asking_changes(device *self, uint64_t seed);
/* All ask for everything again. */
void asking_ends(world *self);

/* After a round: what it asks for and has is known to it from now on. */
void asking_note_round(device *self);
void asking_forget(device *self); /* all that it knows */
/* What its user takes away may be told to others: it asks for that, and had it before. */
bool asking_may_know(const device *self, const seen *it);

#endif
