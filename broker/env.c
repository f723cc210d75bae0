/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "broker/files.h"
#include "broker/names.h"

enum { LINE_SIZE = 1024 };

void cf_report(const cf_env *env, cf_report_level level, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    env->report(env->context, level, text);
}

/* One process, one stderr. */
static struct {
    const char *program;
    cf_report_level level;
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

/* One write, so that lines of several processes on one terminal stay whole. */
static void system_report(void *context, cf_report_level level, const char *text)
{
    cf_buffer line = {0};

    (void)context;
    if (level > messages.level)
        return;
    cf_buffer_append_text(&line, "%s: ", messages.program);
    cf_text_append(&line, cf_bytes_of_text(text));
    cf_buffer_append(&line, "\n", 1);
    while (write(STDERR_FILENO, line.data, line.size) < 0 && errno == EINTR)
        ;
    cf_buffer_release(&line);
}

void cf_env_system(cf_env *env, const char *program, cf_report_level level)
{
    messages.program = program;
    messages.level = level;
    *env = (cf_env){
        .random = system_random,
        .now_ms = system_now_ms,
        .report = system_report,
        .files = cf_files_posix(),
    };
}
