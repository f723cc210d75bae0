/* SPDX-License-Identifier: Apache-2.0 */
/* What the user lets this device send and get in a second; kept in the home. */
#ifndef CF_PEER_ENGINE_LIMITS_H
#define CF_PEER_ENGINE_LIMITS_H
#include "peer/log/home.h"

typedef struct {
    uint64_t up, down; /* bytes in a second, as broker/link/rate_limit.h has them; 0: no limit */
} cf_limits;

/* CF_BROKEN when what is kept there is none. */
cf_status cf_limits_recall(cf_home *home, cf_limits *out, cf_error *error);
cf_status cf_limits_keep(cf_home *home, const cf_limits *limits, cf_error *error);

/* The most bytes that the blobs may take which a relay carries, see peer/transfer/carried.h:
 * CF_CARRIED_ALL where nothing was said. As above. */
cf_status cf_limits_recall_carried(cf_home *home, uint64_t *out, cf_error *error);
cf_status cf_limits_keep_carried(cf_home *home, uint64_t most, cf_error *error);
/* A SIZE in the same form; 0, or that of the largest blob at least. */
cf_status cf_limits_read_carried(const char *text, uint64_t *out, cf_error *error);

/* A RATE: digits, and K, M or G for the powers of 1024; "none" is 0. CF_USAGE, also beyond what
 * rate_limit.h takes. */
cf_status cf_limits_read_rate(const char *text, uint64_t *out, cf_error *error);

#endif
