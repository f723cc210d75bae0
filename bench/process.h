/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are measured: run to the end or started, and what they used. */
#ifndef CF_BENCH_PROCESS_H
#define CF_BENCH_PROCESS_H
#include "codec/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    double wall_s;
    double processor_s; /* user and system */
    uint64_t memory;    /* the most that was resident, bytes */
    int code;           /* exit code; 128 and the signal's number */
} cf_usage;

/* Of a process that runs, since it began. */
typedef struct {
    double processor_s;
    uint64_t calls;   /* that read or write; 0 where this process may not know */
    uint64_t written; /* bytes, by these; the same */
    uint64_t memory;  /* resident now, bytes */
} cf_figures;

typedef struct {
    const char *const *arguments; /* NULL at the end; the first is looked for in PATH */
    const char *output;           /* a file for stdout; NULL: nowhere */
    const char *messages;         /* a file for stderr, appended to; NULL: ours */
} cf_command;

/* `path` gets where the program is; false when it is not in PATH. */
bool cf_process_find(const char *name, char path[PATH_MAX]);

/* CF_IO when it can't be started; any exit code is CF_OK. */
cf_status cf_process_run(const cf_command *command, cf_usage *out, cf_error *error);
/* As cf_process_run, and an exit code other than 0 is CF_IO. */
cf_status cf_process_must(const cf_command *command, cf_usage *out, cf_error *error);

typedef struct {
    pid_t id; /* 0: none */
    double started;
} cf_process;

cf_status cf_process_start(const cf_command *command, cf_process *out, cf_error *error);
/* Until it ends by itself. */
void cf_process_wait(cf_process *process, cf_usage *out);
cf_status cf_process_figures(const cf_process *process, cf_figures *out, cf_error *error);
bool cf_process_has_ended(const cf_process *process);
/* SIGTERM, then waits. `out` may be NULL; nothing happens when there is none. */
void cf_process_stop(cf_process *process, cf_usage *out);

#endif
