/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps libzmq 4.3.4 from ending the program. It reads nothing of a connection while nobody takes
 * its messages; told of an error of it then, it aborts at the next heartbeat of either end
 * ("Assertion failed: !_io_error"; 4.3.5 is mended). Whoever has a key could bring that about.
 * So the calls of epoll that libzmq makes come here: of a descriptor that isn't waited for nothing
 * is told at all, and no error together with what is waited for. Who reads or writes then finds the
 * error. */
#ifndef CF_BROKER_WIRE_EPOLL_GUARD_H
#define CF_BROKER_WIRE_EPOLL_GUARD_H
#include <stdbool.h>

/* Whether the calls come here; which it is also that links the guard into a program. */
bool cf_epoll_guard_stands(void);

#endif
