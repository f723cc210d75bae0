/* SPDX-License-Identifier: Apache-2.0 */
/* Ends connections of libzmq's that have too much waiting; see inflow.h, of which the process has
 * one, for all its sockets. The calls of recv that libzmq makes come here, and so do those of
 * epoll_ctl (see below), which tell where a descriptor's connection begins and ends. To who
 * reads one that is over the guard says that it was reset: libzmq drops it, and what it had of an
 * unfinished message. From any thread. */
#ifndef CF_BROKER_WIRE_INFLOW_GUARD_H
#define CF_BROKER_WIRE_INFLOW_GUARD_H
#include <stdbool.h>
#include <stdint.h>

#include "broker/wire/inflow.h"

/* Whether the calls come here. */
bool cf_inflow_guard_stands(void);

/* For who takes messages; as in inflow.h. */
void cf_inflow_guard_taken(int descriptor, uint64_t cost);
void cf_inflow_guard_grant(int descriptor, uint64_t window);
unsigned cf_inflow_guard_count_quiet(int descriptor);
bool cf_inflow_guard_has_ended(int descriptor);
bool cf_inflow_guard_is_broken_off(int descriptor);
cf_greeting cf_inflow_guard_greeting(int descriptor);

/* ---- epoll ---- */

/* Keeps libzmq 4.3.4 from ending the program. It reads nothing of a connection while nobody takes
 * its messages; told of an error of it then, it aborts at the next heartbeat of either end
 * ("Assertion failed: !_io_error"; 4.3.5 is mended). Whoever has a key could bring that about.
 * So the calls of epoll that libzmq makes come here: of a descriptor that isn't waited for nothing
 * is told at all, and no error together with what is waited for. Who reads or writes then finds the
 * error. */
/* Whether the calls come here; which it is also that links the guard into a program. */
bool cf_epoll_guard_stands(void);

#endif
