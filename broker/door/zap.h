/* SPDX-License-Identifier: Apache-2.0 */
/* Who may connect at all: the one ZAP handler of the process (ZeroMQ RFC 27). It asks a table of
 * (domain, CURVE key) that the gateways' managers keep, and refuses what is not in it, what is not
 * CURVE and what it does not understand. A gateway then finds the key in its messages' metadata.
 *
 * Where no handler runs a gateway's door lets nobody in (it enforces its domain; by itself libzmq
 * would let any key in), and a broker opens it only once its own handler runs. The calls may come
 * from any thread. */
#ifndef CF_BROKER_DOOR_ZAP_H
#define CF_BROKER_DOOR_ZAP_H
#include "broker/management/audit.h"
#include "codec/error.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct cf_zap cf_zap;

/* CF_LOCKED when the process has a handler already. Both are borrowed; `audit` may be NULL. */
cf_status cf_zap_start(const cf_env *env, cf_audit *audit, cf_zap **out, cf_error *error);
/* After everything that was bound under it is closed. */
void cf_zap_destroy(cf_zap **zap);

/* In effect at return, for handshakes from then on: a connection that exists is not asked again. A
 * key that was allowed twice (a device of two users) must be denied twice. */
void cf_zap_allow(cf_zap *zap, const char *domain, const uint8_t key[32]);
void cf_zap_deny(cf_zap *zap, const char *domain, const uint8_t key[32]);

/* From then on a key that isn't allowed is refused with 500, which says that the server can't tell
 * (RFC 27). */
void cf_zap_doubt(cf_zap *zap, bool doubted);

/* The key as a message's User-Id says it; false when the text is not one. */
bool cf_zap_key(const char *user_id, uint8_t key[32]);

#endif
