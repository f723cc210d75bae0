/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/costs/stretches.h"

#include "tests/support/expect.h"

enum { SIZES = 3 };

uint64_t stretches;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

void stretches_expect_linear(size_t smallest, fields_work *work)
{
    uint64_t counts[SIZES];

    for (size_t i = 0; i < SIZES; i++)
        counts[i] = work(smallest << i);
    cr_expect_gt(counts[0], smallest, "nothing is counted");
    for (size_t i = 1; i < SIZES; i++)
        cr_expect_lt(
            2 * counts[i], 5 * counts[i - 1], "%llu for %zu fields, %llu for twice as many",
            (unsigned long long)counts[i - 1], smallest << (i - 1), (unsigned long long)counts[i]);
}
