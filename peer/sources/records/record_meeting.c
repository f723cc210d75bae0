/* SPDX-License-Identifier: Apache-2.0 */
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

/* `content` says which items it refers to, as far as their rows are there. */
static bool joins_the_same(const cf_record_meeting *self, const cf_schema_table *table,
                           const cf_row *shown, const cf_row_field *content, size_t count)
{
    bool same = self->joins && cf_database_joins(self->joins, table->name);

    for (size_t i = 0; same && i < count; i++) {
        const cf_field_rule rule = cf_schema_field(table, content[i].name);
        const cf_row_field *there =
            rule.merge == CF_MERGE_REFERENCE ? cf_row_field_named(shown, rule.name) : NULL;
        cf_buffer packed = {0};

        if (rule.merge != CF_MERGE_REFERENCE || !content[i].count ||
            !cf_database_joins_by(self->joins, table->name, content[i].name))
            continue;
        const cf_row *target = there && there->count
                                   ? cf_row_view_find(self->view, rule.table, there->values[0])
                                   : NULL;
        if (target)
            cf_reference_pack_item(&packed, &target->item);
        same = target && cf_bytes_equal(content[i].values[0], cf_buffer_view(&packed));
        cf_buffer_release(&packed);
    }
    return same;
}

/* The first that is asked for is the one that is shown there, unless the source has that already.
 */
static cf_id serial(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number)
{
    const cf_record_meeting *self = context;
    const cf_row *shown = cf_row_view_find(self->view, table->name, key);

    if (shown && !cf_rows_of_item(self->base, &shown->item) &&
        (self->same || joins_the_same(self, table, shown, content, count))) {
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
