/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648 base64 with its first alphabet, of texts that must come out again letter by letter: only
 * what is the one spelling of its bytes is read. */
#ifndef CF_CODEC_BASE64_H
#define CF_CODEC_BASE64_H
#include "codec/bytes.h"

typedef struct {
    cf_bytes letters; /* without the padding */
    bool padded;      /* or nothing would have to be */
} cf_base64;

/* The letters that the text ends with, as many as there are. False unless they are whole bytes,
 * padded as it must be or not at all, and no bit is left over. */
bool cf_base64_end(cf_bytes text, cf_base64 *out);
/* Has capitals, small letters, digits, and signs, as nothing but base64 has. */
bool cf_base64_is_mixed(const cf_base64 *text);
/* Appends the bytes. */
void cf_base64_read(const cf_base64 *text, cf_buffer *out);
/* Appends the letters. */
void cf_base64_write(cf_bytes bytes, bool padded, cf_buffer *out);

#endif
