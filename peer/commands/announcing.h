/* SPDX-License-Identifier: Apache-2.0 */
/* An announcement: entries of the member log that a verb makes when the log is as the broker has
 * it, and that are of use once the broker has them. Asks the engine; the verb makes the entries. */
#ifndef CF_PEER_COMMANDS_ANNOUNCING_H
#define CF_PEER_COMMANDS_ANNOUNCING_H
#include "peer/commands/catching_up.h"
#include "peer/engine/broker_query.h"

typedef struct {
    cf_catching_up catching_up; /* its deadline is that of all of it */
    const cf_hash *whose;       /* devices whose heads the broker is asked for before; borrowed */
    size_t whose_count;
    cf_broker_query *query; /* about these */
    bool is_told;
    bool is_made;
    cf_head *entries;
    size_t count, capacity;
} cf_announcing;

/* Brings the engine's link into connection. CF_UNREACHABLE when no broker is set. */
cf_status cf_announcing_begin(cf_announcing *announcing, cf_run *run, cf_error *error);
void cf_announcing_release(cf_announcing *announcing);
/* What is made limits these devices: the broker is asked first for the heads that it has of them,
 * also where the own log does not get all. */
void cf_announcing_ask(cf_announcing *announcing, const cf_hash *devices, size_t count);
/* When it is time to make it: those of one of them. NULL: the broker is older, or none is set. */
const cf_heads *cf_announcing_told(const cf_announcing *announcing, const cf_hash *device);
/* An entry that was made. */
void cf_announcing_add(cf_announcing *announcing, const cf_head *entry);

typedef enum {
    CF_ANNOUNCING_WAITS, /* to be stepped again, at the deadline at the latest */
    CF_ANNOUNCING_MAKE,  /* now is the time: said until is_made */
    CF_ANNOUNCING_DONE,  /* the broker has them all */
    CF_ANNOUNCING_FAILED,
} cf_announcing_step_result;

/* FAILED: CF_UNREACHABLE, where nothing was made or the broker hears of it later; CF_LOCKED: an
 * older broker keeps back what another device writes alone, and does not say what that is;
 * CF_DENIED: it refuses one for good. */
cf_announcing_step_result cf_announcing_step(cf_announcing *announcing, cf_run *run,
                                             uint64_t now_ms, cf_error *error);

#endif
