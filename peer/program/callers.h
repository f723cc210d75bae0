/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that other processes send to the one that serves their home: each is a run beside the
 * others. While that one waits for its home, which another process has, they wait with it. And the
 * sending side. */
#ifndef CF_PEER_PROGRAM_CALLERS_H
#define CF_PEER_PROGRAM_CALLERS_H
#include "peer/program/loop.h"

typedef struct cf_callers cf_callers;

/* Listens in the loop's home, for these verbs. */
cf_status cf_callers_new(cf_loop *loop, const struct cf_verb *const *verbs, cf_callers **out,
                         cf_error *error);
void cf_callers_destroy(cf_callers **callers);
int cf_callers_descriptor(const cf_callers *callers);
void cf_callers_readable(cf_callers *callers);
/* Lets all runs go on; returns when to call again. */
uint64_t cf_callers_step(cf_callers *callers);
/* Ends all runs that need the engine, or wait for the home, saying why, but one. */
void cf_callers_end_all(cf_callers *callers, const struct cf_run *survivor, const cf_error *why);

/* Sends the run to who serves the home, and passes on what that says. CF_MISSING: nobody does.
 * CF_LOCKED: that one has not heard of it within the patience (UINT64_MAX: any), and does nothing
 * of it later. */
cf_status cf_run_send(struct cf_run *run, const char *home_path, uint64_t patience_ms,
                      cf_error *error);

#endif
