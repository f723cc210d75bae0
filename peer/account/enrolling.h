/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolling a user with a broker, by invitation: the account's first entry is shown at the door,
 * then the account itself brings the rest of the log, because the broker knows no device yet. Where
 * the account is not at hand the whole member log is shown at the door. A handler, as its parts. */
#ifndef CF_PEER_ACCOUNT_ENROLLING_H
#define CF_PEER_ACCOUNT_ENROLLING_H
#include "peer/engine/connections.h"
#include "peer/log/peer.h"
#include "peer/log/staging.h"

typedef struct cf_enrolling cf_enrolling;

typedef struct {
    const cf_connections *connections;
    cf_home *home;       /* that has the user's log */
    const cf_code *code; /* an invitation; copied */
    const uint8_t
        *secret;         /* of the account, CF_PHRASE_SECRET bytes; not kept. NULL: the broker is
                            shown the members of `peer`, and this device brings the rest by itself */
    const cf_peer *peer; /* NULL with a secret */
    cf_staging *staging; /* of the home, which keeps what is said; NULL: it is one already */
    uint64_t timeout_ms;
} cf_enrolling_options;

/* CF_DENIED: the secret is another account's. */
cf_status cf_enrolling_new(const cf_enrolling_options *options, cf_enrolling **out,
                           cf_error *error);
void cf_enrolling_destroy(cf_enrolling **enrolling);
/* False: see cf_pairing_joiner_has_knocked. */
bool cf_enrolling_has_knocked(const cf_enrolling *enrolling);
/* True when it has ended; see cf_pairing_joiner_over. */
bool cf_enrolling_step(cf_enrolling *enrolling, uint64_t now_ms, uint64_t *deadline_ms,
                       cf_status *status, cf_error *error);

#endif
