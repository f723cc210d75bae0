/* SPDX-License-Identifier: Apache-2.0 */
/* A question to the broker, on a link of its own: where the log is, what it holds, what devices
 * have applied. No entry is sent or taken. A handler; it connects through the loop. */
#ifndef CF_PEER_ENGINE_INQUIRY_H
#define CF_PEER_ENGINE_INQUIRY_H
#include "codec/address.h"
#include "peer/program/loop.h"

typedef struct cf_inquiry cf_inquiry;

typedef struct {
    cf_id collection;
    cf_heads heads;
} cf_held;

typedef struct {
    cf_hash device;
    uint64_t at_ms;
    cf_heads applied;
} cf_device_report;

typedef struct {
    uint8_t instance[16];
    uint64_t position;
    char **lines; /* where it is, the best first */
    size_t line_count, line_capacity;
    cf_held *held;
    size_t held_count, held_capacity;
    cf_device_report *reports;
    size_t report_count, report_capacity;
} cf_findings;

/* CF_MISSING without a broker. */
cf_status cf_inquiry_new(cf_loop *loop, uint64_t timeout_ms, cf_inquiry **out, cf_error *error);
void cf_inquiry_destroy(cf_inquiry **inquiry);

/* True when it is answered, or won't be. */
bool cf_inquiry_over(const cf_inquiry *inquiry, uint64_t now_ms, uint64_t *deadline_ms,
                     cf_status *status, cf_error *error);
/* Until it is asked again. */
const cf_findings *cf_inquiry_findings(const cf_inquiry *inquiry);
/* Asks anew; the time that the answer may take begins. */
void cf_inquiry_again(cf_inquiry *inquiry);

#endif
