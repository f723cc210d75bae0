/* SPDX-License-Identifier: Apache-2.0 */
/* The elements that messages are made of, each with its way onto the wire and back. */
#ifndef CF_CODEC_MESSAGE_SHAPE_H
#define CF_CODEC_MESSAGE_SHAPE_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/pack.h"

typedef struct {
    size_t size; /* of the element in memory */
    void (*write)(cf_buffer *out, const void *element);
    cf_status (*read)(cf_reader *reader, void *element, cf_error *error);
} cf_shape;

extern const cf_shape cf_shape_number; /* uint64_t */
extern const cf_shape cf_shape_step;   /* uint64_t, 1 to CF_BLOB_STEP */
extern const cf_shape cf_shape_flag;   /* bool */
extern const cf_shape cf_shape_later;  /* bool, "later" or "never" */
extern const cf_shape cf_shape_hash;
extern const cf_shape cf_shape_id;   /* cf_id, or 16 bytes */
extern const cf_shape cf_shape_text; /* cf_bytes, UTF-8, at most CF_TEXT_MAX */
extern const cf_shape cf_shape_name; /* cf_bytes, at most 64 */
extern const cf_shape cf_shape_head;
extern const cf_shape cf_shape_token;
extern const cf_shape cf_shape_partial;
extern const cf_shape cf_shape_lease;
extern const cf_shape cf_shape_paused;
extern const cf_shape cf_shape_checkpoint;

#endif
