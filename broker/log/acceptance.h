/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a log takes an entry: form was checked by cf_entry_read; here are chain, `after`,
 * members, signature, room for one more branch, and, where the author itself brings it, role and
 * blobs. Decides, changes nothing. codec/PROTOCOL.md, "Sessions, heads and replay". */
#ifndef CF_BROKER_LOG_ACCEPTANCE_H
#define CF_BROKER_LOG_ACCEPTANCE_H
#include "broker/log/cutoffs.h"
#include "broker/log/head_counts.h"
#include "broker/log/log.h"
#include "broker/log/member_ancestry.h"
#include "broker/log/unsettled_heads.h"

/* What is known of a log: committed, and on its way. */
typedef struct {
    cf_store *store;
    const cf_hash *user;
    const cf_registry *registry;
    const cf_unsettled_heads *heads_under_way;
    cf_member_ancestry *ancestry;
    cf_cutoffs *cutoffs;
    const cf_head_counts *heads;
    const cf_head_bounds *head_bounds;
} cf_acceptance;

/* Fails only when the store can't be read. */
cf_status cf_acceptance_of(const cf_acceptance *acceptance, const cf_entry *entry,
                           const cf_offer *offer, cf_verdict *out, cf_error *error);

/* ---- The validity of a change ---- */

/* Whether a change counts, by its author's role in its own past and by what
 * limits its author. codec/PROTOCOL.md, "Membership". */
typedef enum {
    CF_VALIDITY_COUNTS,
    CF_VALIDITY_REVOKED, /* void: the author was revoked, or left */
    CF_VALIDITY_ROLE,    /* void: the author's role doesn't allow it */
} cf_validity;

/* An entry whose author is known. */
typedef struct {
    const cf_entry *entry;
    bool is_held;  /* it is committed; one that isn't is in nobody's past yet */
    bool as_owner; /* it does what only an owner may */
} cf_considered;

cf_status cf_validity_of(const cf_acceptance *acceptance, const cf_considered *change,
                         cf_validity *out, cf_error *error);

#endif
