/* SPDX-License-Identifier: Apache-2.0 */
/* The record model's ids: BLAKE2b over what Python prints. */
#ifndef CF_TESTS_MODEL_IDS_H
#define CF_TESTS_MODEL_IDS_H
#include "peer/records/record_ids.h"

extern const cf_record_ids model_record_ids;

/* A value as Python's str() prints it: texts as they are, references as tuples. */
void model_print(cf_bytes value, cf_buffer *out);

#endif
