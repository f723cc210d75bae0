/* SPDX-License-Identifier: Apache-2.0 */
/* What xdelta3's LZMA decoders take their memory from. */
#ifndef CF_CODEC_XDELTA3_LZMA_H
#define CF_CODEC_XDELTA3_LZMA_H
#include <lzma.h>

/* For decoders that this thread begins from now on, which keep it until they end; NULL: malloc. */
extern _Thread_local const lzma_allocator *cf_xdelta3_lzma_allocator;

/* lzma_stream_decoder, as xdelta3 calls it. */
lzma_ret cf_xdelta3_lzma_decoder(lzma_stream *stream, uint64_t memory_max, uint32_t flags);

#endif
