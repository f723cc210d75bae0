/* SPDX-License-Identifier: Apache-2.0 */
/* Communicating alone: a round that has its collections locked from its first word to its last. */
#ifndef CF_PEER_COMMANDS_EXCLUSIVE_H
#define CF_PEER_COMMANDS_EXCLUSIVE_H
#include "peer/program/verb.h"

typedef struct cf_exclusive cf_exclusive;

/* These collections, or all that have a source here; those that this device has locked anyhow stay
 * so. Others' locks it waits for only where it is told to. */
cf_exclusive *cf_exclusive_new(cf_run *run, const cf_id *collections, size_t count, bool waits,
                               uint64_t give_up_ms);
/* Gives back what it has. */
void cf_exclusive_destroy(cf_exclusive **exclusive);

/* `*held` becomes true when all are locked. CF_LOCKED: not in time. */
cf_status cf_exclusive_step(cf_exclusive *exclusive, uint64_t now_ms, bool *held, cf_error *error);
/* Gives them back; true when that is done, or nobody answers. */
bool cf_exclusive_is_released(cf_exclusive *exclusive, uint64_t now_ms);

#endif
