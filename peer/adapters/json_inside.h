/* SPDX-License-Identifier: Apache-2.0 */
/* What reading and writing of JSON records share. */
#ifndef CF_PEER_ADAPTERS_JSON_INSIDE_H
#define CF_PEER_ADAPTERS_JSON_INSIDE_H
#include "peer/adapters/json.h"
#include "peer/adapters/text/json_document.h"

bool cf_json_is_blank(cf_bytes bytes);
/* Appends what a blank file becomes: the document without any records (json_begin.c). */
void cf_json_records_begin(const cf_json_source *source, cf_buffer *out);
/* Parses the bytes, which are not blank, and finds the array or object of records. */
cf_status cf_json_records_open(cf_bytes bytes, const cf_json_source *source, cf_json *json,
                               size_t *container, cf_error *error);
/* Its rows, each in the place of its node. */
void cf_json_records(const cf_json *json, const cf_json_source *source, size_t container,
                     cf_record_file *out);

#endif
