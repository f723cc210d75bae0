/* SPDX-License-Identifier: Apache-2.0 */
/* A thread beside the loop's, which ends the process when it is to end and the loop's
 * thread does not come to its end: it is in a call to a disk that hangs, or waits for a job that
 * is. What was committed stays so, and the rest is settled by the next process, as after a crash.
 */
#ifndef CF_PEER_PROGRAM_WATCHDOG_H
#define CF_PEER_PROGRAM_WATCHDOG_H
#include "codec/error.h"

#define CF_WATCHDOG_STOP_MS 8000 /* from the signal, or the end, on */

typedef struct cf_watchdog cf_watchdog;

/* `signals` is a signalfd, of signals that are blocked in every thread. It is borrowed and only
 * waited for: its signals are the loop's to take. */
cf_status cf_watchdog_start(int signals, cf_watchdog **out, cf_error *error);
/* The loop's thread: it is about to end, and this is the code with which the process does if that
 * takes too long; the first one holds. */
void cf_watchdog_note(cf_watchdog *watchdog, int code);
/* The loop has ended; NULL is fine. */
void cf_watchdog_stop(cf_watchdog **watchdog);

#endif
