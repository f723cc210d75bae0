/* SPDX-License-Identifier: Apache-2.0 */
/* The words of VCDIFF (RFC 3284) that we write ourselves: its header, windows of one instruction,
 * and windows of another writer with their place in the source moved. */
#ifndef CF_CODEC_VCDIFF_H
#define CF_CODEC_VCDIFF_H
#include "codec/limits.h"
#include "codec/reader_at.h"

#include <stdbool.h>

enum {
    CF_VCDIFF_MAGIC_SIZE = 4,
    CF_VCDIFF_HEADER_SIZE = 5, /* the magic, and an indicator of 0 */
    /* Header indicator. */
    CF_VCDIFF_SECONDARY = 1,
    CF_VCDIFF_CODE_TABLE = 2,
    CF_VCDIFF_APPLICATION = 4, /* xdelta3's extension */
    /* Window indicator. */
    CF_VCDIFF_FROM_SOURCE = 1,
    CF_VCDIFF_FROM_TARGET = 2,
    CF_VCDIFF_CHECKSUM = 4, /* xdelta3's extension: an Adler-32 of the target window */
};

/* The longest target window that we write: what the log takes. The xdelta3 command takes 16 MiB. */
#define CF_VCDIFF_WINDOW CF_DELTA_WINDOW_MAX

extern const uint8_t cf_vcdiff_header[CF_VCDIFF_HEADER_SIZE];

/* Reads a number of seven bits a byte, most significant first, at *at, and moves *at behind it.
 * False when `bytes` ends before the number does, or it has over 63 bits (then *at is not moved).
 */
bool cf_vcdiff_number(cf_bytes bytes, size_t *at, uint64_t *number);

/* Adler-32 of what had the checksum `so_far` (1 at the start) and `bytes` behind it. */
uint32_t cf_vcdiff_checksum(uint32_t so_far, cf_bytes bytes);

/* Windows of at most CF_VCDIFF_WINDOW bytes; `checksum` of the target window, or NULL. */
cf_status cf_vcdiff_write_copy(const cf_sink *sink, uint64_t source_offset, uint64_t size,
                               const uint32_t *checksum, cf_error *error);
cf_status cf_vcdiff_write_add(const cf_sink *sink, cf_bytes bytes, const uint32_t *checksum,
                              cf_error *error);

/* Passes a VCDIFF stream on to `sink` without its header, with `distance` added to where each
 * window begins in the source. */
typedef struct {
    const cf_sink *sink;
    uint64_t distance;
    uint64_t body;     /* bytes of the window's body to come */
    bool past_header;  /* of the stream */
    uint8_t start[48]; /* what came of a window's start, or of the header */
    size_t start_size;
} cf_vcdiff_mover;

cf_status cf_vcdiff_move(cf_vcdiff_mover *mover, cf_bytes bytes, cf_error *error);

#endif
