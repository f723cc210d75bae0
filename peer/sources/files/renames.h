/* SPDX-License-Identifier: Apache-2.0 */
/* What the system told was renamed, until that was looked at: where inode numbers don't last,
 * nothing else says that what is at a place is what was at another. A name that was renamed twice
 * came from the first place:
 *
 *     a -> b, b -> c    c was a
 *     a -> b, x -> b    b was x
 */
#ifndef CF_PEER_SOURCES_FILES_RENAMES_H
#define CF_PEER_SOURCES_FILES_RENAMES_H
#include "peer/sources/context/places.h"

#define CF_RENAMES_MAX 65536 /* more, and all are forgotten: things are what they look like */

typedef struct cf_renames cf_renames;

cf_renames *cf_renames_new(void);
void cf_renames_destroy(cf_renames **renames);

/* Directories by their nodes' numbers; the absences mean nothing. */
void cf_renames_note(cf_renames *renames, const cf_look_place *from, const cf_look_place *to);
/* What was there was deleted. */
void cf_renames_drop(cf_renames *renames, const cf_look_place *to);
void cf_renames_clear(cf_renames *renames);
bool cf_renames_any(const cf_renames *renames);
/* Where what is there was before; false: of that nothing was told. The name is borrowed until the
 * next change. */
bool cf_renames_find(const cf_renames *renames, const cf_look_place *to, cf_look_place *from);
/* Adds, for each of the places, what is there, or, of a whole directory, in it, the place where
 * that was. They have to be put in order then. */
void cf_renames_add_origins(const cf_renames *renames, cf_look_places *places);

#endif
