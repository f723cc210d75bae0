/* SPDX-License-Identifier: Apache-2.0 */
/* Values (canonical msgpack) as JSON and back. A number is an integer of 64 bits, or a float where
 * its digits are exactly those that the float is written with; any other number is the bin of its
 * digits, so that none is ever rounded. JSON has no bytes of its own that a bin could be mistaken
 * for. */
#ifndef CF_PEER_ADAPTERS_JSON_VALUE_H
#define CF_PEER_ADAPTERS_JSON_VALUE_H
#include "codec/value_build.h"
#include "peer/adapters/text/json_document.h"

/* Appends the value of the node. CF_MALFORMED: it nests deeper than CF_VALUE_DEPTH_MAX, has a name
 * twice, or says what no UTF-8 can. */
cf_status cf_json_value(const cf_json *json, size_t node, cf_buffer *out, cf_error *error);

/* Appends the value as JSON, on one line. Bytes that are no number are base64 text. */
void cf_value_json(cf_bytes value, cf_buffer *out);
/* Adds what becomes of the value when it is written as JSON and read again: bytes that are no
 * number are base64 text, an infinite number is nil, a name is a text. Any other value is itself.
 */
void cf_build_json(cf_value_builder *build, cf_bytes value);
/* Appends what a text column says of the value: a text as it is, nil as nothing, others as JSON. */
void cf_value_text(cf_bytes value, cf_buffer *out);

#endif
