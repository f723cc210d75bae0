/* SPDX-License-Identifier: Apache-2.0 */
/* What brokers don't know: of each the commands that it refused as unsupported, which the user pays
 * for (broker/link/unknown.h), kept in the home for a day, for all processes that use it. A broker
 * is who has its key, wherever it is reached. */
#ifndef CF_PEER_LOG_UNSUPPORTED_H
#define CF_PEER_LOG_UNSUPPORTED_H
#include "broker/link/link.h"
#include "broker/link/unknown.h"
#include "codec/address.h"
#include "peer/log/home.h"

/* Of those that are kept, the one that ends first makes room for another. */
enum { CF_UNSUPPORTED_MAX = 64 };

/* Tells the link, which has begun no session yet or has just been greeted, what the broker that it
 * talks to does not know. */
void cf_unsupported_recall(cf_home *home, const cf_address *broker, const cf_env *env,
                           cf_link *link);
/* So it said just now. A failure is reported. */
void cf_unsupported_note(cf_home *home, const cf_address *broker, const cf_env *env,
                         cf_command command);

#endif
