/* SPDX-License-Identifier: Apache-2.0 */
/* Stretches of the product's code that are run: sources that are compiled for a test with
 * cf_test's COUNTED call __sanitizer_cov_trace_pc in each of theirs. */
#ifndef CF_TESTS_PEER_COSTS_STRETCHES_H
#define CF_TESTS_PEER_COSTS_STRETCHES_H
#include <stddef.h>
#include <stdint.h>

extern uint64_t stretches;

/* Returns how many stretches it took with so many. */
typedef uint64_t fields_work(size_t fields);

/* Twice as many are about twice the work: n log n has some more, a square four times as much, and
 * one that only begins to show has half of that. Tried with three sizes from `smallest` on. */
void stretches_expect_linear(size_t smallest, fields_work *work);

#endif
