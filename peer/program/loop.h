/* SPDX-License-Identifier: Apache-2.0 */
/* The program's shell: one thread that waits for everything (broker, disk, jobs, signals, callers
 * behind the control socket, the time), lets the engine and the runs of verbs go on, and waits
 * again. */
#ifndef CF_PEER_PROGRAM_LOOP_H
#define CF_PEER_PROGRAM_LOOP_H
#include "peer/engine/connections.h"
#include "peer/engine/engine.h"

typedef struct cf_loop cf_loop;
struct cf_run;
struct cf_verb;

typedef struct {
    cf_env *env; /* gets the loop's jobs */
    const char *home_path;
    bool serves;          /* watches, and listens for other processes */
    uint64_t patience_ms; /* of who serves, with a verb that has the home; UINT64_MAX: any */
    const struct cf_verb *const *verbs; /* that other processes may ask for, ended by NULL */
} cf_loop_options;

/* Opens neither home nor engine. From now on SIGINT and SIGTERM are the loop's. */
cf_status cf_loop_new(const cf_loop_options *options, cf_loop **out, cf_error *error);
void cf_loop_destroy(cf_loop **loop);

/* Opens the home; CF_MISSING, CF_LOCKED, CF_BROKEN as cf_home_open. */
cf_status cf_loop_open_home(cf_loop *loop, cf_error *error);
cf_status cf_loop_open_engine(cf_loop *loop, cf_error *error);
/* Ends all runs but `survivor` that need the engine, and closes it. */
void cf_loop_close_engine(cf_loop *loop, const struct cf_run *survivor);

/* Opens what the run's verb needs, starts it and goes on until it has ended and its exit code is
 * there. With `serves`, a home that a verb of another process has is waited for, and runs of other
 * processes go on beside it. What it returns is why it could not even start. */
cf_status cf_loop_execute(cf_loop *loop, struct cf_run *run, cf_error *error);

/* ---- For verbs ---- */

const cf_env *cf_loop_env(const cf_loop *loop);
/* What deadlines are counted by, which nobody sets: what a verb's step gets as `now_ms`. */
uint64_t cf_loop_now(const cf_loop *loop);
/* The time of day, for what is written or shown. */
uint64_t cf_loop_time(const cf_loop *loop);
const char *cf_loop_home_path(const cf_loop *loop);
bool cf_loop_serves(const cf_loop *loop);
/* CF_OK when this process has the home; CF_LOCKED: another has it, which `serve` waits for. */
cf_status cf_loop_waiting(const cf_loop *loop, cf_error *error);
cf_home *cf_loop_home(const cf_loop *loop);     /* NULL: none is open */
cf_engine *cf_loop_engine(const cf_loop *loop); /* NULL: none is open */
cf_peer *cf_loop_peer(const cf_loop *loop);     /* the same */
/* Closes the engine, which ends all other runs, wipes the home and ends the loop once `survivor` is
 * over. */
cf_status cf_loop_wipe_home(cf_loop *loop, const struct cf_run *survivor, cf_error *error);
/* CF_OK while there is an engine; else why there is none. */
cf_status cf_loop_trouble(const cf_loop *loop, cf_error *error);
/* Something is being brought from where the user was before. */
bool cf_loop_is_migrating(const cf_loop *loop);
/* Where the user was before, and could not be reached, is tried anew now. */
void cf_loop_try_before(cf_loop *loop);
/* Everything goes on soon, as if something had come. */
void cf_loop_wake(cf_loop *loop);

/* For links of the verb's own. */
const cf_connections *cf_loop_connections(const cf_loop *loop);

#endif
