/* SPDX-License-Identifier: Apache-2.0 */
/* Deltas: what makes a target out of a source, as VCDIFF (RFC 3284). Encoding and decoding read as
 * they go, in bounded memory. What is equal at the same place becomes COPY windows (delta_trim);
 * xdelta3 sees what changed, with the source around it. */
#ifndef CF_CODEC_DELTA_H
#define CF_CODEC_DELTA_H
#include "codec/reader_at.h"

#include <stdbool.h>

typedef enum {
    /* Inside an entry or a blob: no checksums (the content reference has a hash), nothing
     * compressed (zstd does that later), a plain header, target windows of 8 MiB at most. */
    CF_DELTA_LOG,
    /* A patch that travels alone, as the `xdelta3` command makes and reads it: checksums, matches
     * inside the target, target windows of 16 MiB at most; read with its secondary compressors. */
    CF_DELTA_FILE,
} cf_delta_form;

/* What an encoding or decoding takes at most when nothing else is said. */
#define CF_DELTA_LOG_ENCODING_MEMORY ((size_t)136 << 20)
#define CF_DELTA_LOG_DECODING_MEMORY ((size_t)48 << 20)
#define CF_DELTA_FILE_MEMORY ((size_t)256 << 20)

typedef struct {
    uint64_t written; /* bytes given to the sink */
    size_t memory;    /* the most that was allocated at one time */
} cf_delta_figures;

typedef struct {
    cf_reader_at source;
    cf_reader_at target;
    cf_sink patch;
    cf_delta_form form;
    size_t memory_max;         /* from 8 MiB on, 0: as above. Less memory looks less far */
    cf_delta_figures *figures; /* may be NULL; written whatever the outcome */
} cf_delta_encoding;

/* Writes a patch to encoding->patch. An error of a callback ends it and is returned: a sink that
 * refuses more than so many bytes is how to give up on a patch that is not worth it. CF_TOO_LARGE
 * when memory_max does not suffice. */
cf_status cf_delta_encode(const cf_delta_encoding *encoding, cf_error *error);

typedef struct {
    cf_reader_at source;
    cf_reader_at patch;
    cf_sink target;
    cf_delta_form form;
    uint64_t target_max;       /* the size that was signed: refused before more is written */
    size_t memory_max;         /* 0: as above */
    cf_delta_figures *figures; /* may be NULL; written whatever the outcome */
} cf_delta_decoding;

/* Applies a patch that a stranger may have made. CF_MALFORMED when it is damaged, reaches beyond
 * the source, fails its own checksum, or uses what its form does not allow; CF_TOO_LARGE beyond
 * target_max or memory_max. What was written until then is to be thrown away. A patch says nothing
 * of which source it is for: check the target's hash. */
cf_status cf_delta_decode(const cf_delta_decoding *decoding, cf_error *error);

#endif
