/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a source of records, by hash, and their files in the home. For record_values.c and
 * record_values_moving.c (out and in) alone. */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_VALUES_FILES_H
#define CF_PEER_SOURCES_RECORDS_RECORD_VALUES_FILES_H
#include "codec/hash_table.h"
#include "peer/sources/records/record_values.h"

typedef struct {
    cf_hash_link link; /* by hash */
    cf_hash hash;
    uint64_t size;
    cf_bytes value;           /* as the medium shows it, during a look */
    bool is_terse;            /* the content, of that value; else it is the encoding */
    uint64_t node;            /* its file in the home; 0: none */
    bool is_written;          /* the file, by this process, so that it is whole */
    bool is_shown;            /* by the base */
    bool is_asked, was_asked; /* for a download, in this look and the last one that applied */
} cf_record_value;

struct cf_record_values {
    cf_source_context *context;
    cf_binding *binding;
    cf_hash_table table;
};

/* NULL: there is none of that. */
cf_record_value *cf_record_values_find(const cf_record_values *values, const cf_hash *hash);
/* Made where there is none. */
cf_record_value *cf_record_values_get(cf_record_values *values, const cf_hash *hash, uint64_t size);
/* The value of an identity, made where there is none. NULL: `value` is no identity. */
cf_record_value *cf_record_values_of(cf_record_values *values, cf_bytes value);

/* The content, when the medium shows the value; in `made` if it isn't the value itself. */
cf_bytes cf_record_value_content(const cf_record_value *one, cf_buffer *made);
/* The content stands in the log itself: no file of it is needed. */
bool cf_record_value_is_small(const cf_record_value *one);

/* ---- Files in the home ---- */

/* Makes the binding's root and temporary folder usable. */
cf_status cf_value_files_open(cf_record_values *values, cf_error *error);
/* A file of the value is there; what is in that nobody has checked. */
bool cf_value_file_find(cf_record_values *values, cf_record_value *one);
/* Writes the file with the content of the value, which is in memory. */
cf_status cf_value_file_write(cf_record_values *values, cf_record_value *one, cf_error *error);
/* The bytes, checked, in the arena. CF_MISSING: there is none, or it is another's. */
cf_status cf_value_file_read(cf_record_values *values, cf_record_value *one, cf_arena *arena,
                             cf_bytes *out, cf_error *error);
/* Takes a file that came, from the binding's temporary folder. */
cf_status cf_value_file_take(cf_record_values *values, cf_record_value *one, cf_bytes name,
                             cf_error *error);
/* The value is not shown any more; the sweep of bases takes the file. */
void cf_value_file_drop(cf_record_values *values, cf_record_value *one);
/* All bytes of a file in one of the binding's folders, if they are this content. */
cf_status cf_value_bytes(cf_record_values *values, const cf_folder *folder, cf_bytes name,
                         const cf_record_value *one, cf_arena *arena, cf_bytes *out,
                         cf_error *error);

#endif
