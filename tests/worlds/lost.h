/* SPDX-License-Identifier: Apache-2.0 */
/* What a world has lost for good: contents that stand in no folder of a device that is in, while no
 * broker has the blobs that they are made of. Whoever waits for one says so, and that is true for
 * ever. */
#ifndef CF_TESTS_WORLDS_LOST_H
#define CF_TESTS_WORLDS_LOST_H
#include "tests/worlds/records.h"

/* After a round, before its process ends: nothing else keeps this device from being in sync. */
bool lost_is_all_it_waits_for(device *self);
/* Then: a record with a value that is lost is shown only where it was without that. */
void lost_note_records(device *self);
bool lost_keeps_away(const device *self, record_kind kind, const char *key);

#endif
