/* SPDX-License-Identifier: Apache-2.0 */
/* Rungs: what the subscriber offers of its own branches, so that the other finds the last entry
 * that both hold without knowing what lies between. codec/PROTOCOL.md, "Sessions, heads and
 * replay". */
#ifndef CF_BROKER_LOG_RUNGS_H
#define CF_BROKER_LOG_RUNGS_H
#include "broker/store/store.h"
#include "codec/heads.h"

/* Of each of our branches of a writer of whom `theirs` names a head that isn't held here, falling
 * along each. (Of writers of whom all their heads are held, those heads are the rungs; they are not
 * visited.) */
cf_status cf_rungs(cf_store *store, const cf_hash *user, const cf_heads *theirs,
                   cf_head_visit *visit, void *context, cf_error *error);

/* From an entry to its predecessor, by reading it; the sequence is 0 before the first one. */
cf_status cf_chain_step_back(cf_store *store, const cf_hash *user, cf_head *head, cf_error *error);

#endif
