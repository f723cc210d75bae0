/* SPDX-License-Identifier: Apache-2.0 */
/* What is at stake when this device leaves: what was done here and may be nowhere else, and the
 * last owner. */
#ifndef CF_PEER_COMMANDS_STAKE_H
#define CF_PEER_COMMANDS_STAKE_H
#include "peer/program/verb.h"

typedef struct {
    size_t unsent; /* items, or entries where none of their items is here */
    size_t unseen; /* sources that can't be looked at */
    bool is_last_owner;
    bool is_asked; /* the broker, for the member log */
} cf_stake;

/* As the last look found the sources. Lists what is unsent, source by source. */
cf_status cf_stake_take(const cf_run *run, bool is_asked, cf_stake *out, cf_error *error);
/* CF_UNSAFE: something is unsent, or unseen; CF_USAGE: only the last owner is at stake. */
cf_status cf_stake_check(const cf_run *run, const cf_stake *stake, cf_error *error);
json_t *cf_stake_json(const cf_stake *stake);

#endif
