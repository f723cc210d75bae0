/* SPDX-License-Identifier: Apache-2.0 */
/* The verb `users` and what follows it. */
#ifndef CF_BROKER_PROGRAM_VERBS_USERS_H
#define CF_BROKER_PROGRAM_VERBS_USERS_H
#include "broker/program/verbs.h"

cf_status cf_verb_users_check(const cf_operator_verb *verb, cf_error *error);
bool cf_verb_is_removal(const cf_operator_verb *verb);
cf_status cf_verb_users(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                        cf_error *error);

/* What is said when a user was removed. */
void cf_verb_removed(const cf_hash *user, const cf_user_name *name, bool json, cf_buffer *out);

#endif
