/* SPDX-License-Identifier: Apache-2.0 */
/* A newcomer at a broker's door: says KNOCK with a code until it is admitted or turned away. With a
 * pairing code it is a device that joins, with an invitation a new user's first entry. A handler.
 */
#ifndef CF_PEER_ACCOUNT_PAIRING_JOINER_H
#define CF_PEER_ACCOUNT_PAIRING_JOINER_H
#include "broker/link/link.h"
#include "codec/address.h"
#include "codec/heads.h"
#include "codec/pairing.h"

typedef struct cf_pairing_joiner cf_pairing_joiner;

typedef struct {
    const cf_env *env;
    const cf_code *code; /* for the call only */
    const char *name;    /* with a pairing code, as the next two */
    const cf_keys *keys;
    cf_bytes first_entry; /* with an invitation; copied */
    cf_bytes members;     /* with an invitation, of a user that has devices; copied */
    cf_bytes said;        /* the KNOCK of an earlier try with this code, instead; copied */
} cf_pairing_joiner_options;

cf_pairing_joiner *cf_pairing_joiner_new(const cf_pairing_joiner_options *options);
void cf_pairing_joiner_destroy(cf_pairing_joiner **joiner);

/* For its connection. */
cf_link *cf_pairing_joiner_link(const cf_pairing_joiner *joiner);
const uint8_t *cf_pairing_joiner_curve_public(const cf_pairing_joiner *joiner);
const uint8_t *cf_pairing_joiner_curve_secret(const cf_pairing_joiner *joiner);

/* Its KNOCK, the same each time. */
cf_bytes cf_pairing_joiner_said(const cf_pairing_joiner *joiner);
/* A name for the code that tells nothing of it. */
cf_hash cf_code_name(const cf_code *code);

/* False: it was not even asked, because the clocks are too far apart. */
bool cf_pairing_joiner_has_knocked(const cf_pairing_joiner *joiner);
/* What the owner's device has of the member log, once it has admitted. */
const cf_heads *cf_pairing_joiner_members(const cf_pairing_joiner *joiner);
/* True when it has ended. CF_OK: admitted. CF_DENIED: the code is wrong, was used or has expired.
 * CF_UNREACHABLE: nobody answers there, or it is another broker. CF_FULL: its clock and ours are
 * too far apart, and the code is not used. */
bool cf_pairing_joiner_over(const cf_pairing_joiner *joiner, cf_status *status, cf_error *error);

/* As long as it is not over: why the broker put it off last; NULL: it didn't. */
const char *cf_pairing_joiner_delay(const cf_pairing_joiner *joiner);

/* Reads a code as the user gave it: CF_DENIED when it is none of ours, not of this kind
 * (`for_user`: an invitation), or has expired. */
cf_status cf_code_take(const char *text, bool for_user, uint64_t now_ms, cf_code *out,
                       cf_error *error);

/* CF_DENIED when it has expired: that is of no matter to who has used it before. */
cf_status cf_code_check_time(const cf_code *code, uint64_t now_ms, cf_error *error);

#endif
