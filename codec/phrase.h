/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery phrase: the account's secret as a person keeps it on paper. 16 random bytes and a
 * checksum, in eight groups of four base32 letters. */
#ifndef CF_CODEC_PHRASE_H
#define CF_CODEC_PHRASE_H
#include "codec/error.h"

#include <stdint.h>

enum { CF_PHRASE_SECRET = 16, CF_PHRASE_TEXT = 40 /* with the NUL */ };

/* Both are secrets: cf_wipe them (codec/secret.h). */
void cf_phrase_write(const uint8_t secret[CF_PHRASE_SECRET], char text[CF_PHRASE_TEXT]);
/* Ignores case, spaces and hyphens. CF_USAGE on a typing mistake. */
cf_status cf_phrase_read(const char *text, uint8_t secret[CF_PHRASE_SECRET], cf_error *error);

#endif
