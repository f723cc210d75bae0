/* SPDX-License-Identifier: Apache-2.0 */
/* Two rows differ where both say something of one column, and not the same; a column of which one
 * of them says nothing is no difference. Only columns count that show one value, and whose other
 * values are conflicts; of one that gives way the wish counts. */
#include "peer/records/row_said.h"

#include <stdlib.h>

#include "codec/pack.h"

/* ---- Columns that give way ---- */

/* Conflicts ascend by item. */
typedef struct {
    const cf_row_conflict *at;
    size_t count;
} conflict_list;

static conflict_list conflicts_of(const cf_row_view *view, const cf_id *item)
{
    size_t count, low = 0, end;
    const cf_row_conflict *all = cf_row_view_conflicts(view, &count);

    for (size_t high = count; low < high;) {
        const size_t middle = (low + high) / 2;

        if (cf_id_compare(&all[middle].row->item, item) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (end = low; end < count && cf_id_equal(&all[end].row->item, item);)
        end++;
    return (conflict_list){all + low, end - low};
}

bool cf_row_gives_way(const cf_row_view *view, const cf_row *row)
{
    const conflict_list own = conflicts_of(view, &row->item);
    bool found = false;

    for (size_t i = 0; !found && i < own.count; i++)
        found = own.at[i].gives_way;
    return found;
}

/* The wish of the item for the column; NULL: that doesn't give way. */
static const cf_bytes *find_wish(const cf_row_view *view, const cf_id *item, cf_bytes column)
{
    const conflict_list own = conflicts_of(view, item);

    for (size_t i = 0; i < own.count; i++)
        if (own.at[i].gives_way && cf_bytes_equal(own.at[i].field, column))
            return &own.at[i].value;
    return NULL;
}

bool cf_row_column_gives_way(const cf_row_view *view, const cf_id *item, cf_bytes column)
{
    return find_wish(view, item, column) != NULL;
}

cf_bytes cf_row_says_of(const cf_row_view *view, const cf_row *row, cf_bytes column)
{
    const cf_bytes *wish = find_wish(view, &row->item, column);
    const cf_row_field *field = cf_row_field_named(row, column);

    if (wish)
        return *wish;
    return field && field->count == 1 ? field->values[0] : (cf_bytes){0};
}

bool cf_row_says_text(cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type;
    cf_error ignored;

    return cf_read_type(&reader, &type, &ignored) == CF_OK && type == CF_TYPE_TEXT;
}

/* ---- What is said ---- */

/* Of the column one value alone is shown, and another one is a conflict: values of sets stand side
 * by side, weak and volatile ones are never listed. */
static bool can_differ(const cf_schema_table *table, cf_bytes column)
{
    const cf_merge merge = cf_schema_field(table, column).merge;

    return merge == CF_MERGE_LATEST || merge == CF_MERGE_REFERENCE;
}

static int by_name(const void *left, const void *right)
{
    return cf_bytes_compare(((const cf_said_value *)left)->name,
                            ((const cf_said_value *)right)->name);
}

/* Something is said of the column already: a wish comes before what is shown in its stead. */
static bool is_said(const cf_row_said *said, cf_bytes name)
{
    for (size_t i = 0; i < said->count; i++)
        if (cf_bytes_equal(said->at[i].name, name))
            return true;
    return false;
}

cf_row_said cf_row_said_by(const cf_row_view *view, const cf_schema *schema, const cf_row *row,
                           cf_arena *arena)
{
    const cf_schema_table *table = cf_schema_find(schema, row->table);
    const conflict_list own = conflicts_of(view, &row->item);
    cf_row_said said = {cf_arena_allocate(arena, row->field_count + own.count, sizeof *said.at), 0};

    for (size_t i = 0; i < own.count; i++)
        if (own.at[i].gives_way)
            said.at[said.count++] =
                (cf_said_value){own.at[i].field, cf_row_view_shown_value(view, own.at[i].value)};
    const cf_row_said wishes = said;
    for (size_t i = 0; i < row->field_count; i++) {
        const cf_row_field *field = &row->fields[i];

        if (field->count && can_differ(table, field->name) && !is_said(&wishes, field->name))
            said.at[said.count++] = (cf_said_value){field->name, field->values[0]};
    }
    if (said.count)
        qsort(said.at, said.count, sizeof *said.at, by_name);
    return said;
}

bool cf_row_said_differ(const cf_row_said *a, const cf_row_said *b)
{
    for (size_t i = 0, k = 0; i < a->count && k < b->count;) {
        const int order = by_name(&a->at[i], &b->at[k]);

        if (order == 0 && !cf_bytes_equal(a->at[i].value, b->at[k].value))
            return true;
        i += order <= 0;
        k += order >= 0;
    }
    return false;
}

cf_row_said cf_row_said_together(const cf_row_said *a, const cf_row_said *b, cf_arena *arena)
{
    cf_row_said all = {cf_arena_allocate(arena, a->count + b->count, sizeof *all.at), 0};

    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        const int order = k == b->count ? -1 : i == a->count ? 1 : by_name(&a->at[i], &b->at[k]);

        all.at[all.count++] = order <= 0 ? a->at[i] : b->at[k];
        i += order <= 0;
        k += order >= 0;
    }
    return all;
}
