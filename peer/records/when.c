/* SPDX-License-Identifier: Apache-2.0 */
/* Which fields say when a row is: start, due, length, zone and whether it lasts all day, of events
 * and tasks alone. A line says what the field does for which it stands; of a property that is two
 * fields, that of the row's kind. */
#include "peer/records/when.h"

cf_when cf_when_of_field(uint8_t kind, cf_bytes field)
{
    static const char *const fields[CF_WHENS] = {
        [CF_WHEN_START] = "/start",       [CF_WHEN_DUE] = "/due",
        [CF_WHEN_DURATION] = "/duration", [CF_WHEN_ESTIMATED] = "/estimatedDuration",
        [CF_WHEN_ZONE] = "/timeZone",     [CF_WHEN_DAY] = "/showWithoutTime",
    };
    cf_when when = CF_WHENS - 1;

    if (kind != CF_KIND_EVENT && kind != CF_KIND_TASK)
        return CF_WHEN_NONE;
    while (when > CF_WHEN_NONE && !cf_bytes_equal(field, cf_bytes_of_text(fields[when])))
        when--;
    return when;
}

cf_when cf_when_of_line(uint8_t kind, const cf_seat *line)
{
    const char *field = NULL;

    if (cf_seat_has_field(line))
        field = kind == CF_KIND_TASK && line->rule->task ? line->rule->task : line->rule->field;
    return field ? cf_when_of_field(kind, cf_bytes_of_text(field)) : CF_WHEN_NONE;
}

cf_when cf_when_of(const cf_schema_table *table, cf_bytes field, cf_bytes value)
{
    cf_bytes name;

    if (cf_schema_property(table, field, &name) != CF_MERGE_SET)
        return cf_when_of_field(table->kind, field);
    const cf_seat seat = cf_seat_of(table->kind, name, value);
    return cf_when_of_line(table->kind, &seat);
}
