/* SPDX-License-Identifier: Apache-2.0 */
/* How the columns of a CSV file, or the objects of a JSON document, stand for contacts, events or
 * tasks, so that one collection is vCards here and a CSV file there. A map is a text, one mapping a
 * line:
 *
 *   # a comment
 *   table contacts             contacts, events or tasks
 *   UID = /uid                 the column that says which record it is
 *   Name = /name/full          COLUMN = POINTER, names as in JSContact and JSCalendar
 *   Given = /name/components/given           a part by its kind
 *   Mobile = /phones/mobile/number           the entries of that kind, context, feature or label;
 *   Home fax = /phones/home+fax/number       of all of them
 *   Phone 1 = /phones/1/number               by place, from 1, of those left over
 *   E-mails = /emails/STAR/address           all that are left over (STAR is an asterisk)
 *   "a = b" = /notes/1/note                  a column in quotes, a quote in it doubled
 *
 * Without columns it says only what the objects of a JSON document are; or, of a database, what no
 * foreign key declares:
 *
 *   refers phones person people              TABLE COLUMN TABLE: the key of a row there
 *
 * Names with spaces stand in quotes. Several entries in one
 * column have " ::: " between them, and one label is said of all of them; the last place has all
 * that have none of their own. What has no column, and what no column says of an entry, stays as it
 * is. */
#ifndef CF_PEER_ADAPTERS_RECORD_MAP_H
#define CF_PEER_ADAPTERS_RECORD_MAP_H
#include "peer/adapters/adapter.h"
#include "peer/adapters/record_file.h"
#include "peer/records/record_view.h"

enum { CF_RECORD_MAP_MAX = 256 << 10 }; /* bytes of a text */

typedef struct cf_record_map cf_record_map;

/* CF_USAGE names the line. */
cf_status cf_record_map_read(cf_bytes text, cf_record_map **out, cf_error *error);
void cf_record_map_destroy(cf_record_map **map);

/* The table whose records the columns or objects stand for. */
cf_bytes cf_record_map_table(const cf_record_map *map);
/* A column that holds the keys of another table's rows. */
typedef struct {
    cf_bytes table, column, parent;
} cf_named_reference;
const cf_named_reference *cf_record_map_references(const cf_record_map *map, size_t *count);

/* The column that is the UID; nothing: it has no columns. */
cf_bytes cf_record_map_key(const cf_record_map *map);
/* The first column that is none of `fields`, "/columns/NAME" each; nothing: all are. */
cf_bytes cf_record_map_missing(const cf_record_map *map, const cf_format_table *fields);

bool cf_record_map_names(const cf_record_map *map, cf_bytes column);

/* The program whose exported contacts have these columns, beyond doubt; NULL: none that is known.
 */
const char *cf_record_map_exporter(const cf_bytes *columns, size_t count);
/* Columns for a collection's tables by their usual names; each format's to which a map leads. */
typedef struct cf_known_columns cf_known_columns;
extern const cf_known_columns cf_known_contacts;
extern const cf_known_columns cf_known_events;
/* Appends the line of a map that says what a collection of this format holds: all that is said of
 * objects. */
void cf_record_map_of_objects(const cf_adapter *holds, cf_buffer *out);
/* The text of a map for a CSV file of such a collection: of the columns with these names that are
 * known from the exports of address books, or, if there are none, of ours. CF_USAGE: none of them
 * is known. */
cf_status cf_record_map_default(const cf_adapter *holds, const cf_bytes *columns, size_t count,
                                cf_buffer *out, cf_error *error);
/* The first record of a new file; appended. */
void cf_record_map_header(const cf_record_map *map, cf_buffer *out);

/* ---- Rows; of files that were read with the map's key ---- */

/* Which of the map's columns a file has; `fields` as above, whole: all. Gives what the file can
 * hold, in the arena. */
void cf_record_map_meet(cf_record_map *map, const cf_format_table *fields, cf_arena *arena,
                        cf_row_format *out);
/* Of which tables the rows are, before it is known what they say. */
void cf_record_map_enter(const cf_record_map *map, cf_record_file *file);
/* Turns what the columns or objects say into the fields that they stand for: where they say what
 * they would of the row that is known of, its values; else these with the difference. A row whose
 * columns say what can't be is one in trouble, and is left as it is by what is taken next. */
void cf_record_map_give(cf_record_map *map, cf_record_file *file, const cf_rows *base,
                        const cf_row_view *view);
/* And back: what the file should show of these rows, of which it shows `before` now, not yet given;
 * in the arena; there is room for `count` and those that it shows. Returns how many. */
size_t cf_record_map_take(const cf_record_map *map, const cf_record_file *before,
                          const cf_row *rows, size_t count, cf_arena *arena, cf_row *out);

#endif
