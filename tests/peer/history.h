/* SPDX-License-Identifier: Apache-2.0 */
/* A random history in a small world: what users do, what breaks, and what has to be there at the
 * end. */
#ifndef CF_TESTS_HISTORY_H
#define CF_TESTS_HISTORY_H
#include "tests/peer/small_folder.h"

enum { WRITTEN_MAX = 512 };

/* What was written, and may be missing at the end: it was edited or deleted by someone. */
typedef struct {
    char token[64];
    bool may_go;
} written;

typedef struct {
    world *in;
    written all[WRITTEN_MAX];
    int count;
    bool large, trace;
    device *who; /* whose user acts in the middle of a sync */
} history;

/* Something that a user does, or that happens to a device, the broker or the network. */
void history_act(history *self);

#endif
