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

/* ---- Messages that come again and again ---- */

/* Five of a kind are written in a minute, and of the rest the
 * last one, with their number. A kind is a format and a user, whom the text calls
 * "user 6f1c20a9be47" (or none):
 *
 *     user 6f1c20a9be47: blob 51d0… is damaged: …              five times
 *     user 6f1c20a9be47: blob 9c2e… is damaged: … (148 more of these in the last minute)
 *
 * Where the format is only "%s" the kind is the beginning of the text. A struct cf_env that names
 * them has its messages counted so; may be called from any thread. */
typedef struct cf_repeats cf_repeats;

cf_repeats *cf_repeats_new(void);
/* Writes what is counted, first, through env->report. */
void cf_repeats_destroy(cf_repeats **repeats, const cf_env *env);

/* Writes it through env->report, or counts it. `format` must stay. */
void cf_repeats_take(cf_repeats *repeats, const cf_env *env, cf_report_level level,
                     const char *format, const char *text, uint64_t now_ms);
/* Writes what was counted in a minute that is over. Returns when to call again, UINT64_MAX for
 * never. */
uint64_t cf_repeats_tick(cf_repeats *repeats, const cf_env *env, uint64_t now_ms);

#endif
