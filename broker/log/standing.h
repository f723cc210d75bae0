/* SPDX-License-Identifier: Apache-2.0 */
/* The standing of a change: whether it counts, by its author's role in its own past and by what
 * limits its author. codec/PROTOCOL.md, "Membership". */
#ifndef CF_BROKER_LOG_STANDING_H
#define CF_BROKER_LOG_STANDING_H
#include "broker/log/judge.h"

typedef enum {
    CF_STANDING_COUNTS,
    CF_STANDING_REVOKED, /* void: the author was revoked, or left */
    CF_STANDING_ROLE,    /* void: the author's role doesn't allow it */
} cf_standing;

/* An entry whose author is known. */
typedef struct {
    const cf_entry *entry;
    bool is_held;  /* it is committed; one that isn't is in nobody's past yet */
    bool as_owner; /* it does what only an owner may */
} cf_considered;

cf_status cf_standing_of(const cf_judge *judge, const cf_considered *change, cf_standing *out,
                         cf_error *error);

#endif
