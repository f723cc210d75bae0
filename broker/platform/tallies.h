/* SPDX-License-Identifier: Apache-2.0 */
/* What may come as often as others like: of one kind and source a few lines are written in a
 * minute, and the rest is counted until the minute is over. With a burst of 5:
 *
 *     00:00 … 00:04  "session-refused" of " user=6f1c20a9be47"  five times: NULL, to be written
 *     00:05 … 00:59  the same 148 times                         a tally, which counts them
 *     01:00          cf_tallies_tick                            tells of the tally: counted 148
 *
 * At most CF_TALLIES_MAX sources are told apart; beyond, a kind has one tally for all the others,
 * whose source is "". Not thread-safe. */
#ifndef CF_BROKER_PLATFORM_TALLIES_H
#define CF_BROKER_PLATFORM_TALLIES_H
#include "broker/platform/env.h"

enum { CF_TALLIES_MAX = 1024, CF_TALLY_SOURCE = 64, CF_TALLY_TEXT = 256 };

typedef struct {
    const char *kind; /* borrowed; a literal */
    char source[CF_TALLY_SOURCE];
    cf_report_level level;
    uint64_t since_ms; /* its minute's beginning */
    unsigned written;
    uint64_t counted;         /* beyond what was written */
    char last[CF_TALLY_TEXT]; /* for who counts: words of the last that was counted */
} cf_tally;

typedef struct {
    cf_tally *list;
    size_t count, capacity;
} cf_tallies; /* {0} has none */

typedef void cf_tallies_tell(void *context, const cf_tally *tally);

/* One more. NULL: it is to be written; else it is counted in the tally, which is valid until the
 * next call. `kind` must stay. */
cf_tally *cf_tallies_take(cf_tallies *tallies, const char *kind, const char *source, unsigned burst,
                          uint64_t now_ms);
/* Tells of each whose minute is over, if it counted any, and forgets it. Returns when to call
 * again, UINT64_MAX for never. A clock that was set back ends every minute that it was ahead of. */
uint64_t cf_tallies_tick(cf_tallies *tallies, uint64_t now_ms, cf_tallies_tell *tell,
                         void *context);
/* Tells of what is counted by then. */
void cf_tallies_release(cf_tallies *tallies, cf_tallies_tell *tell, void *context);

#endif
