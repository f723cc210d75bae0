/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker answers to LOCATE and QUERY, as it comes in, page by page. A broker says how much
 * that is, so it is bounded. */
#ifndef CF_PEER_ENGINE_FINDINGS_H
#define CF_PEER_ENGINE_FINDINGS_H
#include "codec/heads.h"

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
    cf_hash device;
    uint64_t at_ms;
    const cf_head *heads;
    size_t count;
} cf_report_page;

typedef struct {
    uint8_t instance[16];
    uint64_t position;
    char **lines; /* where it is, the best first */
    size_t line_count;
    cf_held *held;
    size_t held_count, held_capacity;
    cf_device_report *reports;
    size_t report_count, report_capacity;
    size_t heads_held, heads_reported; /* in all; a page without any counts as one */
} cf_findings;                         /* {0} is empty */
void cf_findings_release(cf_findings *findings);

/* Takes the place of what was said before. */
void cf_findings_locate(cf_findings *findings, const uint8_t instance[16], uint64_t position,
                        const cf_bytes *lines, size_t count);
/* Both: CF_TOO_LARGE beyond what codec/limits.h allows; the page is left out then. The heads are in
 * no order until cf_findings_end. */
cf_status cf_findings_hold(cf_findings *findings, const cf_id *collection, const cf_head *heads,
                           size_t count, cf_error *error);
cf_status cf_findings_report(cf_findings *findings, const cf_report_page *page, cf_error *error);
void cf_findings_end(cf_findings *findings);

#endif
