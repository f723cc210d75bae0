/* SPDX-License-Identifier: Apache-2.0 */
/* Why connections of libzmq's could not be made: its monitor says that, and not why. The calls of
 * connect and getsockopt that libzmq makes come here, and go on to the kernel; what they answer of
 * the last connections is kept. From any thread. */
#ifndef CF_BROKER_WIRE_CONNECT_GUARD_H
#define CF_BROKER_WIRE_CONNECT_GUARD_H
#include <stdbool.h>
#include <sys/socket.h>

/* Whether the calls come here. */
bool cf_connect_guard_stands(void);

/* What the last connection to this address and port, of IPv4 or IPv6, failed with, such as
 * ECONNREFUSED; 0: it did not, or that was long ago. */
int cf_connect_guard_why(const struct sockaddr *address);

#endif
