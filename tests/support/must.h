/* SPDX-License-Identifier: Apache-2.0 */
/* What can't fail in a world ends its program. */
#ifndef CF_TESTS_MUST_H
#define CF_TESTS_MUST_H
#include "codec/error.h"

#include <stdio.h>
#include <stdlib.h>

static inline void must(cf_status status, const cf_error *error, const char *what)
{
    if (!status)
        return;
    fprintf(stderr, "world: %s: status %d: %s\n", what, (int)status, error->text);
    abort();
}

#endif
