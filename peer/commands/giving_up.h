/* SPDX-License-Identifier: Apache-2.0 */
/* --give-up: what the user does without, because nobody has it any more. */
#ifndef CF_PEER_COMMANDS_GIVING_UP_H
#define CF_PEER_COMMANDS_GIVING_UP_H
#include "peer/program/verb.h"

typedef struct cf_giving_up cf_giving_up;

/* NULL when it isn't asked for. CF_MISSING, CF_USAGE: a path is in no source that is synced. */
cf_status cf_giving_up_new(const cf_run *run, const cf_id *collections, size_t count,
                           cf_giving_up **out, cf_error *error);
void cf_giving_up_destroy(cf_giving_up **giving);

/* After a round: gives up, once. True: another round is to publish that. */
bool cf_giving_up_begin(cf_giving_up *giving, cf_run *run);
/* At the end: CF_MISSING when there was nothing to give up, CF_UNREACHABLE when nobody could be
 * asked. */
cf_status cf_giving_up_outcome(const cf_giving_up *giving, cf_error *error);

#endif
