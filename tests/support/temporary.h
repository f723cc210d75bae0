/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_TEMPORARY_H
#define TESTS_TEMPORARY_H

#include <stdio.h>
#include <stdlib.h>

/* The pattern for mkdtemp of a folder of a test, in $TMPDIR or /tmp. path has room for size bytes,
 * a longer one aborts. */
static inline void temporary_pattern(char *path, size_t size, const char *name)
{
    const char *top = getenv("TMPDIR");

    if ((size_t)snprintf(path, size, "%s/%s-XXXXXX", top ? top : "/tmp", name) >= size)
        abort();
}

#endif
