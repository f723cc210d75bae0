/* SPDX-License-Identifier: Apache-2.0 */
/* How a text format says the values of a row: what comes back when the row is written into a file
 * of its own and read again. What would be taken for another field, or get in the way of others, it
 * doesn't say. */
#ifndef CF_PEER_ADAPTERS_ROUNDTRIP_H
#define CF_PEER_ADAPTERS_ROUNDTRIP_H
#include "peer/adapters/record_file.h"

typedef struct {
    cf_status (*read)(cf_bytes bytes, cf_record_file *out, cf_error *error);
    cf_status (*write)(cf_bytes before, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error);
    const char *const *before; /* files to write it into: it must come back from all of them */
    size_t count;
} cf_roundtrip;

/* As cf_format_speak (peer/records/schema.h). */
bool cf_roundtrip_row(const cf_roundtrip *words, const cf_row *row, cf_arena *arena,
                      cf_bytes *spoken);

#endif
