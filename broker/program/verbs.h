/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator can ask of a broker, whether it runs or not. */
#ifndef CF_BROKER_PROGRAM_VERBS_H
#define CF_BROKER_PROGRAM_VERBS_H
#include "broker/gateway/gateway.h"
#include "broker/program/broker_data.h"
#include "broker/upkeep/lost_blobs.h"

typedef struct {
    cf_broker_data *broker_data;
    cf_gateway *gateway;    /* NULL: it does not run */
    const char *address;    /* the broker's line */
    cf_lost_blobs *missing; /* gets what verify misses, for cf_lost_blobs_note */
    bool lost_blobs; /* their folder was removed under the broker, and no verify came since */
    cf_buffer *said; /* gets what goes to stderr beside the outcome; NULL: nobody reads it */
} cf_desk;

typedef struct {
    const char *verb;
    const char *const *arguments; /* what follows it */
    size_t count;
    uint64_t quota; /* of invite, if it has one */
    bool has_quota;
    const char *name; /* of invite; NULL: none */
    uint64_t for_ms;  /* of invite; 0: not given */
    bool yes;         /* the operator's word for what can't be undone */
    bool check;       /* of status: fails if something needs attention */
    bool known;       /* of verify: the operator knows what no device has brought */
    bool repaired;    /* a verify that ends a repair: `status` still tells of that */
    bool json;
} cf_operator_verb;

/* How options come through the control socket: behind all arguments, of which none begins so. The
 * two with values are followed by them; that of `for` is in milliseconds. */
#define CF_VERB_CHECK "--check"
#define CF_VERB_KNOWN "--known"
#define CF_VERB_NAME "--name="
#define CF_VERB_FOR "--for="

/* CF_USAGE, and says what is unknown or missing. */
cf_status cf_verb_check(const cf_operator_verb *verb, cf_error *error);

/* Appends what goes to stdout. CF_UNREACHABLE: status, of a broker that does not run; CF_CHANGED:
 * it needs attention, and that was to be checked. CF_BROKEN: verify found damage, which `out`
 * names. `verify` reads everything there is and may run on any thread; all others belong to the
 * gateway's. `users remove` works at once here; a running broker takes its steps one by one
 * (broker/program/removal.h). */
cf_status cf_verb_run(const cf_desk *desk, const cf_operator_verb *verb, cf_buffer *out,
                      cf_error *error);

#endif
