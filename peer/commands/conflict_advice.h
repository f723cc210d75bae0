/* SPDX-License-Identifier: Apache-2.0 */
/* How conflicts that are listed are settled. What is said of those of one table settles these
 * alone: who follows it need not know what else is listed. */
#ifndef CF_PEER_COMMANDS_CONFLICT_ADVICE_H
#define CF_PEER_COMMANDS_CONFLICT_ADVICE_H
#include "peer/engine/engine.h"
#include "peer/program/output.h"

/* A line for each kind, of a database for each table with such. */
void cf_conflict_advice_print(const char *collection, const cf_binding_status *status,
                              cf_peer *peer, const cf_output *output);

#endif
