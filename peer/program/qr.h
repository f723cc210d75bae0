/* SPDX-License-Identifier: Apache-2.0 */
/* A QR code drawn with half blocks, two rows of it a line. */
#ifndef CF_PEER_PROGRAM_QR_H
#define CF_PEER_PROGRAM_QR_H
#include "codec/bytes.h"
#include "codec/error.h"

/* Appends lines. What is light is a block, as is right on a dark terminal; with `colors` it is
 * white on black on any. CF_TOO_LARGE when no code holds the text. */
cf_status cf_qr_draw(const char *text, bool colors, cf_buffer *out, cf_error *error);

#endif
