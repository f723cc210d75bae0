/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: shortest forms, no surrogates, at most U+10FFFF. */
#ifndef CF_CODEC_UTF8_H
#define CF_CODEC_UTF8_H
#include "codec/bytes.h"

bool cf_utf8_valid(cf_bytes text);

#endif
