/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of files, and those that all records have, by fixed numbers, as they are kept in
 * memory; in private records, too, but for those that programs before don't know. */
#ifndef CF_PEER_MERGE_FIELDS_H
#define CF_PEER_MERGE_FIELDS_H
#include "codec/pack.h"

enum {
    CF_FIELD_NUMBER_DELETED,
    CF_FIELD_NUMBER_KIND,
    CF_FIELD_NUMBER_PARENT,
    CF_FIELD_NUMBER_NAME,
    CF_FIELD_NUMBER_CONTENT,
    CF_FIELD_NUMBER_MODE,
    CF_FIELD_NUMBER_MTIME,
    CF_FIELD_NUMBER_PIN,
    CF_FIELD_NUMBER_TABLE,
    CF_FIELD_NUMBER_KEY,
    CF_FIELD_NUMBER_LEVEL,
    CF_FIELD_NUMBERS_KEPT,
    CF_FIELD_NUMBER_FROM = CF_FIELD_NUMBERS_KEPT, /* kept by its name */
    CF_FIELD_NUMBERS
};

cf_bytes cf_field_fixed(uint32_t number);
/* CF_FIELD_NUMBERS when the name has no fixed number. */
uint32_t cf_field_number(cf_bytes name);
static inline bool cf_field_is(cf_bytes name, uint32_t number)
{
    return cf_bytes_equal(name, cf_field_fixed(number));
}

/* In a record: the fixed number, if it is kept, or the name. What is read lives as long as the
 * record. */
void cf_field_pack(cf_buffer *out, cf_bytes name);
cf_status cf_field_read(cf_reader *reader, cf_bytes *out, cf_error *error);
/* An array of exactly `count` elements comes next. */
cf_status cf_read_array_of(cf_reader *reader, size_t count, cf_error *error);

#endif
