/* SPDX-License-Identifier: Apache-2.0 */
/* A device that serves a folder which it watches, and another one that takes what comes. */
#ifndef CF_TESTS_WATCHED_FOLDER_H
#define CF_TESTS_WATCHED_FOLDER_H
#include "tests/peer/small/small_checks.h"

enum { QUIET_MS = 9000 };

/* above/a with one and two, and above/b. `known`: everything was looked at again, so that each
 * directory is watched as what it is. */
small_world *served_world(small_device **first, small_device **second, bool known);
/* The device takes what there is, and then has this text there. */
bool shows(small_device *self, const char *path, const char *text);

#endif
