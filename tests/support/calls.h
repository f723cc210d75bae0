/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that does what it is asked in pieces, and signals that come meanwhile: read, pread, write,
 * pwrite and readdir of this file stand before libc's. */
#ifndef CF_TESTS_CALLS_H
#define CF_TESTS_CALLS_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* From now on, of files and folders at this path and below it: every second call is interrupted
 * (EINTR), and the others move half of what they could. NULL: no more. */
void calls_cut_short(const char *path);
/* How many were, since then. */
size_t calls_were_cut_short(void);

/* From now on pread of the file at this path (not: below it) ends before `from`, and gives EIO from
 * there up to `end`; `times` times, -1: for good. NULL: no more. */
void calls_give_eio(const char *path, off_t from, off_t end, int times);

/* From now on what is written (or, `syncs`: what is synced) of files that have `part` in their path
 * fails with this errno. NULL: no more. */
void calls_fail_writes(const char *part, bool syncs, int number);
/* How many did, since then. */
size_t calls_failed(void);

/* So many more names are listed, and then EIO comes; -1: all. */
void calls_list_only(int names);

#endif
