/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says that another one may say differently: not what merges without a conflict, as a
 * time of use does. A column that gives way says what it wishes for. So two rows can be compared,
 * of which a program shows one as "home (2)".
 *
 *     row 1: name home, color red      row 6: shown as "home (2)", wishes for home; note x
 *     they don't differ; together they say name home, color red, note x */
#ifndef CF_PEER_RECORDS_ROW_SAID_H
#define CF_PEER_RECORDS_ROW_SAID_H
#include "peer/records/record_view.h"

/* What one row says, or several say together; ascending by name. */
typedef struct {
    cf_bytes name, value;
} cf_said_value;
typedef struct {
    cf_said_value *at;
    size_t count;
} cf_row_said;

/* A column of the row, which is shown, gives way; this column does. */
bool cf_row_gives_way(const cf_row_view *view, const cf_row *row);
bool cf_row_column_gives_way(const cf_row_view *view, const cf_id *item, cf_bytes column);
/* The only value that the row, which is shown, has in the column, or wishes for where that gives
 * way; nothing: the row has none, or several. */
cf_bytes cf_row_says_of(const cf_row_view *view, const cf_row *row, cf_bytes column);
bool cf_row_says_text(cf_bytes value);

/* In the arena, of a row that is shown; borrows from the view. */
cf_row_said cf_row_said_by(const cf_row_view *view, const cf_schema *schema, const cf_row *row,
                           cf_arena *arena);
/* Both say something of one column, and not the same. */
bool cf_row_said_differ(const cf_row_said *a, const cf_row_said *b);
/* Of two that don't differ. */
cf_row_said cf_row_said_together(const cf_row_said *a, const cf_row_said *b, cf_arena *arena);

#endif
