/* SPDX-License-Identifier: Apache-2.0 */
/* How a database compares texts; all other values it compares as they are. */
#ifndef CF_PEER_RECORDS_COLLATION_H
#define CF_PEER_RECORDS_COLLATION_H
#include "codec/bytes.h"

typedef enum {
    CF_COLLATION_BINARY,
    CF_COLLATION_NOCASE, /* without case, of ASCII letters only */
    CF_COLLATION_RTRIM,  /* without blanks at the end */
    CF_COLLATIONS
} cf_collation;

/* Appends the value by which all are represented that are equal to this one. */
void cf_collation_fold(cf_collation collation, cf_bytes value, cf_buffer *out);

#endif
