/* SPDX-License-Identifier: Apache-2.0 */
/* What the difference of two moments says: a user did something, or something happened to the disk.
 * It goes into the ledger, and into what users meant. */
#ifndef CF_TESTS_WORLDS_NOTES_H
#define CF_TESTS_WORLDS_NOTES_H
#include "tests/worlds/sight.h"

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
/* Before its home alone goes back: what went from here because it wasn't asked for any more is gone
 * from here to an older home as if the user had taken it away, and what he makes in its place is an
 * edit of it (worlds 24000150, 25000598). */
void note_unasked(const device *of, const sight *before);
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
/* After a loss: of what those who are shut out wrote and took away nothing can be said where others
 * may have gone back, too. */
void note_doubtful(world *self);

#endif
