/* SPDX-License-Identifier: Apache-2.0 */
/* What is sealed comes in a frame: its length, how it is compressed, its size in plain; then,
 * perhaps, padding. The size is checked against the caller's limit before anything is allocated.
 * codec/PROTOCOL.md, "Keys and sealing". */
#ifndef CF_CODEC_COMPRESS_H
#define CF_CODEC_COMPRESS_H
#include "codec/bytes.h"
#include "codec/error.h"

enum { CF_FRAME_OVERHEAD = 9 };

/* What cf_frame_pack allocates besides the frame for so many bytes, at most. */
size_t cf_frame_memory(size_t size);
/* Appends a frame; compressed when that makes it smaller. At most 4 GiB - 16 bytes. The same bytes
 * give the same frame. */
void cf_frame_pack(cf_bytes plain, cf_buffer *out);
/* Zeros that a reader leaves aside, until the frame has this size; none when it has. */
void cf_frame_pad(cf_buffer *frame, size_t size);
/* Appends the plain bytes. CF_TOO_LARGE when more than `limit` are declared, CF_MALFORMED when they
 * turn out to be more or less than declared. */
cf_status cf_frame_read(cf_bytes frame, size_t limit, cf_buffer *plain, cf_error *error);

#endif
