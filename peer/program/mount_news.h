/* SPDX-License-Identifier: Apache-2.0 */
/* News of mounts: a file system came to a place, or went from there. That one came no watch of a
 * directory tells; the kernel's table of mounts does (proc_pid_mountinfo(5)). */
#ifndef CF_PEER_PROGRAM_MOUNT_NEWS_H
#define CF_PEER_PROGRAM_MOUNT_NEWS_H
#include "codec/bytes.h"

typedef struct {
    int table;       /* POLLPRI: it has changed; -1: this machine doesn't tell */
    cf_buffer known; /* as it was read last */
} cf_mount_news;

cf_mount_news cf_mount_news_open(void);
void cf_mount_news_close(cf_mount_news *news);
/* Calls `changed` with each place, an absolute path, at which it is another by now. */
void cf_mount_news_take(cf_mount_news *news, void (*changed)(void *context, const char *place),
                        void *context);

#endif
