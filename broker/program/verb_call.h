/* SPDX-License-Identifier: Apache-2.0 */
/* A verb as it was typed: done by the broker that runs on the directory, or on the directory
 * itself. */
#ifndef CF_BROKER_PROGRAM_VERB_CALL_H
#define CF_BROKER_PROGRAM_VERB_CALL_H
#include "broker/program/options.h"
#include "broker/program/verbs.h"

/* What a verb has printed, and the last that it had to say. */
typedef struct {
    bool printed;
    char said[CF_ERROR_TEXT];
    cf_buffer *kept; /* gets the output instead of stdout; NULL: none does */
} cf_spoken;

/* It borrows from the options. */
cf_operator_verb cf_verb_typed(const cf_broker_options *options);
/* What others say can be read of a disk that is mounted read-only. */
bool cf_verb_writes(const cf_operator_verb *verb);
/* By the broker that runs there, or without it; one that begins or ends is waited for, and so is
 * another verb. `*exit_code` is that of the broker, which has said why. */
cf_status cf_verb_call(const cf_env *env, const cf_broker_options *options,
                       const cf_operator_verb *verb, cf_spoken *said, int *exit_code,
                       cf_error *error);
/* CF_LOCKED while another process has it; CF_MISSING: no broker is there. */
cf_status cf_verb_on_directory(const cf_env *env, const cf_broker_options *options,
                               const cf_operator_verb *verb, cf_spoken *said, cf_error *error);
/* The error of a broker that was looked for at a wrong place. */
void cf_verb_say_where_one_is(const cf_env *env, const cf_broker_options *options, cf_error *error);

#endif
