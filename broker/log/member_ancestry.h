/* SPDX-License-Identifier: Apache-2.0 */
/* Ancestry: which entries of the member log the entries of a chain had seen. Each names only what
 * is new to it, so the chain is walked back; what was found is remembered at its newest entry.
 * Owned by a log. */
#ifndef CF_BROKER_LOG_MEMBER_ANCESTRY_H
#define CF_BROKER_LOG_MEMBER_ANCESTRY_H
#include "broker/log/unsettled_heads.h"
#include "broker/members/registry.h"
#include "broker/store/store.h"

typedef struct cf_member_ancestry cf_member_ancestry;

/* The four are borrowed, and outlive it. */
cf_member_ancestry *cf_member_ancestry_new(cf_store *store, const cf_hash *user,
                                           const cf_registry *registry,
                                           const cf_unsettled_heads *heads_under_way);
void cf_member_ancestry_destroy(cf_member_ancestry **ancestry);

/* Adds to `*past` the member past of an entry, whose predecessor is held or under way (else
 * CF_MISSING). */
cf_status cf_member_ancestry_past(cf_member_ancestry *ancestry, const cf_header *header,
                                  cf_member_past *past, cf_error *error);

#endif
