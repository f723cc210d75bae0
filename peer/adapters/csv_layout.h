/* SPDX-License-Identifier: Apache-2.0 */
/* How a CSV file is laid out, beside what its rows say: for the files that other devices make of
 * the same records. As a value (codec/PROTOCOL.md, section 3) it is
 * [separator, line end, is marked, is told, [column…]], and true behind these where all fields are
 * quoted; elements behind that are of newer programs. */
#ifndef CF_PEER_ADAPTERS_CSV_LAYOUT_H
#define CF_PEER_ADAPTERS_CSV_LAYOUT_H
#include "codec/arena.h"
#include "codec/error.h"

typedef struct {
    bool is_key;
    uint64_t part; /* of the key; its column has another name in each source, as --key says */
    cf_bytes name; /* of any other */
} cf_csv_column;

typedef struct {
    char separator;
    const char *line_end;
    bool is_marked; /* the file begins with a byte order mark */
    bool is_told;   /* a line sep=; says the separator */
    bool is_quoted; /* every field of the file is */
    const cf_csv_column *columns;
    size_t count;
} cf_csv_layout;

/* Without the columns where the value would be over CF_LAYOUT_MAX bytes. */
void cf_csv_layout_pack(cf_buffer *out, const cf_csv_layout *layout);
/* What is read borrows from the value and the arena. CF_MALFORMED, CF_TOO_LARGE: no file could be
 * made so. */
cf_status cf_csv_layout_read(cf_bytes value, cf_arena *arena, cf_csv_layout *out, cf_error *error);

#endif
