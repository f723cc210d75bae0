/* SPDX-License-Identifier: Apache-2.0 */
/* Asks NetworkManager over the system bus whether the network is metered, and goes on hearing of
 * it: a shell around sd-bus (sd-bus(3)), which never waits. What follows from it is decided in
 * peer/engine/metered.h. Owned by the loop's thread. */
#ifndef CF_PEER_PROGRAM_NETWORK_MANAGER_H
#define CF_PEER_PROGRAM_NETWORK_MANAGER_H
#include "peer/engine/metered.h"

typedef struct cf_network_manager cf_network_manager;

/* At the bus of this address, as D-Bus writes them; copied. NULL: it can't be waited for here. */
cf_network_manager *cf_network_manager_open(const char *address);
void cf_network_manager_close(cf_network_manager **manager);
/* The address of the system bus: of DBUS_SYSTEM_BUS_ADDRESS, else where it is by default. */
const char *cf_network_manager_bus(void);

/* Readable when there is something to go on with; the same for all its life. */
int cf_network_manager_descriptor(const cf_network_manager *manager);
/* Goes on. CF_NETWORK_ASKED: the first question is open; CF_NETWORK_UNKNOWN: there is no bus, or no
 * NetworkManager on it, or what it says is nothing that is known. `deadline` is lowered to when to
 * call again. `now_ms` is by the clock that nobody sets. */
cf_network cf_network_manager_step(cf_network_manager *manager, uint64_t now_ms,
                                   uint64_t *deadline);

#endif
