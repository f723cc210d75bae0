/* SPDX-License-Identifier: Apache-2.0 */
/* How often all of a source of files is looked at though nothing told of a change: what another
 * machine does on a share, or a FUSE daemon below it, no watch sees. Pure. */
#ifndef CF_PEER_BINDINGS_POLLING_H
#define CF_PEER_BINDINGS_POLLING_H
#include "broker/platform/files.h"

#define CF_POLL_REMOTE_MS 60000 /* where others change the disk, unless something else is said */
#define CF_POLL_MIN_MS 1000
#define CF_POLL_MAX_MS 3600000 /* all is looked at once an hour anyway: CF_RESCAN_MS */
enum { CF_POLL_TEXT = 24 };

typedef struct {
    bool given;         /* else by the disk */
    uint64_t period_ms; /* 0: none */
} cf_poll_word;

/* What the user said: 0, or CF_POLL_MIN_MS to CF_POLL_MAX_MS. CF_USAGE for anything else. */
cf_status cf_poll_word_of(uint64_t period_ms, cf_poll_word *out, cf_error *error);
/* Machines other than this one, or a daemon, may change it without a word. */
bool cf_poll_wants(const cf_filesystem *system);
/* 0: never. */
uint64_t cf_poll_period(cf_poll_word word, bool is_remote);
/* "60s", "1500ms". */
void cf_poll_show(uint64_t period_ms, char text[CF_POLL_TEXT]);

#endif
