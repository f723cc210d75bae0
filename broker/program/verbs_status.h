/* SPDX-License-Identifier: Apache-2.0 */
/* How a broker stands: whether it runs, what it keeps, and what the operator should look at. */
#ifndef CF_BROKER_PROGRAM_VERBS_STATUS_H
#define CF_BROKER_PROGRAM_VERBS_STATUS_H
#include "broker/program/verbs.h"

/* As cf_verb_run. */
cf_status cf_verb_status(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                         cf_error *error);

#endif
