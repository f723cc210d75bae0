/* SPDX-License-Identifier: Apache-2.0 */
/* What a test's process makes durable: fsync and fdatasync of this file stand before libc's, do the
 * same, and note the path. Of the whole process, whatever thread or library. */
#ifndef CF_TESTS_SYNCS_H
#define CF_TESTS_SYNCS_H
#include <stdbool.h>
#include <stddef.h>

void syncs_forget(void);
/* A file or folder whose path then ended so was synced, since the last forgetting. */
bool syncs_had(const char *ending);
size_t syncs_count(const char *ending);
/* The next sync of such a one fails with EIO. */
void syncs_fail(const char *ending);
/* Before the next sync of such a one this is called, as by another thread that runs meanwhile. */
void syncs_meet(const char *ending, void (*act)(void *context), void *context);

#endif
