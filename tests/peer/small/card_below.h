/* SPDX-License-Identifier: Apache-2.0 */
/* A share of which a folder shows a card that is mounted there, and two devices that have seen all
 * of it. Of one suite at a time. */
#ifndef CF_TESTS_CARD_BELOW_H
#define CF_TESTS_CARD_BELOW_H
#include "tests/peer/small/lesser_disk.h"
#include "tests/peer/small/small_checks.h"

enum { LONGER_THAN_REMEMBERED = 130, LONG_AGO_S = 1000000000 };

extern small_world *machine;
extern lesser_disk share_disk;
extern small_device *first, *second; /* the share is the first one's */

/* card/ has a, b and in/c; beside it lies a file. */
void card_begin(void);
void card_end(void);

/* By the disk's clock; by the device's long enough to ask that. */
void passes(int64_t seconds);
void both_sync(void);
/* Beside the devices: what the machine behind the share has. */
void path_of(char path[256], const char *name);

/* What card/ shows lies there under the one name from now on, and what lay under the other is
 * shown: another directory, as old as it was made, of which the one above knows nothing. */
void swap_card(const char *goes_as, const char *comes);
void take_out(void *context);
void put_back(void);

/* The second device has all of the card still, and nothing was published, by two looks. */
void expect_card_held(void);

#endif
