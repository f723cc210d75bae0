/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/depot.h"

#include "codec/content.h"

#include <stdlib.h>

static depot d;

TestSuite(downloads, .init = NULL);

enum { SOME = 1000000 }; /* four blobs */

Test(downloads, fetches_a_whole)
{
    depot_open(&d);
    uint8_t *bytes = noise(1, SOME);
    depot_connect(&d);
    expect_ready(&d, depot_whole(&d, cf_bytes_of(bytes, SOME)), cf_bytes_of(bytes, SOME));
    free(bytes);
    depot_close(&d);
}

Test(downloads, applies_a_patch_to_a_file_that_is_here_without_a_broker)
{
    depot_open(&d);
    uint8_t *base = noise(1, SOME), *next = noise(1, SOME);
    memset(next + 5000, 'x', 100);
    depot_whole(&d, cf_bytes_of(base, SOME));
    depot_lay(&d, "base", cf_bytes_of(base, SOME));
    expect_ready(&d, depot_patch(&d, cf_bytes_of(base, SOME), cf_bytes_of(next, SOME), false),
                 cf_bytes_of(next, SOME));
    cr_expect_eq(d.served, 0);
    free(base);
    free(next);
    depot_close(&d);
}
