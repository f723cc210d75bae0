/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices have been told by which address this broker is reached: who moves it wants to know
 * whom it would lose. */
#ifndef CF_BROKER_MANAGEMENT_TOLD_ADDRESS_H
#define CF_BROKER_MANAGEMENT_TOLD_ADDRESS_H
#include "broker/gateway/session.h"

/* Devices don't keep the name of a host alone, without a dot. */
bool cf_told_address_is_kept(const char *line);
/* The session's device was told `line` in answer to its LOCATE. Who has not subscribed only asks,
 * and keeps nothing. Not synced: the device asks in each session. */
void cf_told_address_note(const cf_service *service, const cf_session *session, const char *line);
/* Since when it is known to have been told `line`; CF_MISSING: it was not, or another one since. */
cf_status cf_told_address_since(cf_store *store, const cf_hash *user, const cf_hash *device,
                                const char *line, uint64_t *since_ms, cf_error *error);

#endif
