/* SPDX-License-Identifier: Apache-2.0 */
/* What several devices write, each as a source of its own, for tests of a rule: their rows are
 * words (made_row.h), separated by semicolons. */
#ifndef CF_TESTS_RULE_WORLD_H
#define CF_TESTS_RULE_WORLD_H
#include "peer/records/record_diff.h"

typedef struct {
    const cf_schema *schema;
    const cf_row_format *format; /* of all sources */
    cf_state *state;             /* all that was written */
    cf_arena arena;
} rule_world;

/* A format that holds everything. */
rule_world rule_world_of(const cf_schema *schema);
void rule_world_end(rule_world *self);

/* The scan of a source that knows this state, shows the base and now has these rows. */
cf_row_diff rule_world_scan(rule_world *self, cf_state *known, cf_rows *base, char device,
                            uint64_t ms, const char *rows);
void rule_world_publish(rule_world *self, const cf_row_diff *made);
/* Both, of one that knows all. */
cf_row_diff rule_world_write(rule_world *self, cf_rows *base, char device, uint64_t ms,
                             const char *rows);
/* The base of the source that made the scan, which was published. */
void rule_world_rebase(rule_world *self, cf_rows *base, const cf_row_diff *made);
/* A device that knows nothing of the others has these rows. */
void rule_world_write_apart(rule_world *self, char device, uint64_t ms, const char *rows);
/* The base of a source that shows all; the caller's. */
cf_rows *rule_world_applied(rule_world *self);

#endif
