/* SPDX-License-Identifier: Apache-2.0 */
/* The terse form of a value: its encoding, in which the long base64 texts are the bytes that they
 * spell, so that a picture is compared and patched as a picture. codec/PROTOCOL.md, "Items, fields
 * and values". */
#ifndef CF_CODEC_TERSE_H
#define CF_CODEC_TERSE_H
#include "codec/bytes.h"
#include "codec/error.h"

enum { CF_TERSE_LETTERS_MIN = 1024 };

/* Appends the terse form of a canonical value. False, and nothing is appended: no text in it can be
 * said so. */
bool cf_terse_write(cf_bytes value, cf_buffer *out);

/* Appends the value whose encoding or terse form the bytes are. CF_MALFORMED: of none, or of one
 * whose terse form is another; CF_TOO_LARGE: of one of more than `limit` bytes. */
cf_status cf_terse_read(cf_bytes bytes, size_t limit, cf_buffer *out, cf_error *error);

#endif
