/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a device's folder, one by one. A file's content is a number. */
#ifndef CF_TESTS_SMALL_THINGS_H
#define CF_TESTS_SMALL_THINGS_H
#include "tests/peer/small/small_folder.h"

enum { THING_PATH = 300, THINGS_MAX = 400 };

typedef struct {
    char path[THING_PATH];
    bool is_directory;
    unsigned mode;
    int content;
} thing;

typedef struct {
    thing at[THINGS_MAX];
    int count;
} things;

void things_look(const small_device *self, things *out);
const thing *things_find(const things *in, const char *path); /* NULL: it is not there */
bool things_have(const things *in, int content);

#endif
