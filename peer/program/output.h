/* SPDX-License-Identifier: Apache-2.0 */
/* Where a verb's words go: the process's own streams, or those of the caller behind the control
 * socket. */
#ifndef CF_PEER_PROGRAM_OUTPUT_H
#define CF_PEER_PROGRAM_OUTPUT_H
#include "broker/control.h"

#include <jansson.h>

typedef struct {
    void (*write)(void *context, cf_control_stream stream, cf_bytes bytes);
    void *context;
} cf_output;

/* This process's stdout and stderr. */
cf_output cf_output_own(void);

/* For stdout; of what can't be seen on a terminal only newlines and tabs. */
void cf_print(const cf_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One message on stderr: the program's name before it, a newline behind. */
void cf_say(const cf_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One document on stdout; takes it. */
void cf_print_json(const cf_output *output, json_t *document);

/* A name or path as commands show it, as a JSON string. */
json_t *cf_json_name(cf_bytes name);
json_t *cf_json_hex(const void *bytes, size_t size);
/* RFC 3339, UTC, in seconds. */
enum { CF_TIME_TEXT = 32 };
void cf_time_show(uint64_t ms, char text[CF_TIME_TEXT]);
/* When a lock or the like ends, in local time: "15:02", the minute by which it has ended, counted
 * from the second that cf_time_show shows (13:01:01 is 13:02). The day stands before it unless that
 * is today. */
void cf_time_show_end(uint64_t ms, uint64_t now_ms, char text[CF_TIME_TEXT]);

#endif
