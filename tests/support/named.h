/* SPDX-License-Identifier: Apache-2.0 */
/* Names of files, as calls want them. */
#ifndef CF_TESTS_NAMED_H
#define CF_TESTS_NAMED_H
#include "codec/bytes.h"

static inline cf_bytes named(const char *name)
{
    return cf_bytes_of_text(name);
}

#endif
