/* SPDX-License-Identifier: Apache-2.0 */
/* A value of a record as commands show it. */
#ifndef CF_PEER_COMMANDS_VALUE_SHOWN_H
#define CF_PEER_COMMANDS_VALUE_SHOWN_H
#include "peer/program/output.h"
#include "peer/sources/records/record_conflicts.h"

/* Of a long one {"size", "hash"}; null where there is none. */
json_t *cf_value_shown_json(const cf_told_value *value);
/* `"Anna"`, `5`, `"Once upon a ti…" (2000 bytes)`, `100000 bytes`; appended. `nothing` stands for
 * none. */
void cf_value_shown_append(const cf_told_value *value, const char *nothing, cf_buffer *out);
/* The same with all of a value, unless that stands elsewhere (codec/content.h). */
void cf_value_shown_append_whole(const cf_told_value *value, const char *nothing, cf_buffer *out);

#endif
