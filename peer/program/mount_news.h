/* SPDX-License-Identifier: Apache-2.0 */
/* News of mounts: a file system came to a place, or went from there. That one came no watch of a
 * directory tells; the kernel's table of mounts does (proc_pid_mountinfo(5)). It does so once, to
 * whoever polls it (fs/proc_namespace.c: mounts_poll), and zloop, which polls for all, calls nobody
 * any more in a turn in which a handler exchanged what is polled: so a thread of its own asks. */
#ifndef CF_PEER_PROGRAM_MOUNT_NEWS_H
#define CF_PEER_PROGRAM_MOUNT_NEWS_H
#include "codec/bytes.h"

typedef struct cf_mount_news cf_mount_news;

/* NULL: this machine doesn't tell. What changes from now on is news. */
cf_mount_news *cf_mount_news_open(void);
void cf_mount_news_close(cf_mount_news **news);
/* Readable from some news on until they are taken. */
int cf_mount_news_descriptor(const cf_mount_news *news);
/* Calls `changed` with each place, an absolute path, at which it is another by now. */
void cf_mount_news_take(cf_mount_news *news, void (*changed)(void *context, const char *place),
                        void *context);

#endif
