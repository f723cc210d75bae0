/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs `invite` and `invitations`. */
#ifndef CF_BROKER_PROGRAM_VERBS_INVITATIONS_H
#define CF_BROKER_PROGRAM_VERBS_INVITATIONS_H
#include "broker/program/verbs.h"

cf_status cf_verb_invite_check(const cf_operator_verb *verb, cf_error *error);
cf_status cf_verb_invite(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                         cf_error *error);

cf_status cf_verb_invitations_check(const cf_operator_verb *verb, cf_error *error);
cf_status cf_verb_invitations(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                              cf_error *error);

#endif
