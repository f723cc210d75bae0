/* SPDX-License-Identifier: Apache-2.0 */
/* What an author knows of time: the latest that its next entry goes on from, and which devices are
 * ahead of its own clock. Plain data; kept with the author's chains. */
#ifndef CF_PEER_LOG_AUTHOR_CLOCK_H
#define CF_PEER_LOG_AUTHOR_CLOCK_H
#include "codec/bytes.h"
#include "codec/clock.h"
#include "codec/error.h"
#include "codec/ids.h"

enum { CF_AHEAD_NAMED = 8 }; /* devices; more are not noted */

/* A device that wrote a time which doesn't count here. */
typedef struct {
    cf_hash device;
    uint64_t time_ms;    /* the one that it wrote last */
    uint64_t noticed_ms; /* when that came, by the own clock */
} cf_ahead;

typedef struct {
    cf_time seen;
    cf_ahead ahead[CF_AHEAD_NAMED];
    size_t ahead_count;
} cf_author_clock;

void cf_author_clock_pack(const cf_author_clock *clock, cf_buffer *out);
cf_status cf_author_clock_read(cf_bytes record, cf_author_clock *out, cf_error *error);

/* A time was seen that this device wrote; whether anything is another now. What doesn't count
 * (codec/clock.h) is not gone on from, and its device is ahead, until it writes a time that counts
 * and is later than when that was noticed. */
bool cf_author_clock_saw(cf_author_clock *clock, const cf_hash *device, cf_time time,
                         uint64_t now_ms);

#endif
