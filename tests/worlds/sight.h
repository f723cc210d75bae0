/* SPDX-License-Identifier: Apache-2.0 */
/* What lies on a device's disk at a moment, and what the difference of two moments says: a user did
 * something, or something happened to the disk. */
#ifndef CF_TESTS_WORLDS_SIGHT_H
#define CF_TESTS_WORLDS_SIGHT_H
#include "tests/worlds/world.h"

typedef struct {
    char *path;
    mark token;
    mark record; /* that this value is of (records.h); empty: of none that is shown */
} seen;

typedef struct {
    seen *all; /* files and symbolic links, by path, and values of records, by their place */
    size_t count, capacity;
    picture shown; /* all that there is, if it was taken whole */
} sight;

void sight_take(const device *of, sight *out);
/* For what is said below of two moments. */
void sight_take_whole(const device *of, sight *out);
/* What it keeps for the user of a record's field, beside the value that is shown. */
void sight_take_kept(const device *of, sight *out);
void sight_release(sight *self);
bool sight_has(const sight *self, const mark *token);
/* The token is on the disk of another device that is in. */
bool is_elsewhere(const device *here, const mark *token);
void picture_take(const device *of, picture *out);

/* What the user of this device has changed since. */
void note_acts(device *of, const sight *before);
/* Who empties a field, or deletes a record, or uses its number for another one, lets go what was
 * kept of it, too. */
void note_wiped(device *of, const sight *kept);
/* What a power cut has changed. */
void note_cut(device *of, const sight *before);
/* The same of a sync that failed, if it has spoiled a file. */
void note_rot(device *of, const sight *before);
/* What going back to an old copy, made at act `old_at`, has changed. */
void note_restored(device *of, const sight *before, const sight *kept, bool with_folder);
/* Another device begins with what this one has. */
void note_cloned(const device *of);
/* The broker has lost what it had. */
void note_broker_lost(world *self);
/* What this device wrote counts as far as the other one knows it. */
void note_revoked(const device *outcast, const device *by);
/* All have settled. Whom a revocation shut out that got lost is in again: with what he did in the
 * meantime, which nobody wanted. */
void note_pardoned(world *self);
/* The device says that everything is in sync. */
void note_safe(const device *of);

#endif
