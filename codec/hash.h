/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of small things, each under a purpose of its own, so that no hash means two things. What
 * is hashed is "counterfoil/1 PURPOSE", a zero byte, and the parts one after the other. */
#ifndef CF_CODEC_HASH_H
#define CF_CODEC_HASH_H
#include "codec/bytes.h"
#include "codec/ids.h"

#define CF_DOMAIN "counterfoil/1 "

/* The parts' borders are not hashed: all but one of them have a fixed size. */
cf_hash cf_hash_of(const char *purpose, const cf_bytes *parts, size_t count);

#endif
