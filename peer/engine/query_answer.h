/* SPDX-License-Identifier: Apache-2.0 */
/* What a broker answers to LOCATE, QUERY and CHAINS, as it comes in, page by page. A broker says
 * how much that is, so it is bounded. */
#ifndef CF_PEER_ENGINE_QUERY_ANSWER_H
#define CF_PEER_ENGINE_QUERY_ANSWER_H
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
    cf_hash device;
    cf_heads heads;
    bool is_whole; /* its last page came */
} cf_device_ends;

typedef struct {
    cf_hash device;
    const cf_head *heads;
    size_t count;
    bool more;
} cf_ends_page;

typedef struct {
    uint8_t instance[16];
    uint64_t position;
    char **lines; /* where it is, the best first */
    size_t line_count;
    cf_held *held;
    size_t held_count, held_capacity;
    cf_device_report *reports;
    size_t report_count, report_capacity;
    cf_device_ends *ends;
    size_t end_count, end_capacity;
    size_t heads_held, heads_reported; /* in all; a page without any counts as one */
} cf_query_answer;                     /* {0} is empty */
void cf_query_answer_release(cf_query_answer *answer);

/* Takes the place of what was said before. */
void cf_query_answer_locate(cf_query_answer *answer, const uint8_t instance[16], uint64_t position,
                            const cf_bytes *lines, size_t count);
/* All three: CF_TOO_LARGE beyond what codec/limits.h allows; the page is left out then. The heads
 * are in no order until cf_query_answer_end. */
cf_status cf_query_answer_hold(cf_query_answer *answer, const cf_id *collection,
                               const cf_head *heads, size_t count, cf_error *error);
cf_status cf_query_answer_report(cf_query_answer *answer, const cf_report_page *page,
                                 cf_error *error);
cf_status cf_query_answer_ends(cf_query_answer *answer, const cf_ends_page *page, cf_error *error);
void cf_query_answer_end(cf_query_answer *answer);
/* All heads that the broker has of a device; NULL: it did not say. */
const cf_heads *cf_query_answer_ends_of(const cf_query_answer *answer, const cf_hash *device);

#endif
