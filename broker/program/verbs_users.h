/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `users` and what follows it. */
#ifndef CF_BROKER_PROGRAM_VERBS_USERS_H
#define CF_BROKER_PROGRAM_VERBS_USERS_H
#include <jansson.h>

#include "broker/platform/names.h"
#include "broker/program/verbs.h"

cf_status cf_verb_users_check(const cf_verb *verb, cf_error *error);
bool cf_verb_is_removal(const cf_verb *verb);
cf_status cf_verb_users(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error);

/* What is said when a user was removed. */
void cf_verb_removed(const cf_hash *user, const cf_user_name *name, bool json, cf_buffer *out);

/* "2026-11-20T14:05:00Z", or "never" for 0; for all verbs. */
enum { CF_VERB_TIME = 32 };
void cf_verb_write_time(uint64_t time_ms, char text[CF_VERB_TIME]);

/* The operator's name of a user, escaped, "-" for none; in JSON null. For all verbs. */
void cf_verb_show_name(const cf_user_name *name, char text[CF_NAME_SHOWN]);
json_t *cf_verb_json_name(const cf_user_name *name);

/* Prints and drops it; for all verbs. */
void cf_verb_append_json(cf_buffer *out, json_t *value);
/* Where the address that is printed is a name that devices may not know. */
void cf_verb_warn_of_address(const cf_desk *desk);

#endif
