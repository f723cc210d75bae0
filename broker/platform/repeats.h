/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that come again and again: five of a kind are written in a minute, and of the rest the
 * last one, with their number. A kind is a format and a user, whom the text calls
 * "user 6f1c20a9be47" (or none):
 *
 *     user 6f1c20a9be47: blob 51d0… is damaged: …              five times
 *     user 6f1c20a9be47: blob 9c2e… is damaged: … (148 more of these in the last minute)
 *
 * Where the format is only "%s" the kind is the beginning of the text. A struct cf_env that names
 * them has its messages counted so; may be called from any thread. */
#ifndef CF_BROKER_PLATFORM_REPEATS_H
#define CF_BROKER_PLATFORM_REPEATS_H
#include "broker/platform/env.h"

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
