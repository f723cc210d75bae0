/* SPDX-License-Identifier: Apache-2.0 */
/* No reader: it takes as many MiB at one time as its input says, to show that targets are held to
 * FUZZ_HEAP_MAX, and to no less. */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>

enum { MIB = 1 << 20 };

static const uint8_t wishes[] = {63, 65};

bool fuzz_seed(size_t number, cf_buffer *out)
{
    if (number >= sizeof wishes)
        return false;
    cf_buffer_append(out, &wishes[number], 1);
    return true;
}

bool fuzz_run(cf_bytes input)
{
    void *volatile held[UINT8_MAX + 1] = {0};
    uint8_t count = input.data[0];

    fprintf(stderr, "%u MiB\n", count);
    for (uint8_t i = 0; i < count; i++)
        held[i] = malloc(MIB);
    for (uint8_t i = 0; i < count; i++)
        free(held[i]);
    return true;
}
