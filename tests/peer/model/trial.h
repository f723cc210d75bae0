/* SPDX-License-Identifier: Apache-2.0 */
/* Trials of what may abort, or never end: each in a process of its own. And the rate of those that
 * went well. */
#ifndef CF_TESTS_TRIAL_H
#define CF_TESTS_TRIAL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void trial_run(void *context);

/* Whether it came to its end. Quiet: what it prints is lost. */
bool trial_passes(trial_run *run, void *context, bool quiet);

/* Of `count` things, fewer that still fail: `kept` says which of them are tried. True in `kept` at
 * the end: needed. */
typedef bool trial_fails(void *context, const bool *kept);
void trial_shrink(size_t count, trial_fails *fails, void *context, bool *kept);

/* Zeroed memory that a trial and its parent share; lasts as long as the program. */
void *trial_shared(size_t size);

double trial_seconds(void);
/* "N steps in T s, M million a minute": of the time that a processor has worked on trials. */
void trial_print_rate(uint64_t steps);

#endif
