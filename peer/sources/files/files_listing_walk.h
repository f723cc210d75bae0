/* SPDX-License-Identifier: Apache-2.0 */
/* A listing that is made in turns: those of the disk, which any thread may take, and which last for
 * as long as the disk likes, and those of who decides where to go on.
 *
 *     read      the start: a, b/, c/      decide      into b/, not into c/, which is known
 *     read      b/: b/d, b/e/             decide      into b/e/
 *     read      b/e/: nothing             decide      it is over
 */
#ifndef CF_PEER_SOURCES_FILES_FILES_LISTING_WALK_H
#define CF_PEER_SOURCES_FILES_FILES_LISTING_WALK_H
#include "peer/sources/files/files_listing.h"

typedef struct cf_listing_walk cf_listing_walk;

/* Takes the listing, to which it adds, until it ends; what the options name is borrowed until then,
 * `include` and `context` for the turns of who decides alone. */
cf_listing_walk *cf_listing_walk_new(cf_listing *listing, const cf_listing_options *options);
/* One start more, which is copied; all are listed in order, as by cf_listing_add. Before the first
 * turn. */
void cf_listing_walk_from(cf_listing_walk *walk, cf_listing_start start);
/* All that needs no decision, at a time on one thread. */
void cf_listing_walk_read(cf_listing_walk *walk);
/* False: there is nothing more to read. */
bool cf_listing_walk_decide(cf_listing_walk *walk);
/* Beside a turn of the disk: it ends after the directory that it is in, and none begins. */
void cf_listing_walk_stop(cf_listing_walk *walk);
/* Gives the listing back; fails as cf_listing_add. */
cf_status cf_listing_walk_end(cf_listing_walk **walk, cf_listing *out, cf_error *error);

#endif
