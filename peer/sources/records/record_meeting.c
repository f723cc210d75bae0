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

/* The first that is asked for is the one that is shown there, unless the source has that already.
 */
static cf_id serial(void *context, const cf_schema_table *table, cf_bytes key,
                    const cf_row_field *content, size_t count, uint64_t number)
{
    const cf_record_meeting *self = context;
    const cf_row *shown = cf_row_view_find(self->view, table->name, key);

    if (shown && !cf_rows_of_item(self->base, &shown->item)) {
        if (number == 0)
            return shown->item;
        number--;
    }
    return cf_record_ids_product.serial(NULL, table, key, content, count, number);
}

void cf_record_meeting_begin(cf_record_meeting *meeting, const cf_row_view *view,
                             const cf_rows *base)
{
    *meeting = (cf_record_meeting){
        .ids = {meeting, natural, serial, cycle, entry}, .view = view, .base = base};
}
