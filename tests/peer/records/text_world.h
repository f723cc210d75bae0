/* SPDX-License-Identifier: Apache-2.0 */
/* What several devices write in files of one calendar or address book (rule_world.h), by the
 * world's schema. */
#ifndef CF_TESTS_TEXT_WORLD_H
#define CF_TESTS_TEXT_WORLD_H
#include "tests/peer/records/rule_world.h"

/* The scan of a source that shows the base and now holds this text. */
cf_row_diff text_world_scan(rule_world *self, cf_state *known, cf_rows *base, char device,
                            uint64_t ms, const char *text);
/* One device writes this text at `ms`, over what the world shows. */
void text_world_write(rule_world *self, char device, uint64_t ms, const char *text);
/* A writes the first, at 10. Then two who both show that do these at once, A at 20 and B at 30:
 * neither shows the other's. `knows`: B has heard of it. */
void text_world_both(rule_world *self, const char *before, const char *one, const char *other,
                     bool knows);
/* The one row as its file, with an end; how many are listed. */
size_t text_world_show(rule_world *self, cf_buffer *text);
/* Its lines that begin with these names, NULL at the end, are these, and so many are listed. */
void text_world_expect(rule_world *self, const char *const *names, const char *lines, size_t listed,
                       const char *why);

#endif
