/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648 base32, lower case, without padding: for what people copy, read out and type. */
#ifndef CF_CODEC_BASE32_H
#define CF_CODEC_BASE32_H
#include "codec/bytes.h"

/* Characters that `size` bytes take, without the NUL. */
#define CF_BASE32_LENGTH(size) (((size)*8 + 4) / 5)

/* `text` has room for CF_BASE32_LENGTH(bytes.size) + 1. */
void cf_base32_write(cf_bytes bytes, char *text);
/* Appends the bytes. Ignores case, white space and hyphens. False when another character comes, the
 * length is none that a whole number of bytes has, or the bits left over are not zero. */
bool cf_base32_read(const char *text, cf_buffer *out);
/* How many letters are in it; false: another character is, too. */
bool cf_base32_count(const char *text, size_t *letters);

#endif
