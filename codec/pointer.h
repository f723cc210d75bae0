/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Pointers (RFC 6901), by which fields are named: "/phones/work~1home" has two steps, of which
 * the second says "work/home". */
#ifndef CF_CODEC_POINTER_H
#define CF_CODEC_POINTER_H
#include "codec/bytes.h"

/* Takes the next step, as it is spelled. `*at` begins with 0, or with the size of a pointer above;
 * false: there are no more. */
bool cf_pointer_next(cf_bytes pointer, size_t *at, cf_bytes *step);
/* Appends what a step says. A ~ that is followed by neither 0 nor 1 says itself. */
void cf_pointer_read(cf_bytes step, cf_buffer *out);
/* Appends a name as a step is spelled, without the slash before it. */
void cf_pointer_write(cf_bytes name, cf_buffer *out);
/* Appends it with the slash. */
void cf_pointer_add(cf_bytes name, cf_buffer *pointer);
/* Whether the pointer is below `above`; `rest` gets what is behind that and its slash:
 *   "/columns/a/b" below "/columns": "a/b" */
bool cf_pointer_below(cf_bytes pointer, const char *above, cf_bytes *rest);

#endif
