/* SPDX-License-Identifier: Apache-2.0 */
/* A flow of contents, to the broker or from it: how much of what is on its way has gone, and how
 * fast lately. Plain data without a clock: the caller says what time it is, in milliseconds on a
 * clock that nobody sets. */
#ifndef CF_PEER_TRANSFER_FLOW_H
#define CF_PEER_TRANSFER_FLOW_H
#include <stdbool.h>
#include <stdint.h>

enum { CF_FLOW_SECONDS = 20 }; /* that count for the rate; a slow line brings a piece in so many */

/* Bytes of contents as they lie on the disk, not as they are sealed. */
typedef struct {
    uint64_t moved; /* since the program began; also parts of a piece */
    uint64_t left;  /* of all that is known to be on its way; 0: nothing is */
} cf_flow_count;

typedef struct {
    bool is_used;
    uint64_t since_ms; /* when something came on its way where nothing was, */
    uint64_t begun;    /* and what had moved by then */
    uint64_t moved, left;
    uint64_t seconds[CF_FLOW_SECONDS]; /* bytes that moved within each */
    uint64_t looked_s, moved_since_s;  /* the last of them, and the first within which any moved */
} cf_flow;                             /* {0}: nothing has ever moved */

void cf_flow_look(cf_flow *flow, const cf_flow_count *count, uint64_t now_ms);

/* What is on its way, as shown. */
typedef struct {
    uint64_t done, left; /* bytes; both 0: nothing is on its way */
    uint64_t taken_ms;   /* since something is */
    uint64_t rate;       /* bytes in a second; 0: not known */
} cf_flow_shown;

cf_flow_shown cf_flow_show(const cf_flow *flow, uint64_t now_ms);
/* Seconds until nothing is left, rounded up; 0: not known. */
uint64_t cf_flow_seconds_left(const cf_flow_shown *flow);

#endif
