/* SPDX-License-Identifier: Apache-2.0 */
/* xdelta3 opens its LZMA decoders without a limit of memory, and a few bytes of a hostile patch can
 * ask for a dictionary of 4 GiB. codec/xdelta3.cmake renames that one call to this. */
#include "codec/xdelta3_lzma.h"

/* Enough for `xdelta3 -9`, whose dictionary is 64 MiB. */
#define MEMORY_MAX (UINT64_C(80) << 20)

_Thread_local const lzma_allocator *cf_xdelta3_lzma_allocator;

lzma_ret cf_xdelta3_lzma_decoder(lzma_stream *stream, uint64_t memory_max, uint32_t flags)
{
    stream->allocator = cf_xdelta3_lzma_allocator;
    return lzma_stream_decoder(stream, memory_max < MEMORY_MAX ? memory_max : MEMORY_MAX, flags);
}
