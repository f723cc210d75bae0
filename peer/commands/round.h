/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs that make a round have in common: which collections, and the user's word. */
#ifndef CF_PEER_COMMANDS_ROUND_H
#define CF_PEER_COMMANDS_ROUND_H
#include "peer/program/verb.h"

/* The collections that the arguments name, which all must be bound here; CF_MISSING. In the arena.
 */
cf_status cf_round_collections(const cf_run *run, cf_arena *arena, cf_id **out, size_t *count,
                               cf_error *error);
/* --yes, --max-delete. */
cf_status cf_round_word(const cf_run *run, cf_delete_word *out, cf_error *error);

#endif
