/* SPDX-License-Identifier: Apache-2.0 */
/* Where a target is equal to its source without looking far: at the same offset, and, when the
 * sizes differ, at the same distance from the end. The rest are the spans worth a search. */
#ifndef CF_CODEC_DELTA_TRIM_H
#define CF_CODEC_DELTA_TRIM_H
#include "codec/reader_at.h"

#include <stdbool.h>

typedef struct {
    bool equal;
    uint64_t target_offset;
    uint64_t target_size; /* never 0; at most CF_VCDIFF_WINDOW when equal */
    uint64_t source_offset;
    uint64_t source_size; /* equal: that of the target. Else what stands in its place, maybe 0 */
} cf_delta_span;

typedef cf_status cf_delta_take_span(void *context, const cf_delta_span *span, cf_error *error);

/* What cf_delta_trim allocates at most; twice the smaller one's size where that is less. */
#define CF_DELTA_TRIM_MEMORY ((size_t)2 << 20)

/* Gives the spans of the target in order, without gaps; none when it is empty. Reads source and
 * target once each, side by side. An error of `take` ends it. */
cf_status cf_delta_trim(const cf_reader_at *source, const cf_reader_at *target,
                        cf_delta_take_span *take, void *context, cf_error *error);

#endif
