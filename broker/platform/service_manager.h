/* SPDX-License-Identifier: Apache-2.0 */
/* What a service tells who started it: sd_notify(3)'s protocol, of which a few lines are enough. */
#ifndef CF_BROKER_PLATFORM_SERVICE_MANAGER_H
#define CF_BROKER_PLATFORM_SERVICE_MANAGER_H

/* Such as "READY=1"; to the socket that NOTIFY_SOCKET names, if any. It is no failure that nobody
 * hears it. */
void cf_service_manager_tell(const char *state);
/* "RELOADING=1", with the time that the protocol wants of it. */
void cf_service_manager_tell_reloading(void);

#endif
