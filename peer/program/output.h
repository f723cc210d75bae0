/* SPDX-License-Identifier: Apache-2.0 */
/* Where a verb's words go: the process's own streams, or those of the caller behind the control
 * socket. */
#ifndef CF_PEER_PROGRAM_OUTPUT_H
#define CF_PEER_PROGRAM_OUTPUT_H
#include "broker/platform/control.h"

#include <jansson.h>

typedef struct {
    void (*write)(void *context, cf_control_stream stream, cf_bytes bytes);
    void *context;
    bool *has_printed; /* set once anything is for stdout; NULL: nobody asks */
} cf_output;

/* This process's stdout and stderr. */
cf_output cf_output_own(void);

/* For stdout; of what can't be seen on a terminal only newlines and tabs. */
void cf_print(const cf_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A name as the first column of a list: 20 characters at least, and a space. */
void cf_print_name(const cf_output *output, const char *name);
/* One message on stderr: the program's name before it, a newline behind. */
void cf_say(const cf_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One document on stdout; takes it. */
void cf_print_json(const cf_output *output, json_t *document);

/* A name or path as commands show it, as a JSON string. */
json_t *cf_json_name(cf_bytes name);
json_t *cf_json_hex(const void *bytes, size_t size);

#endif
