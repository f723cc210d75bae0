/* SPDX-License-Identifier: Apache-2.0 */
/* Columns that got another name in the first line of a CSV file, where all their values stay: each
 * is the field that it was, here and elsewhere, where it has its own name. What the home keeps of a
 * source is [[name, name before]…].
 *
 *     id,tel     id,phone    tel is called phone here: no value was cleared, none is new
 *     1,+49      1,+49
 *     id,tel     id,phone    tel was taken out, and phone is another column
 *     1,+49      1,+43 */
#ifndef CF_PEER_SOURCES_RECORDS_RECORD_RENAMED_H
#define CF_PEER_SOURCES_RECORDS_RECORD_RENAMED_H
#include "peer/adapters/record_format.h"
#include "peer/bindings/binding.h"

/* Those that are known, in the arena. */
cf_status cf_renamed_load(const cf_binding *binding, cf_peer *peer, cf_arena *arena,
                          cf_renamed_columns *out, cf_error *error);
void cf_renamed_save(const cf_binding *binding, const cf_renamed_columns *columns, cf_arena *arena,
                     cf_kv_list *records);

/* `plain` is what the file has under its own names. Leaves out of `columns` those that have the
 * name that they had before again. CF_MALFORMED: the name that one had before is now another
 * column's, whose values, or none, would be written over those of the first. */
cf_status cf_renamed_check(const cf_row_format *plain, const cf_row_format *had, cf_arena *arena,
                           cf_renamed_columns *columns, cf_error *error);

/* Whether a file had any column but its key's, as far as is known: of one that wasn't there it
 * isn't.
 */
bool cf_renamed_has_fields(const cf_row_format *had);
/* What a file has that was made of these rows, in the arena. */
cf_row_format cf_renamed_made(const cf_rows *rows, cf_arena *arena);
/* Whether it has all columns that it had: then none got another name. */
bool cf_renamed_is_same(const cf_row_format *format, const cf_row_format *had);

/* What the source is now, and was. */
typedef struct {
    const cf_binding *binding;
    const cf_state *state;
    const cf_row_format *format, *had;
    const cf_record_file *file;
} cf_renaming;
/* Adds to `columns` those that got another name, in the arena; false: there are none. Of a name
 * that any device had for a column there are none: that is its own. */
bool cf_renamed_find(const cf_renaming *renaming, cf_arena *arena, cf_renamed_columns *columns);

#endif
