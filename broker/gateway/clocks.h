/* SPDX-License-Identifier: Apache-2.0 */
/* What devices' clocks say of this machine's: the last 64 devices that were heard, each with how
 * far its clock is ahead of ours. One that says nothing of its clock agrees: who is more than a day
 * off says so (codec/PROTOCOL.md, CLOCK). Where most of at least two say so, and the same way, it
 * is ours that is wrong.
 *   3 devices, 2 of them two days ahead       ours is off: the least of the two
 *   3 devices, one ahead, one behind          the two are off
 * A handler's part, without a clock. */
#ifndef CF_BROKER_GATEWAY_CLOCKS_H
#define CF_BROKER_GATEWAY_CLOCKS_H
#include "codec/bytes.h"
#include "codec/clock.h"
#include "codec/ids.h"

enum { CF_CLOCKS_MAX = 64 };

typedef struct cf_clocks cf_clocks;

cf_clocks *cf_clocks_new(void);
void cf_clocks_destroy(cf_clocks **clocks);

/* A device, by its CURVE key. True: its clock is off, and that was not known of it. */
bool cf_clocks_heard(cf_clocks *clocks, const cf_hash *key, int64_t difference_ms);
/* Our clock was set: it is so much later than it would be. */
void cf_clocks_set(cf_clocks *clocks, int64_t later_ms);

typedef struct {
    int64_t difference_ms; /* theirs minus ours, at least; 0: ours is right, as far as they know */
    size_t count, all;     /* who say so, of whom */
} cf_clocks_verdict;
cf_clocks_verdict cf_clocks_judge(const cf_clocks *clocks);

#endif
