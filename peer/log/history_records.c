/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/history_records.h"

#include "peer/adapters/record_format.h"
#include "peer/log/record_names.h"
#include "peer/merge/fields.h"

static const cf_change *change_of(const cf_change *changes, size_t count, uint32_t field)
{
    for (size_t i = 0; i < count; i++)
        if (cf_field_is(changes[i].field, field))
            return &changes[i];
    return NULL;
}

static bool has_field(const cf_event *event, cf_bytes name)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (cf_bytes_equal(event->fields[i], name))
            return true;
    return false;
}

/* Each once, though several values of a set may have changed. */
static void add_fields(const cf_change *changes, size_t count, cf_event *event, cf_arena *arena)
{
    const cf_schema_table plain = {.kind = event->item.bytes[0]};
    cf_bytes *fields = cf_arena_allocate(arena, count, sizeof *fields), name;
    cf_buffer text = {0};

    event->fields = fields;
    for (size_t i = 0; i < count; i++) {
        if (cf_row_field_is_reserved(changes[i].field))
            continue;
        cf_schema_property(&plain, changes[i].field, &name);
        cf_buffer_clear(&text);
        cf_record_field_text(name, &text);
        if (!has_field(event, cf_buffer_view(&text)))
            fields[event->field_count++] = cf_arena_copy(arena, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
}

void cf_history_record(const cf_collection *collection, const cf_change *changes, size_t count,
                       cf_event *event, cf_arena *arena)
{
    const cf_change *table = change_of(changes, count, CF_FIELD_NUMBER_TABLE);
    const cf_change *key = change_of(changes, count, CF_FIELD_NUMBER_KEY);
    bool keyed = key && key->value.size;

    if (collection)
        event->title = cf_record_title(collection, &event->item, arena);
    if (change_of(changes, count, CF_FIELD_NUMBER_DELETED)) {
        event->what = "deleted";
    } else if (keyed && !key->weak && table && table->value.size) {
        event->what = "new";
    } else {
        add_fields(changes, count, event, arena);
        event->what = event->field_count ? "edited" : keyed ? "moved" : "settled";
    }
}
