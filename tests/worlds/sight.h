/* SPDX-License-Identifier: Apache-2.0 */
/* What lies on a device's disk at a moment. */
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
/* For what notes.h says of two moments. */
void sight_take_whole(const device *of, sight *out);
/* What it keeps for the user of a record's field, beside the value that is shown. */
void sight_take_kept(const device *of, sight *out);
void sight_release(sight *self);
bool sight_has(const sight *self, const mark *token);
const seen *sight_at(const sight *self, const char *path); /* the first there, or NULL */
/* The token is on the disk of another device that is in. */
bool is_elsewhere(const device *here, const mark *token);
void picture_take(const device *of, picture *out);

#endif
