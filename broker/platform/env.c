/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "broker/platform/files.h"
#include "broker/platform/tallies.h"
#include "broker/platform/report_line.h"
#include "codec/hash_table.h"

enum { LINE_SIZE = 1024 };

uint64_t cf_env_now_ms(const cf_env *env)
{
    return env->now_ms(env->context);
}

uint64_t cf_env_steady_ms(const cf_env *env)
{
    return env->steady_ms ? env->steady_ms(env->context) : env->now_ms(env->context);
}

void cf_report(const cf_env *env, cf_report_level level, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (env->repeats)
        cf_repeats_take(env->repeats, env, level, format, text, env->now_ms(env->context));
    else
        env->report(env->context, level, text);
}

/* One process, one stderr. */
static struct {
    const char *program;
    cf_report_level level;
    cf_report_form form;
    bool json; /* on standard output, too */
} messages;

static void system_random(void *context, void *out, size_t size)
{
    (void)context;
    randombytes_buf(out, size);
}

static uint64_t system_now_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t system_steady_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One write, so that lines of several processes on one terminal stay whole. */
static void write_line(const cf_report_line *said, int where)
{
    cf_buffer line = {0};

    cf_report_line_append(&line, said);
    while (write(where, line.data, line.size) < 0 && errno == EINTR)
        ;
    cf_buffer_release(&line);
}

static void system_report(void *context, cf_report_level level, const char *text)
{
    cf_report_line said = {.form = messages.form,
                           .program = messages.program,
                           .level = level,
                           .time_ms = system_now_ms(NULL),
                           .text = text};

    (void)context;
    if (level > messages.level)
        return;
    write_line(&said, STDERR_FILENO);
    said.form = CF_REPORT_JSON;
    if (messages.json)
        write_line(&said, STDOUT_FILENO);
}

static bool is_read_by_journal(void)
{
    struct stat found;

    return fstat(STDERR_FILENO, &found) == 0 &&
           cf_report_is_journal(getenv("JOURNAL_STREAM"), found.st_dev, found.st_ino);
}

void cf_env_begin_log(bool json)
{
    messages.json = json;
    if (messages.form == CF_REPORT_PLAIN)
        messages.form = CF_REPORT_DATED;
}

void cf_env_system(cf_env *env, const char *program, cf_report_level level)
{
    uint8_t key[CF_HASH_KEY_SIZE];

    system_random(NULL, key, sizeof key);
    cf_hash_begin(key);
    messages.program = program;
    messages.level = level;
    messages.json = false;
    messages.form = is_read_by_journal() ? CF_REPORT_JOURNAL : CF_REPORT_PLAIN;
    *env = (cf_env){
        .random = system_random,
        .now_ms = system_now_ms,
        .steady_ms = system_steady_ms,
        .report = system_report,
        .files = cf_files_posix(),
    };
}
