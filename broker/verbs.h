/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator can ask of a broker, whether it runs or not. */
#ifndef CF_BROKER_VERBS_H
#define CF_BROKER_VERBS_H
#include "broker/gateway.h"
#include "broker/missing.h"
#include "broker/premises.h"

typedef struct {
    cf_premises *premises;
    cf_gateway *gateway; /* NULL: it does not run */
    const char *address; /* the broker's line */
    cf_missing *missing; /* gets what verify misses, for cf_missing_note */
} cf_desk;

typedef struct {
    const char *verb;
    const char *const *arguments; /* what follows it */
    size_t count;
    uint64_t quota; /* of invite */
    bool yes;       /* the operator's word for what can't be undone */
    bool json;
} cf_verb;

/* CF_USAGE, and says what is unknown or missing. */
cf_status cf_verb_check(const cf_verb *verb, cf_error *error);

/* Appends what goes to stdout. CF_BROKEN: verify found damage, which `out` names. `verify` reads
 * everything there is and may run on any thread; all others belong to the gateway's. `users remove`
 * works at once here; a running broker takes its steps one by one (broker/removal.h). */
cf_status cf_verb_run(const cf_desk *desk, const cf_verb *verb, cf_buffer *out, cf_error *error);

#endif
