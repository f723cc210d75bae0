/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files, as calls want them. */
#ifndef CF_TESTS_NAMED_H
#define CF_TESTS_NAMED_H
#include "codec/bytes.h"

#include <string.h>

static inline cf_bytes named(const char *name)
{
    return cf_bytes_of_text(name);
}

static inline bool ends_with(const char *text, const char *ending)
{
    size_t size = strlen(text), tail = strlen(ending);

    return size >= tail && strcmp(text + size - tail, ending) == 0;
}

#endif
