/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a gateway's door keeps standing: connections that have no session (yet), by their address.
 * An address may bring so many in a minute, and one that came to nothing counts as several, so that
 * who fails over and over comes less and less often. A session costs its address nothing, and for a
 * day it may bring eight times as many: strangers behind a member's address don't shut the member
 * out, also after a restart. Of an address with too many strangers the one that was silent longest
 * goes, so a member always gets in beside them. Decides; the shell shuts. */
#ifndef CF_BROKER_DOOR_CONNECTION_LIMITS_H
#define CF_BROKER_DOOR_CONNECTION_LIMITS_H
#include "broker/door/allowances.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct cf_connection_limits cf_connection_limits;

cf_connection_limits *cf_connection_limits_new(const cf_allowances *allowances);
/* From now on; who is here stays. */
void cf_connection_limits_set(cf_connection_limits *limits, const cf_allowances *allowances);
void cf_connection_limits_destroy(cf_connection_limits **limits);

/* Connections are named by small numbers, used again once closed. */

/* False: it is to be shut, its address comes too often. `address` is IPv6, or IPv4 mapped into it;
 * of IPv6 the first half counts. */
bool cf_connection_limits_opened(cf_connection_limits *limits, int connection,
                                 const uint8_t address[16], uint64_t steady_ms);
/* It said something, and has no session afterwards, which costs as much as coming anew. False: it
 * is to be shut. */
bool cf_connection_limits_said(cf_connection_limits *limits, int connection, uint64_t steady_ms);
/* What it said was a greeting that was refused for good: that costs what a connection does that
 * came to nothing, which this one is not counted as again. */
void cf_connection_limits_greeting_refused(cf_connection_limits *limits, int connection,
                                           uint64_t steady_ms);
/* It has a session now, or none any more. */
void cf_connection_limits_settled(cf_connection_limits *limits, int connection, bool has_session,
                                  uint64_t steady_ms);
void cf_connection_limits_closed(cf_connection_limits *limits, int connection, uint64_t steady_ms);

/* An address from which a member had a session, and for how long that counts still. */
enum { CF_DOOR_MEMBER_MS = 24 * 60 * 60 * 1000, CF_DOOR_MEMBERS_MAX = 1024 };
typedef struct {
    uint8_t address[16];
    uint64_t left_ms;
} cf_door_member;
/* Those that came last, the last one first; for the next limits, which expect them: else
 * strangers could shut members out once a broker was started anew. */
size_t cf_connection_limits_members(const cf_connection_limits *limits, uint64_t steady_ms,
                                    cf_door_member out[CF_DOOR_MEMBERS_MAX]);
void cf_connection_limits_expect(cf_connection_limits *limits, const cf_door_member *member,
                                 uint64_t steady_ms);
/* Rises when there is one that is worth noting. */
uint64_t cf_connection_limits_news(const cf_connection_limits *limits);

/* Who is to be shut: too many, or silent too long; -1 for nobody. It is named once. */
int cf_connection_limits_overdue(cf_connection_limits *limits, uint64_t steady_ms,
                                 const char **why);

#endif
