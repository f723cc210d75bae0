/* SPDX-License-Identifier: Apache-2.0 */
/* The exit code that follows from how things stand, where several things hold at once. Pure. */
#ifndef CF_PEER_COMMANDS_EXIT_CODE_H
#define CF_PEER_COMMANDS_EXIT_CODE_H
#include "codec/error.h"

#include <stdbool.h>

typedef struct {
    bool repair;      /* 7: something kept here is damaged */
    bool stop;        /* 8: a safety stop */
    bool denied;      /* 6: not allowed */
    bool unreachable; /* 5: the broker, while something needs it */
    bool locked;      /* 9: by another */
    bool failed;      /* 1: skipped, failed, or not in sync */
    bool conflicts;   /* 4: copies lie there */
} cf_standing;

/* What a status means for the standing; CF_OK changes nothing. */
void cf_standing_add(cf_standing *standing, cf_status status);
int cf_standing_exit_code(const cf_standing *standing);

#endif
