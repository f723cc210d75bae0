/* SPDX-License-Identifier: Apache-2.0 */
/* What all verbs print alike. */
#ifndef CF_BROKER_PROGRAM_VERB_OUTPUT_H
#define CF_BROKER_PROGRAM_VERB_OUTPUT_H
#include <jansson.h>

#include "broker/platform/names.h"
#include "broker/program/verbs.h"

/* "2026-11-20T14:05:00Z", or "never" for 0. */
enum { CF_VERB_TIME = 32 };
void cf_verb_write_time(uint64_t time_ms, char text[CF_VERB_TIME]);

/* The operator's name of a user, escaped, "-" for none; in JSON null. */
void cf_verb_show_name(const cf_user_name *name, char text[CF_NAME_SHOWN]);
json_t *cf_verb_json_name(const cf_user_name *name);

/* Prints and drops it. */
void cf_verb_append_json(cf_buffer *out, json_t *value);
/* Where the address that is printed is a name that devices may not know. */
void cf_verb_warn_of_address(const cf_desk *desk);

#endif
