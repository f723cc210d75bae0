/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a source from the log: what lies there and is no version in the log is put aside first,
 * into `.counterfoil/kept/TIME/` of the source, or `kept/TIME/` of the home where the source is one
 * file. Nobody but its user removes it there. */
#ifndef CF_PEER_COMMANDS_REFILL_H
#define CF_PEER_COMMANDS_REFILL_H
#include "peer/program/verb.h"

typedef struct {
    cf_run *run;
    cf_peer *peer;
    cf_binding *binding; /* its root, if it has one, is in place */
    cf_kv_list *records; /* into which the base goes that the source has then */
} cf_refill;

/* Names what it puts aside, one by one. `*count`: so much of it. */
cf_status cf_refill_put_aside(const cf_refill *refill, size_t *count, cf_error *error);

#endif
