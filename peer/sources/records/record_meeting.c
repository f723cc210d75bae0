/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a new row is the one that is shown under its number: in a table whose rows join others,
 * if both join the same; else by the user's word, unless a natural key names the table's rows.
 * Never a row that the base has already, and only the first that is asked about. */
#include "peer/sources/records/record_meeting.h"

static cf_id natural(void *context, const cf_schema_table *table, cf_bytes key)
{
    (void)context;
    return cf_record_ids_product.natural(NULL, table, key);
}

static cf_id cycle(void *context, const cf_schema_table *table, cf_bytes key)
{
    (void)context;
    return cf_record_ids_product.cycle(NULL, table, key);
}

static void entry(void *context, cf_bytes value, uint64_t number, char name[CF_ENTRY_NAME_MAX])
{
    (void)context;
    cf_record_ids_product.entry(NULL, value, number, name);
}

/* What the shown row has in the field, as `content` says it: a reference by the item. */
static void pack_shown(const cf_record_meeting *self, const cf_schema_table *table,
                       const cf_row *shown, const cf_row_field *field, cf_buffer *out)
{
    const cf_field_rule rule = cf_schema_field(table, field->name);
    const cf_row_field *there = cf_row_field_named(shown, field->name);

    if (!there || !there->count)
        return;
    if (rule.merge != CF_MERGE_REFERENCE) {
        cf_database_joins_by(self->joins, table->name, field->name, there->values[0], out);
        return;
    }
    const cf_row *target = cf_row_view_find(self->view, rule.table, there->values[0]);
    if (target)
        cf_reference_pack_item(out, &target->item);
}

/* Whether both rows join the same rows: of what `content` says of that, as items, all is what the
 * shown row says.
 *
 *     here member (1, 2): Ann, choir     (1, 2) is shown as Ann, choir: the same
 *                                        (1, 2) is shown as Bob, choir, whose number is 1: not */
static bool joins_the_same(const cf_record_meeting *self, const cf_schema_table *table,
                           const cf_row *shown, const cf_row_field *content, size_t count)
{
    bool same = true;

    for (size_t i = 0; same && i < count; i++) {
        const bool refers = cf_schema_field(table, content[i].name).merge == CF_MERGE_REFERENCE;
        cf_buffer here = {0}, there = {0};

        if (content[i].count && cf_database_joins_by(self->joins, table->name, content[i].name,
                                                     content[i].values[0], &here)) {
            pack_shown(self, table, shown, &content[i], &there);
            same =
                there.size && cf_bytes_equal(refers ? content[i].values[0] : cf_buffer_view(&here),
                                             cf_buffer_view(&there));
        }
        cf_buffer_release(&here);
        cf_buffer_release(&there);
    }
    return same;
}

/* A column names the table's rows, so that their numbers say nothing. */
static bool has_natural_key(const cf_record_meeting *self, const cf_schema_table *table)
{
    return self->joins && cf_database_has_natural_key(self->joins, table->name);
}

/* The item of a new row. The first row asked about gets that of the row which is shown under its
 * number, if both are one, and the source hasn't that already. */
static cf_id serial(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number)
{
    const cf_record_meeting *self = context;
    const cf_row *shown = cf_row_view_find(self->view, table->name, key);
    const bool joins = self->joins && cf_database_joins(self->joins, table->name);

    if (shown && !cf_rows_of_item(self->base, &shown->item) &&
        (joins ? joins_the_same(self, table, shown, content, count)
               : self->same && !has_natural_key(self, table))) {
        if (number == 0)
            return shown->item;
        number--;
    }
    return cf_record_ids_product.serial(NULL, table, key, content, count, number);
}

void cf_record_meeting_begin(cf_record_meeting *meeting)
{
    meeting->ids = (cf_record_ids){meeting, natural, serial, cycle, entry};
}
