/* SPDX-License-Identifier: Apache-2.0 */
/* The part of management that has the leases: LOCK, RENEW, UNLOCK and LOCKS, who waits, what ends
 * by itself, LEASES to those who want to know, and ALONE (broker/gateway/alone.h). An answer is
 * sent when what it says is durable; LEASE, moreover, when the session has been sent what the log
 * held when it was granted, so that its holder misses nothing. */
#ifndef CF_BROKER_MANAGEMENT_LEASE_COMMANDS_H
#define CF_BROKER_MANAGEMENT_LEASE_COMMANDS_H
#include "broker/gateway/session.h"

typedef struct cf_lease_commands cf_lease_commands;

/* Leases that were kept begin to run. `service` is borrowed. */
cf_lease_commands *cf_lease_commands_new(cf_service *service);
void cf_lease_commands_destroy(cf_lease_commands **commands);

/* One of the four commands, or ALONE. */
void cf_lease_commands_handle(cf_lease_commands *commands, cf_session *session,
                              const cf_message *message);
/* Ends what is over, before anything of this user is decided. */
void cf_lease_commands_expire(cf_lease_commands *commands, cf_log *log);
/* The user's leases, if there are any, are looked after in the next round. */
void cf_lease_commands_members_changed(cf_lease_commands *commands, const cf_hash *user);
/* Ends what is over, lets in who is next. Returns when to call again. */
uint64_t cf_lease_commands_tick(cf_lease_commands *commands);
/* Sends what may be sent. */
void cf_lease_commands_pay(cf_lease_commands *commands);
/* The broker's clock was set, and is so much later than it would be: leases end as late as before,
 * at other times of day. */
void cf_lease_commands_clock_set(cf_lease_commands *commands, int64_t later_ms);
/* The session is about to end: it waits for nothing any more. */
void cf_lease_commands_forget(cf_lease_commands *commands, const cf_session *session);

#endif
