/* SPDX-License-Identifier: Apache-2.0 */
/* The world outside, in one struct that is passed everywhere: whatever decides takes randomness,
 * files, jobs and the place for messages from here, and the time as an argument, so that whole
 * worlds run from one seed. */
#ifndef CF_BROKER_PLATFORM_ENV_H
#define CF_BROKER_PLATFORM_ENV_H
#include "codec/bytes.h"
#include "codec/error.h"

typedef struct cf_files cf_files;     /* broker/platform/files.h */
typedef struct cf_jobs cf_jobs;       /* broker/platform/jobs.h */
typedef struct cf_repeats cf_repeats; /* broker/platform/tallies.h */

typedef enum {
    CF_REPORT_ERROR,
    CF_REPORT_WARNING,
    CF_REPORT_NOTICE,
    CF_REPORT_DETAIL,
} cf_report_level;

typedef struct cf_env {
    void *context; /* of the calls below */
    /* Cryptographically strong in the product, seeded in worlds. */
    void (*random)(void *context, void *out, size_t size);
    /* Milliseconds since 1970, for what is written or shown: users and their machines set this
     * clock as they like. Only shells, main and cf_report call it, all others get `now_ms`. */
    uint64_t (*now_ms)(void *context);
    /* Milliseconds since some moment, also of sleep, on a clock that nobody sets: for deadlines.
     * NULL: `now_ms`, which nobody sets then. Called by cf_env_steady_ms. */
    uint64_t (*steady_ms)(void *context);
    void (*report)(void *context, cf_report_level level, const char *text);
    cf_files *files;
    cf_jobs *jobs;
    cf_repeats *repeats;  /* NULL: each message is written, however often it comes */
    uint64_t item_writes; /* that an item which is shown has at most; 0: CF_ITEM_WRITES_MAX. Smaller
                             in tests only: all devices of a user have to say the same */
} cf_env;

uint64_t cf_env_now_ms(const cf_env *env);
/* What a deadline is counted by: no time of day. */
uint64_t cf_env_steady_ms(const cf_env *env);

/* The one logging call. */
void cf_report(const cf_env *env, cf_report_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The product's own: libsodium's random numbers (sodium_init comes first), the system's clock and
 * files, stderr up to `level`, in lines as cf_report_line has them: plain, or for the journal where
 * JOURNAL_STREAM says that it reads stderr; no jobs. `program` is kept. */
void cf_env_system(cf_env *env, const char *program, cf_report_level level);
/* From then on this process's messages are a log: dated, unless the journal reads them; and, with
 * `json`, also objects on standard output. */
void cf_env_begin_log(bool json);

#endif
