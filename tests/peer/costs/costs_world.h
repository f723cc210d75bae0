/* SPDX-License-Identifier: Apache-2.0 */
/* A small world on lesser disks in which all is counted that its devices ask of their files, stores
 * and jobs, and the messages that pass. Linked with --wrap of what makes and hands over these. */
#ifndef CF_TESTS_PEER_COSTS_WORLD_H
#define CF_TESTS_PEER_COSTS_WORLD_H
#include "tests/broker/costs/tally.h"
#include "tests/peer/small/small_world.h"

enum { SOON_S = 10 }; /* within which an act has come to its end everywhere */

/* Of the first device's user. */
typedef void costs_act(small_device *first);

void costs_begin(small_world *in);
/* A minute later all is in sync. */
void costs_settle(small_world *in);
/* All devices serve, and have come to rest. */
void costs_serve(small_world *in);
void costs_pass(small_world *in, int seconds);
/* The act, and what it brings about. */
tally costs_of(small_world *in, costs_act *act);

/* Files of so many in a folder: d0/f0, d0/f1 and so on. */
enum { IN_ONE = 40 };
void costs_make_files(small_device *of, size_t count);

#endif
